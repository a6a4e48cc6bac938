import type { ServiceName } from './services.ts'

export interface Store {
  readonly database: string
  /** Collections that the service may read and write. */
  readonly collections: readonly string[]
  /** Collections that the service may insert into and read, never change: the database user is not allowed to. */
  readonly insertOnly: readonly string[]
  /** Of each of those: made by whoever makes the user, who may not. */
  readonly insertOnlyIndexes: readonly StoreIndex[]
}

export interface StoreIndex {
  readonly collection: string
  readonly name: string
  /** Fields in order. */
  readonly key: Readonly<Record<string, 1 | -1>>
}

const bySubject: StoreIndex = { collection: 'audit', name: 'by_subject', key: { subject: 1, _id: 1 } }
/** The signer's rows are linked wallet by wallet, in the order of the database. */
const byWallet: StoreIndex = { collection: 'audit', name: 'by_wallet', key: { walletId: 1, recordedAt: 1 } }
const sealsByChain: StoreIndex = { collection: 'audit_seals', name: 'by_chain', key: { chain: 1, first: 1 } }
/** The gateway's audit is read by event alone, too. */
const byEvent: StoreIndex = { collection: 'audit', name: 'by_event', key: { event: 1, _id: 1 } }

/** One database and one database user per service. Whoever makes the users (local stack, operator) reads this table. */
export const stores: Readonly<Record<ServiceName, Store>> = Object.freeze({
  'auth-gateway': {
    database: 'countersign_auth',
    collections: ['users', 'identities', 'passwords', 'used_receipts', 'sessions', 'devices', 'signing_keys', 'api_keys', 'wallet_connections', 'step_ups', 'notices', 'outbox', 'migrations', 'leases'],
    insertOnly: ['audit'],
    insertOnlyIndexes: [bySubject, byEvent]
  },
  'otp-service': {
    database: 'countersign_otp',
    collections: ['factor_owners', 'factors', 'factor_objections', 'totp_enrolments', 'wallet_enrolments', 'passkey_enrolments', 'passkey_sign_ins', 'challenges', 'failure_budgets', 'mailbox_challenges', 'mailbox_budgets', 'withheld_mails', 'otp_days', 'receipts', 'outbox', 'migrations', 'leases'],
    insertOnly: ['audit'],
    insertOnlyIndexes: [bySubject]
  },
  'signer-service': {
    database: 'countersign_signer',
    collections: ['wallets', 'principals', 'policies', 'windows', 'approvals', 'transactions', 'signatures', 'attempts', 'consumed_receipts', 'lanes', 'reconciliations', 'reconciliation_alarms', 'events', 'outbox', 'migrations', 'leases'],
    insertOnly: ['audit', 'audit_seals'],
    insertOnlyIndexes: [bySubject, byWallet, sealsByChain]
  },
  'email-worker': {
    database: 'countersign_email',
    collections: ['deliveries', 'suppressions', 'migrations', 'leases'],
    insertOnly: ['audit'],
    insertOnlyIndexes: [bySubject]
  }
})
