/** `db indexes ensure|verify` of the gateway's database. */
import { ensureIndexes, verifyIndexes } from '@countersign/mongo'
import type { CliCommand } from '@countersign/runtime'
import { indexes } from '../indexes.ts'
import type { WithMongo } from './with-mongo.ts'

export const indexCommands = (withMongo: WithMongo): CliCommand[] => [
  {
    name: 'db indexes ensure',
    description: 'Make the indexes that are missing; run again it changes nothing',
    run: ({ print, line }) => withMongo(async ({ db }) => {
      await ensureIndexes(db, indexes)
      print({ service: 'auth-gateway', indexes: indexes.length }, () => { line(`auth-gateway: ${indexes.length} indexes are in place`) })
      return 0
    })
  },
  {
    name: 'db indexes verify',
    description: 'Compare the indexes with what the service relies on; exit 1 when they differ',
    run: ({ print, line, table }) => withMongo(async ({ db }) => {
      const differences = await verifyIndexes(db, indexes)
      print(differences, () => {
        if (differences.length === 0) line(`auth-gateway: all ${indexes.length} indexes are as wanted`)
        else table(differences.map(({ collection, index, detail }) => ({ collection, index, detail })))
      })
      return differences.length === 0 ? 0 : 1
    })
  }
]
