/** `db indexes ensure|verify` of the gateway's database. */
import { connectMongo, ensureIndexes, verifyIndexes, type Mongo } from '@countersign/mongo'
import { createLogger, createMetrics, readEnvironment, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { configFrom, environment } from './config.ts'
import { indexes } from './indexes.ts'

export const indexCommands = (env: EnvironmentSource): CliCommand[] => [
  {
    name: 'db indexes ensure',
    description: 'Make the indexes that are missing; run again it changes nothing',
    run: ({ print, line }) => withMongo(env, async ({ db }) => {
      await ensureIndexes(db, indexes)
      print({ service: 'auth-gateway', indexes: indexes.length }, () => { line(`auth-gateway: ${indexes.length} indexes are in place`) })
      return 0
    })
  },
  {
    name: 'db indexes verify',
    description: 'Compare the indexes with what the service relies on; exit 1 when they differ',
    run: ({ print, line, table }) => withMongo(env, async ({ db }) => {
      const differences = await verifyIndexes(db, indexes)
      print(differences, () => {
        if (differences.length === 0) line(`auth-gateway: all ${indexes.length} indexes are as wanted`)
        else table(differences.map(({ collection, index, detail }) => ({ collection, index, detail })))
      })
      return differences.length === 0 ? 0 : 1
    })
  }
]

async function withMongo (env: EnvironmentSource, work: (mongo: Mongo) => Promise<0 | 1>): Promise<0 | 1> {
  const config = configFrom(readEnvironment(environment, env))
  const log = createLogger({ service: 'auth-gateway', level: 'silent', sha: config.log.sha, environment: config.label })
  const mongo = await connectMongo({ ...config.mongo, log, metrics: createMetrics({ service: 'auth-gateway', sha: config.log.sha }) })
  try {
    return await work(mongo)
  } finally {
    await mongo.close()
  }
}
