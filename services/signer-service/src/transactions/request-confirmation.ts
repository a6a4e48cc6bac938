/** Makes sure that otp-service was asked about a waiting transaction. Safe to repeat: the challenge id is chosen and stored first. */
import type { createChallenge} from '@countersign/contracts'
import { Problem, problems, type ReplyOf, type RequestOf } from '@countersign/contracts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { Asking } from './asking.ts'
import type { AskedChallenge, Transaction } from './transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'

/** Asks otp-service on the signer's own list. */
export type AskChallenge = (request: RequestOf<typeof createChallenge>, requestId: string) => Promise<ReplyOf<typeof createChallenge>>

export interface RequestConfirmationDeps {
  readonly transactions: Pick<TransactionRepository, 'setAsked' | 'find'>
  readonly principals: Pick<PrincipalRepository, 'find'>
  readonly askChallenge: AskChallenge
}

export type RequestConfirmation = (transaction: Transaction, asking: Pick<Asking, 'requestId'>) => Promise<Transaction>

/**
 * @returns the row with its challenge; the same row when it waits for nothing or was asked before.
 * @throws Problem what otp-service refuses with (factorRequired, factorLocked, sendLimited, …), or unavailable.
 */
export const createRequestConfirmation = ({ transactions, principals, askChallenge }: RequestConfirmationDeps): RequestConfirmation =>
  async (transaction, { requestId }) => {
    const { confirmation } = transaction
    const needless = transaction.requirements !== null && !transaction.missing.includes('proof')
    if (transaction.state !== 'awaiting_confirmation' || confirmation.asked !== null || needless) return transaction
    const principal = await principals.find(transaction.initiator)
    if (principal === undefined || principal.factorRoot === null) throw new Problem(problems.notPermitted)
    const reply = await askChallenge({
      challenge_id: confirmation.challengeId,
      purpose: 'transaction',
      user_id: transaction.initiator,
      session_id: confirmation.sessionId,
      factor_root: principal.factorRoot,
      action_digest: transaction.digest,
      text: transaction.text,
      action_ends_at: transaction.validUntil.toISOString()
    }, requestId)
    return await transactions.setAsked(transaction.id, { ...confirmation, asked: toAsked(reply) }) ?? await transactions.find(transaction.id) ?? transaction
  }

export const toAsked = ({ sent_to: sentTo, expires_at: expiresAt, attempts_left: attemptsLeft }: ReplyOf<typeof createChallenge>): AskedChallenge =>
  ({ sentTo, expiresAt, attemptsLeft })

export const isUnavailable = (error: unknown): boolean => error instanceof Problem && (error.kind === problems.unavailable || error.kind === problems.internal)
