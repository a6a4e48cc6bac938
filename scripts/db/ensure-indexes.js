process.argv.splice(2, 0, 'scripts/db/ensure-indexes.js')
await import('../earlier.mjs')
