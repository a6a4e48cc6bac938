import { stores, type ServiceName } from '@countersign/contracts'
import { commonVariables, createLogger, createMetrics, defineEnvironment, readEnvironment, type EnvironmentSource } from '@countersign/runtime'
import type { Db } from 'mongodb'
import { connectMongo } from '../connect.ts'

/** All that commands about a database ask of the environment: they run where the service itself could not start. */
export const databaseEnvironment = defineEnvironment({
  NODE_ENV: commonVariables.NODE_ENV,
  ENVIRONMENT: commonVariables.ENVIRONMENT,
  MONGODB_URI: commonVariables.MONGODB_URI
})

export type WithDb = <T>(work: (db: Db) => Promise<T>) => Promise<T>

/**
 * The database of a service for one command, opened before it and closed after it.
 * @param env `process.env`, read when a command runs
 * @param database its name, where it is not the usual one
 */
export const databaseOf = (service: ServiceName, env: EnvironmentSource, database = stores[service].database): WithDb => async (work) => {
  const { MONGODB_URI: uri, ENVIRONMENT: environment } = readEnvironment(databaseEnvironment, env)
  const who = { service, sha: 'unknown', environment }
  const mongo = await connectMongo({
    uri, database, log: createLogger({ ...who, level: 'silent' }), metrics: createMetrics(who), name: `${service} cli`, minPoolSize: 0
  })
  try {
    return await work(mongo.db)
  } finally {
    await mongo.close()
  }
}
