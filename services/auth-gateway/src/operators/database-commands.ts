/** `db …` of the gateway's database. */
import { databaseCommands, databaseOf, orphans, type RowCheck } from '@countersign/mongo'
import type { CliCommand, EnvironmentSource } from '@countersign/runtime'
import { indexes } from '../indexes.ts'

const withoutLogin: RowCheck = {
  name: 'users → identities',
  found: 'accounts in use without a login',
  count: async (db) => {
    const [row] = await db.collection('users').aggregate<{ count: number }>([
      { $match: { state: 'active' } },
      { $lookup: { from: 'identities', localField: '_id', foreignField: 'userId', as: 'logins', pipeline: [{ $limit: 1 }, { $project: { _id: 1 } }] } },
      { $match: { logins: { $size: 0 } } },
      { $count: 'count' }
    ]).toArray()
    return row?.count ?? 0
  }
}

export const gatewayDatabaseCommands = (env: EnvironmentSource): CliCommand[] => databaseCommands({
  service: 'auth-gateway',
  withDb: databaseOf('auth-gateway', env),
  indexes,
  rowChecks: [
    orphans('identities', 'userId', 'users'), withoutLogin,
    orphans('sessions', 'userId', 'users', { state: 'active' }),
    orphans('wallet_connections', 'userId', 'users', { isConnected: true }),
    orphans('passwords', '_id', 'identities')
  ],
  indexNotes: [
    'wallet_connections has no unique index on the address alone: one address may be connected in several wallet programs ({address, walletType} is unique)',
    'sessions has no index that deletes: ended ones are marked and kept as history'
  ]
})
