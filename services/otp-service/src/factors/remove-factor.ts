/** Removes a factor on the proof of one; never on a session's word. */
import { Problem, problems, type ReplyOf, type RequestOf, type removeFactor } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { UseStepUp } from '../step-ups/use-step-up.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { FactorChecks } from './factor-check.ts'
import type { FactorNotices } from './factor-notices.ts'
import type { FactorRepository } from './factor-repository.ts'
import { mayRemove } from './may-remove.ts'

export interface RemoveFactorDeps {
  readonly factors: Pick<FactorRepository, 'find' | 'listOf' | 'remove'>
  readonly challenges: Pick<ChallengeRepository, 'cancelOfFactor'>
  readonly stepUps: Pick<UseStepUp, 'use'>
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
}

export const createRemoveFactor = ({ factors, challenges, stepUps, checks, notices, audit, transact, dispatch }: RemoveFactorDeps) =>
  /** @throws Problem notFound, stepUpRequired, stateConflict when the factor that answered does not let this one go */
  async ({ user_id: userId, session_id: sessionId, factor_id: factorId, step_up: stepUpId }: RequestOf<typeof removeFactor>, asking: Asking): Promise<ReplyOf<typeof removeFactor>> => {
    const { requestId } = asking
    const { factor, left, rows } = await transact(async (transaction) => {
      const factor = await factors.find(userId, factorId, transaction)
      if (factor === undefined) throw new Problem(problems.notFound)
      const { factor: proof, at } = await stepUps.use({ userId, sessionId, stepUpId, action: { type: 'factors.remove', resource_id: factorId } }, asking, transaction)
      const all = await factors.listOf(userId, transaction)
      if (!mayRemove(factor, proof, { checks, count: all.length })) throw new Problem(problems.stateConflict, { detail: checks[factor.kind].shown ? 'This factor goes only with a proof that showed its removal.' : 'This factor goes with the proof of another one.' })
      const left = await factors.remove(factor, transaction)
      if (left === undefined) throw new Problem(problems.notFound)
      // Codes on their way to it answer nothing any more.
      await challenges.cancelOfFactor(userId, factor.id, transaction)
      const rows = await notices.write({ change: 'removed', factor, all, at, requestId }, transaction)
      await audit.append({ event: 'factor.removed', subject: userId, actor: userId, requestId, facts: { factor: factor.id, kind: factor.kind, step_up: stepUpId ?? null, proved_by: proof.id, left } }, transaction)
      return { factor, left, rows }
    })
    notices.note({ change: 'removed', factor, requestId })
    await dispatch(rows)
    return { factors_left: left }
  }
