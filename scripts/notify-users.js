process.argv.splice(2, 0, 'scripts/notify-users.js')
await import('./earlier.mjs')
