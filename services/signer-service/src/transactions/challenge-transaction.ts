/** A new code for a waiting transaction: of the same challenge while that lives, else of a fresh one. */
import { Problem, problems, type ReplyOf, type RequestOf, type resendChallenge, type TransactionChallenge } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Transact } from '../unit.ts'
import type { Asking } from './asking.ts'
import type { ExpireTransaction } from './expire-transactions.ts'
import { findOwn } from './find-own.ts'
import { toAsked, type RequestConfirmation } from './request-confirmation.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'
import { challengeView } from './transaction-view.ts'

export interface ChallengeDeps {
  readonly transactions: Pick<TransactionRepository, 'find' | 'setAsked' | 'replaceChallenge'>
  readonly expire: ExpireTransaction
  readonly requestConfirmation: RequestConfirmation
  readonly resend: (request: RequestOf<typeof resendChallenge>, ids: { readonly requestId: string, readonly commandId: string }) => Promise<ReplyOf<typeof resendChallenge>>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly newChallengeId: () => string
}

/** @throws Problem stateConflict when the transaction waits for nothing; otherwise what otp-service refuses with. */
export const createChallengeTransaction = (deps: ChallengeDeps) => {
  const { transactions, expire, requestConfirmation, resend } = deps

  /** @returns undefined when this challenge can give no further code. */
  const renewed = async (own: Transaction, { sessionId, requestId, commandId }: Asking): Promise<Transaction | undefined> => {
    // Made for another session of this user: that one alone may answer it.
    if (own.confirmation.sessionId !== sessionId) return undefined
    try {
      const reply = await resend({ challenge_id: own.confirmation.challengeId, user_id: own.initiator, session_id: sessionId }, { requestId, commandId })
      return await transactions.setAsked(own.id, { ...own.confirmation, asked: toAsked(reply) })
    } catch (error) {
      if (error instanceof Problem && (error.kind === problems.stateConflict || error.kind === problems.notFound)) return undefined
      throw error
    }
  }

  return async (id: string, asking: Asking): Promise<TransactionChallenge> => {
    const own = await findOwn(transactions, id, asking.userId)
    if (own.state !== 'awaiting_confirmation' || await expire(own)) throw new Problem(problems.stateConflict, { detail: 'The transaction does not wait for a confirmation any more.' })
    const ready = own.confirmation.asked === null
      ? await requestConfirmation(own, asking)
      : await renewed(own, asking) ?? await requestConfirmation(await freshChallenge(deps, own, asking), asking)
    const view = challengeView(ready.confirmation)
    if (view === undefined) throw new Problem(problems.stateConflict)
    return view
  }
}

/** The old challenge may live on in otp-service; its receipt names another challenge than the row and is refused. */
async function freshChallenge ({ transactions, transact, audit, newChallengeId }: ChallengeDeps, own: Transaction, { sessionId, userId, requestId }: Asking): Promise<Transaction> {
  const old = own.confirmation.challengeId
  const fresh = { challengeId: newChallengeId(), sessionId, asked: null }
  const replaced = await transact(async (unit) => {
    const row = await transactions.replaceChallenge(own.id, old, fresh, unit)
    if (row !== undefined) await audit.append({ event: 'transaction.challenged', subject: own.id, walletId: own.walletId, actor: userId, requestId, facts: { challenge: fresh.challengeId, replaces: old } }, unit.session)
    return row
  })
  // A parallel request replaced it first, or the transaction moved on.
  const row = replaced ?? await transactions.find(own.id)
  if (row?.state !== 'awaiting_confirmation') throw new Problem(problems.stateConflict)
  return row
}
