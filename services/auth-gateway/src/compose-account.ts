/** Taking one's data along and leaving, joined. */
import type { ReceiptClaims } from '@countersign/contracts'
import { inTransaction, type Audit, type OutboxRow } from '@countersign/mongo'
import { jobConnection } from '@countersign/redis'
import { newId, type Clock, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { deriveKey } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import { createDeleteAccount } from './account/delete-account.ts'
import { createDeletionRepository } from './account/deletion-repository.ts'
import { createExportAccount } from './account/export-account.ts'
import { createFinishDeletion } from './account/finish-deletion.ts'
import { createAskForWipeCode, createProveWipe } from './account/prove-wipe.ts'
import { createApiKeyRepository } from './api-keys/api-key-repository.ts'
import type { composeSessions } from './compose-sessions.ts'
import type { GatewayConfig } from './config.ts'
import { createConnectionCache } from './earlier/wallet-connection/connection-cache.ts'
import { createConnectionRepository } from './earlier/wallet-connection/connection-repository.ts'
import { createAuditReader } from './operators/audit-reader.ts'
import type { PasswordRepository } from './passwords/password-repository.ts'
import { createDeviceRepository } from './sessions/device-repository.ts'
import type { Stores } from './stores.ts'
import type { UserRepository } from './users/user-repository.ts'
import { startDeletionWorkers } from './workers/deletion-workers.ts'

export interface ComposeAccountOptions {
  readonly config: GatewayConfig
  readonly stores: Stores
  readonly users: UserRepository
  readonly passwords: PasswordRepository
  readonly audit: Audit
  readonly sessions: Pick<Awaited<ReturnType<typeof composeSessions>>, 'repository' | 'revocations' | 'states' | 'stillOpen' | 'writeMail'>
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

export function composeAccount ({ config, stores: { mongo, redis, outbox, dispatcher, commands }, users, passwords, audit, sessions: { repository: sessions, revocations, states, stillOpen, writeMail }, verifyReceipt, clock, log, metrics, lifecycle }: ComposeAccountOptions) {
  const now = () => clock.now()
  const transact = <T>(work: (transaction: ClientSession) => Promise<T>): Promise<T> => inTransaction(mongo, work)
  const deletions = createDeletionRepository(mongo)
  const keys = createApiKeyRepository(mongo)
  const connections = createConnectionRepository(mongo)
  const mailing = { writeMail, dispatch: (row: OutboxRow) => dispatcher.dispatch(row) }
  const ending = { deletions, states, audit, inTransaction: transact, now, ...mailing }

  const workers = startDeletionWorkers({
    finishDeletion: createFinishDeletion({ ...ending, sessions, connections, cache: createConnectionCache({ redis, load: connections.ofAddress, log }) }),
    connection: jobConnection(config.redis.url, 'auth-gateway'),
    log, metrics
  })
  lifecycle.onStop('deletions of accounts', () => workers.close())

  return {
    exportAccount: createExportAccount({ users, sessions, passwords, keys, connections, commands, now, devices: createDeviceRepository(mongo), audit: createAuditReader(mongo) }),
    askForWipeCode: createAskForWipeCode({ commands }),
    deleteAccount: createDeleteAccount({
      ...ending, revocations, stillOpen, outbox,
      proveWipe: createProveWipe({ commands, commandKey: deriveKey(config.secretKey, 'wipe-command-id'), verifyReceipt }),
      revokeKeys: keys.revokeAll,
      newId: () => newId('del')
    })
  }
}
