import type { ServiceName } from './services.ts'

export interface Store {
  readonly database: string
  /** Collections that the service may read and write. */
  readonly collections: readonly string[]
  /** Collections that the service may insert into and read, never change: the database user is not allowed to. */
  readonly insertOnly: readonly string[]
}

/** One database and one database user per service. Whoever makes the users (local stack, operator) reads this table. */
export const stores: Readonly<Record<ServiceName, Store>> = Object.freeze({
  'auth-gateway': {
    database: 'countersign_auth',
    collections: ['users', 'identities', 'passwords', 'used_receipts', 'sessions', 'devices', 'signing_keys', 'api_keys', 'wallet_connections', 'notices', 'outbox', 'migrations', 'leases'],
    insertOnly: ['audit']
  },
  'otp-service': {
    database: 'countersign_otp',
    collections: ['factor_owners', 'factors', 'challenges', 'failure_budgets', 'mailbox_challenges', 'mailbox_budgets', 'withheld_mails', 'receipts', 'outbox', 'migrations', 'leases'],
    insertOnly: ['audit']
  },
  'signer-service': {
    database: 'countersign_signer',
    collections: ['wallets', 'principals', 'policies', 'transactions', 'attempts', 'consumed_receipts', 'lanes', 'outbox', 'migrations', 'leases'],
    insertOnly: ['audit']
  },
  'email-worker': {
    database: 'countersign_email',
    collections: ['deliveries', 'migrations', 'leases'],
    insertOnly: ['audit']
  }
})
