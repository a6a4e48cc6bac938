/**
 * Somebody who reads a mailbox that was told of a new factor says that it is not theirs: the factor goes, whoever proved it. The token is
 * asked for nothing but this and undoes an addition of the last hours, so that it needs neither a session nor a factor.
 */
import { Problem, problems, type ReplyOf, type RequestOf, type objectToFactor } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { FactorNotices } from '../factors/factor-notices.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { Links } from '../mailboxes/links.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { ObjectionRepository } from './objection-repository.ts'

export interface ObjectToFactorDeps {
  readonly objections: Pick<ObjectionRepository, 'use'>
  readonly links: Pick<Links, 'macsOf'>
  readonly factors: Pick<FactorRepository, 'find' | 'listOf' | 'remove'>
  readonly challenges: Pick<ChallengeRepository, 'cancelOfFactor'>
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
}

export const createObjectToFactor = ({ objections, links, factors, challenges, notices, audit, transact, dispatch }: ObjectToFactorDeps) =>
  /** @returns whether the factor was there still. @throws Problem codeRejected for a token that is unknown, used or too old */
  async ({ token }: RequestOf<typeof objectToFactor>, { requestId }: Asking): Promise<ReplyOf<typeof objectToFactor>> => {
    const done = await transact(async (transaction) => {
      const objection = await objections.use(links.macsOf('factor_objection', token), transaction)
      if (objection === undefined) throw new Problem(problems.codeRejected)
      const { userId, factorId, usedAt: at } = objection
      const all = await factors.listOf(userId, transaction)
      const factor = all.find(({ id }) => id === factorId)
      if (factor === undefined || await factors.remove(factor, transaction) === undefined) return { factor: undefined, rows: [] }
      await challenges.cancelOfFactor(userId, factorId, transaction)
      const rows = await notices.write({ change: 'removed', factor, all, at, requestId }, transaction)
      await audit.append({ event: 'factor.objected', subject: userId, requestId, facts: { factor: factorId, kind: factor.kind } }, transaction)
      return { factor, rows }
    })
    if (done.factor !== undefined) notices.note({ change: 'removed', factor: done.factor, requestId })
    await dispatch(done.rows)
    return done.factor === undefined ? { removed: false } : { removed: true, factor: { id: done.factor.id, user_id: done.factor.userId } }
  }
