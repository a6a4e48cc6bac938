/** The gateway's database for one command, opened before it and closed after it. */
import { connectMongo, type Mongo } from '@countersign/mongo'
import { createLogger, createMetrics, readEnvironment, type EnvironmentSource, type ExitCode } from '@countersign/runtime'
import { configFrom, environment, type GatewayConfig } from '../config.ts'

export type WithMongo = (work: (mongo: Mongo, config: GatewayConfig) => Promise<ExitCode>) => Promise<ExitCode>

/** @param env `process.env`, read when a command runs */
export const createWithMongo = (env: EnvironmentSource): WithMongo => async (work) => {
  const config = configFrom(readEnvironment(environment, env))
  const log = createLogger({ service: 'auth-gateway', level: 'silent', sha: config.log.sha, environment: config.label })
  const mongo = await connectMongo({ ...config.mongo, log, metrics: createMetrics({ service: 'auth-gateway', sha: config.log.sha }) })
  try {
    return await work(mongo, config)
  } finally {
    await mongo.close()
  }
}
