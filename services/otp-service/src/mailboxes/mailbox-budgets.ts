/**
 * Wrong codes of mailbox challenges, counted by rules like a factor's (budget.ts) and apart from it, twice: for the address and for the
 * account, so that neither many addresses of one account nor many accounts of one address give more guesses. Challenges that a session
 * opened count apart from those of people without one: what strangers guess at a sign-in page locks nobody's session out, and no factor.
 *
 * The asker is the opener: a browser that answered rightly before keeps a few wrong codes of its own while strangers have spent the
 * address's. Links are no guesses and are never locked.
 */
import type { IndexSpec } from '@countersign/mongo'
import { keyedHash } from '@countersign/secrets'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import type { Lock } from '../budgets/budget.ts'
import { normaliseAddress } from '../factors/factor.ts'
import type { Transaction } from '../transaction.ts'
import type { MailboxChallenge } from './mailbox-challenge.ts'

/** Label of the key that addresses are hashed with (HKDF). */
export const mailboxBudgetLabel = 'otp-service/mailbox-budget/v1'

const quarterInSeconds = 90 * 86_400

export const mailboxBudgetIndexes: readonly IndexSpec[] = [
  // Anybody may guess at anybody's address: what was not touched for so long is nobody's any more.
  { collection: 'mailbox_budgets', name: 'expiry', key: { touched_at: 1 }, expireAfterSeconds: quarterInSeconds }
]

export type Guessed = Pick<MailboxChallenge, 'address' | 'userId' | 'sessionId' | 'opener'>

export interface MailboxReservation {
  readonly id: string
  readonly granted: boolean
  /** Whether something is locked if this attempt is wrong. */
  readonly spends: boolean
  /**
   * What the answerer may learn when it is not granted. Undefined when the account is locked and the address is not: two addresses of one
   * account would tell of each other.
   */
  readonly lock: Lock | undefined
}

export interface MailboxBudgets {
  /** Counts one attempt as a wrong code of both, or of neither. */
  readonly reserve: (guessed: Guessed, reservationId: string) => Promise<MailboxReservation>
  readonly giveBack: (guessed: Guessed, reservationId: string) => Promise<void>
  /** @param asker null when it was not the opener who was right, but a link in another browser: that one is not remembered. */
  readonly succeed: (guessed: Guessed, asker: string | null, reservationId: string, transaction: Transaction) => Promise<void>
  /** Of the address, as its opener finds it. */
  readonly lockOf: (guessed: Guessed) => Promise<Lock>
  /** For a challenge that is not there: as many writes as the attempt and the two counts of one that is. */
  readonly pretend: (reservationId: string) => Promise<void>
}

type Opened = 'session' | 'open'
const ways: readonly Opened[] = ['open', 'session']

/** The database sees keyed hashes: a dump of its counters names nobody. */
const addressKey = (hashKey: Uint8Array, address: string, opened: Opened): string =>
  `${opened}:address:${keyedHash(hashKey, normaliseAddress(address)).toString('base64url')}`

/** An address without an account has a second row all the same: as many writes as with one. */
const accountKey = (userId: string | null, ofAddress: string, opened: Opened): string => userId === null ? `${ofAddress}:nobody` : `${opened}:account:${userId}`

/** All that is counted for an address, for the operator. */
export const budgetKeysOfAddress = (hashKey: Uint8Array, address: string): string[] =>
  ways.map((opened) => addressKey(hashKey, address, opened)).flatMap((key) => [key, `${key}:nobody`])

/** All that is counted for an account, for the operator. */
export const budgetKeysOfAccount = (userId: string): string[] => ways.map((opened) => accountKey(userId, '', opened))

export function createMailboxBudgets (budgets: Omit<BudgetRepository, 'reopen'>, hashKey: Uint8Array): MailboxBudgets {
  const keysOf = ({ address, userId, sessionId }: Guessed) => {
    const opened = sessionId === null ? 'open' : 'session'
    const ofAddress = addressKey(hashKey, address, opened)
    return { ofAddress, ofAccount: accountKey(userId, ofAddress, opened) }
  }

  return {
    async reserve (guessed, id) {
      const { ofAddress, ofAccount } = keysOf(guessed)
      const address = await budgets.reserve(ofAddress, guessed.opener, id)
      if (!address.granted) return { id, granted: false, spends: false, lock: address.lock }
      const account = await budgets.reserve(ofAccount, guessed.opener, id)
      if (!account.granted) await budgets.giveBack(ofAddress, id)
      return { id, granted: account.granted, spends: address.spends || account.spends, lock: undefined }
    },

    async giveBack (guessed, id) {
      const { ofAddress, ofAccount } = keysOf(guessed)
      await Promise.all([budgets.giveBack(ofAddress, id), budgets.giveBack(ofAccount, id)])
    },

    async succeed (guessed, asker, id, transaction) {
      const { ofAddress, ofAccount } = keysOf(guessed)
      await budgets.succeedAll([ofAddress, ofAccount].map((key) => ({ userId: key, sessionId: asker, reservationId: id })), transaction)
    },

    lockOf: (guessed) => budgets.lockOf(keysOf(guessed).ofAddress, guessed.opener),

    async pretend (id) {
      for (let writes = 0; writes < 3; writes++) await budgets.pretend(id)
    }
  }
}
