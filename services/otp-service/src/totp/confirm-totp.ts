/** Adds an authenticator app once a code shows that it holds the secret. That code counts as answered: it confirms nothing else. */
import { Problem, problems, type ReplyOf, type RequestOf, type confirmTotp } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorNotices } from '../factors/factor-notices.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { factorView } from '../factors/factor-view.ts'
import { AlreadyEnrolled, type TotpFactor } from '../factors/factor.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { TotpEnrolment, TotpEnrolmentRepository } from './totp-enrolment.ts'
import type { TotpSecrets } from './totp-secrets.ts'
import { stepOf } from './totp.ts'

export interface ConfirmTotpDeps {
  readonly factors: Pick<FactorRepository, 'find' | 'listOf' | 'ownerOf' | 'enrolFirst' | 'add'>
  readonly enrolments: Pick<TotpEnrolmentRepository, 'spendAttempt' | 'finish'>
  readonly secrets: Pick<TotpSecrets, 'open'>
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
  readonly newFactorRoot: () => string
}

export const createConfirmTotp = ({ factors, enrolments, secrets, checks, notices, audit, transact, dispatch, newFactorRoot }: ConfirmTotpDeps) => {
  const enrol = async (enrolment: TotpEnrolment, draft: Omit<TotpFactor, 'factorRoot'>, { requestId }: Asking) => await transact(async (transaction) => {
    const { userId, id } = enrolment
    const [owner, all] = [await factors.ownerOf(userId, transaction), await factors.listOf(userId, transaction)]
    // Whatever proved that it may be added proves nothing beside other factors than those.
    const holds = (owner?.factorRoot ?? null) === enrolment.factorRoot && (enrolment.provedBy === null || all.some((factor) => factor.id === enrolment.provedBy))
    if (!holds || !await enrolments.finish(id, transaction)) throw new AlreadyEnrolled()
    const factor = { ...draft, factorRoot: owner?.factorRoot ?? newFactorRoot() }
    await (owner === undefined ? factors.enrolFirst(factor, transaction) : factors.add(factor, transaction))
    const rows = await notices.write({ change: 'added', factor, all, at: factor.provedAt, requestId }, transaction)
    await audit.append({ event: 'factor.enrolled', subject: userId, actor: userId, requestId, facts: { factor: id, kind: 'totp' } }, transaction)
    return { factor, rows }
  }).catch((error: unknown) => {
    if (!(error instanceof AlreadyEnrolled)) throw error
    return undefined
  })

  /** @throws Problem codeRejected, alike for every reason */
  return async ({ user_id: userId, session_id: sessionId, factor_id: id, code, name = 'Authenticator app' }: RequestOf<typeof confirmTotp>, asking: Asking): Promise<ReplyOf<typeof confirmTotp>> => {
    // The reply was lost: it is there, and its owner may see it.
    const there = await factors.find(userId, id)
    if (there?.kind === 'totp') return { factor: factorView(there, checks) }

    const enrolment = await enrolments.spendAttempt(id, userId, sessionId)
    const at = enrolment?.lastAttemptAt
    if (enrolment === undefined || at === null || at === undefined) throw new Problem(problems.codeRejected)
    const step = stepOf(secrets.open(enrolment.sealedSecret, { userId, factorId: id }), code, at)
    if (step === undefined) throw new Problem(problems.codeRejected)

    const done = await enrol(enrolment, { id, userId, kind: 'totp', name, provedAt: at, sealedSecret: enrolment.sealedSecret, lastStep: step }, asking)
    if (done === undefined) throw new Problem(problems.codeRejected)
    notices.note({ change: 'added', factor: done.factor, requestId: asking.requestId })
    await dispatch(done.rows)
    return { factor: factorView(done.factor, checks) }
  }
}
