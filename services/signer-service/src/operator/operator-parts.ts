/** What the command line needs of the service, opened per command and closed after it. */
import { createCommandClient, type CommandClient } from '@countersign/redis'
import { connectMongo, createAudit, inTransaction, type Audit, type Mongo } from '@countersign/mongo'
import { createKeyAdmin, type KeyAdmin, type OpenKeyRing } from '@countersign/kms'
import { createLogger, createMetrics, readEnvironment, type EnvironmentSource } from '@countersign/runtime'
import { createChain, createChains, type Chains } from '../chain/chains.ts'
import { openNodes } from '../compose-nodes.ts'
import { configFrom, environment, type Config } from '../config.ts'
import { createTransact, type Transact } from '../unit.ts'
import { openKeyRing } from '../wallets/key-rings.ts'

export interface OperatorParts {
  readonly config: Config
  readonly mongo: Mongo
  readonly transact: Transact
  readonly audit: Audit
  readonly keyRing: OpenKeyRing
  readonly keyAdmin: KeyAdmin
  /** Nobody asked their nodes anything yet. */
  readonly chains: Chains
  /** Opened when asked for: most commands talk to no other service. */
  commands (): Promise<CommandClient>
}

export type WithParts = <T>(work: (parts: OperatorParts) => Promise<T>) => Promise<T>

/** @param env `process.env`, read when a command runs. */
export const createWithParts = (env: EnvironmentSource): WithParts => async (work) => {
  const config = configFrom(readEnvironment(environment, env))
  const who = { service: 'signer-service', sha: config.process.sha, environment: config.process.environment }
  const log = createLogger({ ...who, level: 'silent' })
  const metrics = createMetrics(who)
  const mongo = await connectMongo({ ...config.mongo, log, metrics, name: 'signer-service cli', minPoolSize: 0 })
  const keyRing = openKeyRing({ ...config.kms, log, metrics }, config.localPrivateKey)
  const keyAdmin = createKeyAdmin({ ...config.kms, log, metrics })
  let client: CommandClient | undefined
  try {
    return await work({
      config,
      mongo,
      keyRing,
      keyAdmin,
      transact: createTransact(async (write) => await inTransaction(mongo, write)),
      audit: createAudit(mongo.db),
      chains: createChains(config.chains.map((chain) => createChain(chain, openNodes(chain, config, metrics)))),
      commands: async () => client ??= await createCommandClient({ url: config.redisUrl, service: 'signer-service', log, metrics })
    })
  } finally {
    await client?.close()
    keyRing.close()
    keyAdmin.close()
    await mongo.close()
  }
}
