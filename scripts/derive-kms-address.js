process.argv.splice(2, 0, 'scripts/derive-kms-address.js')
await import('./earlier.mjs')
