/** `db indexes ensure|verify` of the signer's database. */
import { ensureIndexes, verifyIndexes } from '@countersign/mongo'
import { exitCodes, type CliCommand } from '@countersign/runtime'
import { indexes } from '../indexes.ts'
import type { WithParts } from './operator-parts.ts'

export const indexCommands = (withParts: WithParts): CliCommand[] => [
  {
    name: 'db indexes ensure',
    description: 'Make the indexes that are missing',
    run: async ({ print, line }) => await withParts(async ({ mongo: { db } }) => {
      await ensureIndexes(db, indexes)
      print({ database: db.databaseName, indexes: indexes.length }, () => { line(`${db.databaseName}: ${indexes.length} indexes are in place`) })
    })
  },
  {
    name: 'db indexes verify',
    description: 'Compare the indexes with what the service relies on; exit 1 when they differ',
    run: async ({ print, table, line }) => await withParts(async ({ mongo: { db } }) => {
      const differences = await verifyIndexes(db, indexes)
      print(differences, () => {
        if (differences.length === 0) line(`${db.databaseName}: all indexes are as wanted`)
        else table(differences.map(({ collection, index, kind, detail }) => ({ collection, index, kind, detail })))
      })
      return differences.length === 0 ? exitCodes.ok : exitCodes.failed
    })
  }
]
