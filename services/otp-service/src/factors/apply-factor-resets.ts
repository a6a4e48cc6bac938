/** Does the resets whose delay is over: the factors go, codes on their way die, and the next enrolment makes a new root. */
import type { Audit, OutboxRow } from '@countersign/mongo'
import type { BudgetRepository } from '../budgets/budget-repository.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { FactorResetRepository } from './factor-reset-repository.ts'

export interface ApplyFactorResetsDeps {
  readonly resets: Pick<FactorResetRepository, 'due' | 'apply' | 'addressesOf'>
  readonly challenges: Pick<ChallengeRepository, 'cancelOf'>
  readonly budgets: Pick<BudgetRepository, 'forget'>
  readonly mails: MailWriter
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newRequestId: () => string
}

/** @returns how many were done; any number of processes may do it at once. */
export type ApplyFactorResets = () => Promise<number>

const atOnce = 100
const noticeUsefulMs = 86_400_000

export function createApplyFactorResets ({ resets, challenges, budgets, mails, audit, transact, dispatch, newRequestId }: ApplyFactorResetsDeps): ApplyFactorResets {
  const apply = async (userId: string, resetId: string): Promise<OutboxRow[] | undefined> => await transact(async (transaction) => {
    const addresses = await resets.addressesOf(userId, transaction)
    const at = await resets.apply(userId, resetId, transaction)
    if (at === undefined) return undefined
    await challenges.cancelOf(userId, transaction)
    // They were guesses at what is no factor any more.
    await budgets.forget(userId, transaction)
    const requestId = newRequestId()
    const rows: OutboxRow[] = []
    for (const to of addresses) {
      rows.push(await mails.write({ template: 'factor_reset_done', to, parameters: { account: userId, at: at.toISOString() } }, { usefulUntil: new Date(at.getTime() + noticeUsefulMs), requestId }, transaction))
    }
    await audit.append({ event: 'factor.reset_done', subject: userId, requestId, facts: { reset: resetId } }, transaction)
    return rows
  })

  return async () => {
    let done = 0
    for (const { userId, resetId } of await resets.due(atOnce)) {
      const rows = await apply(userId, resetId)
      if (rows === undefined) continue
      done++
      await dispatch(rows)
    }
    return done
  }
}
