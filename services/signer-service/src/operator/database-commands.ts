/** `db …` of the signer's database. */
import { databaseCommands, databaseOf, orphans } from '@countersign/mongo'
import { defineEnvironment, readEnvironment, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { environment } from '../config.ts'
import { indexes } from '../indexes.ts'

const databaseName = defineEnvironment({ MONGODB_DATABASE: environment.variables.MONGODB_DATABASE })

export const signerDatabaseCommands = (env: EnvironmentSource): CliCommand[] => databaseCommands({
  service: 'signer-service',
  withDb: (work) => databaseOf('signer-service', env, readEnvironment(databaseName, env).MONGODB_DATABASE)(work),
  indexes,
  rowChecks: [orphans('attempts', 'txId', 'transactions'), orphans('transactions', 'walletId', 'wallets')]
})
