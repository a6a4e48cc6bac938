/**
 * The gateway says that an account is being deleted. Factors go only with the proof of one of them that this service has on record, so that
 * a stolen gateway wipes none; without it they stay, and the acknowledgement says so. Safe to repeat.
 */
import { accountDeletedOtp, accountJobUsefulMs, type accountDeleteOtp, type PayloadOf } from '@countersign/contracts'
import { isDuplicateKey, type Audit, type Outbox } from '@countersign/mongo'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { MailboxRepository } from '../mailboxes/mailbox-repository.ts'
import type { Dispatch, Transact, Transaction } from '../transaction.ts'
import type { FactorRepository } from './factor-repository.ts'

type Deletion = PayloadOf<typeof accountDeleteOtp>
export type FactorsAfterDeletion = PayloadOf<typeof accountDeletedOtp>['factors']

export interface WipeAccountDeps {
  readonly factors: Pick<FactorRepository, 'wipe' | 'listOf'>
  readonly challenges: Pick<ChallengeRepository, 'bury'>
  readonly budgets: Pick<BudgetRepository, 'forget'>
  readonly mailboxes: Pick<MailboxRepository, 'cancel'>
  /** What was begun and not finished. */
  readonly forgetEnrolments: (userId: string, transaction: Transaction) => Promise<void>
  readonly outbox: Pick<Outbox, 'insert'>
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
}

/** So long may the deletion follow its proof. After that the proof is of a wish that nobody acted on. */
const proofGoodSeconds = 7 * 86_400

/** @returns what became of the factors; undefined when this deletion was acknowledged before. */
export type WipeAccount = (deletion: Deletion) => Promise<FactorsAfterDeletion | undefined>

export function createWipeAccount ({ factors, challenges, budgets, mailboxes, forgetEnrolments, outbox, audit, transact, dispatch }: WipeAccountDeps): WipeAccount {
  const wipe = async (userId: string, transaction: Transaction): Promise<FactorsAfterDeletion> => {
    const wiped = await factors.wipe(userId, proofGoodSeconds, transaction)
    if (!wiped && (await factors.listOf(userId, transaction)).length > 0) return 'retained'
    await challenges.bury(userId, transaction)
    await forgetEnrolments(userId, transaction)
    // On nobody's mere word: it would give a guesser of codes a new budget.
    if (wiped) await budgets.forget(userId, transaction)
    return wiped ? 'wiped' : 'none'
  }

  return async (deletion) => {
    const { deletion_id: id, user_id: userId, request_id: requestId } = deletion
    const done = await transact(async (transaction) => {
      const outcome = await wipe(userId, transaction)
      // Proofs of mailboxes are the gateway's own to cancel.
      await mailboxes.cancel({ userId }, transaction)
      await audit.append({ event: 'account.deletion_done', subject: userId, requestId, facts: { deletion: id, factors: outcome } }, transaction)
      const payload: PayloadOf<typeof accountDeletedOtp> = { ...deletion, factors: outcome }
      return { outcome, row: await outbox.insert({ queue: accountDeletedOtp.name, jobId: accountDeletedOtp.jobId(payload), payload, usefulUntil: { inMs: accountJobUsefulMs } }, transaction) }
    }).catch(unlessAcknowledged)
    if (done === undefined) return undefined
    await dispatch([done.row])
    return done.outcome
  }
}

/** The acknowledgement is written with the work, so that where it is the work is done. */
function unlessAcknowledged (error: unknown): undefined {
  if (!isDuplicateKey(error, 'one_row_per_job')) throw error
}
