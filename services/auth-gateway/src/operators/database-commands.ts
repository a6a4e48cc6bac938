/** `db …` of the gateway's database. */
import { databaseCommands, databaseOf, orphans } from '@countersign/mongo'
import type { CliCommand, EnvironmentSource } from '@countersign/runtime'
import { indexes } from '../indexes.ts'

export const gatewayDatabaseCommands = (env: EnvironmentSource): CliCommand[] => databaseCommands({
  service: 'auth-gateway',
  withDb: databaseOf('auth-gateway', env),
  indexes,
  rowChecks: [
    orphans('identities', 'userId', 'users'),
    orphans('sessions', 'userId', 'users', { state: 'active' }),
    orphans('wallet_connections', 'userId', 'users', { isConnected: true }),
    orphans('passwords', '_id', 'identities')
  ],
  indexNotes: [
    'wallet_connections has no unique index on the address alone: one address may be connected in several wallet programs ({address, walletType} is unique)',
    'sessions has no index that deletes: ended ones are marked and kept as history'
  ]
})
