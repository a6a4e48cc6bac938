/** The indexes of this service's collections; the unique ones are rules, not hints. */
import { stores } from '@countersign/contracts'
import { outboxIndexes, type IndexSpec } from '@countersign/mongo'
import { onePerCommand } from './challenges/challenge-repository.ts'
import { factorResetIndexes } from './factors/factor-reset-repository.ts'
import { mailboxIndexes } from './mailboxes/mailbox-repository.ts'
import { mailboxBudgetIndexes } from './mailboxes/mailbox-budgets.ts'
import { objectionIndexes } from './objections/objection-repository.ts'
import { passkeyEnrolmentIndexes } from './passkeys/passkey-enrolment.ts'
import { passkeySignInIndexes } from './passkeys/passkey-sign-ins.ts'
import { totpEnrolmentIndexes } from './totp/totp-enrolment.ts'
import { withheldMailIndexes } from './mailboxes/mailbox-mail.ts'
import { tallyIndexes } from './reports/tally-repository.ts'
import { walletEnrolmentIndexes } from './wallets/wallet-enrolment.ts'

export const indexes: readonly IndexSpec[] = [
  // A kind without slots has the same one, none, in all of its rows.
  { collection: 'factors', name: 'one_factor_per_kind_and_slot', key: { user_id: 1, kind: 1, slot: 1 }, unique: true },
  { collection: 'factors', name: 'one_owner_per_passkey', key: { kind: 1, slot: 1 }, unique: true, partialFilterExpression: { kind: 'passkey' } },
  { collection: 'challenges', name: onePerCommand, key: { aud: 1, command_id: 1, purpose: 1 }, unique: true, partialFilterExpression: { command_id: { $type: 'string' } } },
  { collection: 'challenges', name: 'pending_by_user', key: { user_id: 1 }, partialFilterExpression: { consumed_at: null, cancelled_at: null } },
  { collection: 'challenges', name: 'newest_of_session', key: { user_id: 1, session_id: 1, purpose: 1, created_at: -1 } },
  { collection: 'receipts', name: 'one_receipt_per_challenge', key: { challenge_id: 1 }, unique: true },
  ...factorResetIndexes,
  ...objectionIndexes,
  ...tallyIndexes,
  ...totpEnrolmentIndexes,
  ...walletEnrolmentIndexes,
  ...passkeyEnrolmentIndexes,
  ...passkeySignInIndexes,
  ...mailboxIndexes,
  ...mailboxBudgetIndexes,
  ...withheldMailIndexes,
  ...outboxIndexes,
  ...stores['otp-service'].insertOnlyIndexes
]
