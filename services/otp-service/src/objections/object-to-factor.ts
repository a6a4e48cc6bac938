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
  readonly objections: Pick<ObjectionRepository, 'use' | 'findUsed'>
  readonly links: Pick<Links, 'macsOf'>
  readonly factors: Pick<FactorRepository, 'find' | 'listOf' | 'remove'>
  readonly challenges: Pick<ChallengeRepository, 'cancelOfFactor'>
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
}

export const createObjectToFactor = ({ objections, links, factors, challenges, notices, audit, transact, dispatch }: ObjectToFactorDeps) =>
  /**
   * @returns whether the factor went, and which one it was; a token that was used says so again, so that what else must go with the factor goes
   * although a reply was lost. @throws Problem codeRejected for a token that is unknown or too old, or whose mailbox is no factor any more
   */
  async ({ token }: RequestOf<typeof objectToFactor>, { requestId }: Asking): Promise<ReplyOf<typeof objectToFactor>> => {
    const macs = links.macsOf('factor_objection', token)
    const earlier = await objections.findUsed(macs)
    if (earlier !== undefined) return { removed: true, factor: { id: earlier.factorId, user_id: earlier.userId } }

    const done = await transact(async (transaction) => {
      const objection = await objections.use(macs, transaction)
      if (objection === undefined) throw new Problem(problems.codeRejected)
      const { userId, factorId, toldFactorId, usedAt: at } = objection
      const all = await factors.listOf(userId, transaction)
      // A mailbox that its owner took away, for whatever reason, has no say any more.
      if (!all.some(({ id }) => id === toldFactorId)) throw new Problem(problems.codeRejected)
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
