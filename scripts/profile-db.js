process.argv.splice(2, 0, 'scripts/profile-db.js')
await import('./earlier.mjs')
