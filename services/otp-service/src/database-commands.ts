/** `db …` of otp-service's database. */
import { databaseCommands, databaseOf, orphans } from '@countersign/mongo'
import type { CliCommand, EnvironmentSource } from '@countersign/runtime'
import { indexes } from './indexes.ts'
import { migrations } from './migrations.ts'

export const otpDatabaseCommands = (env: EnvironmentSource): CliCommand[] => databaseCommands({
  service: 'otp-service',
  withDb: databaseOf('otp-service', env),
  indexes,
  migrations,
  rowChecks: [orphans('factors', 'user_id', 'factor_owners')]
})
