/** Adds an authenticator app once a code shows that it holds the secret. That code counts as answered: it confirms nothing else. */
import { Problem, problems, type ReplyOf, type RequestOf, type confirmTotp } from '@countersign/contracts'
import type { Asking } from '../asking.ts'
import type { AddFactor } from '../factors/add-factor.ts'
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
  readonly factors: Pick<FactorRepository, 'find'>
  readonly enrolments: Pick<TotpEnrolmentRepository, 'spendAttempt' | 'finish'>
  readonly secrets: Pick<TotpSecrets, 'open'>
  readonly addFactor: AddFactor
  readonly checks: FactorChecks
  readonly notices: FactorNotices
  readonly transact: Transact
  readonly dispatch: Dispatch
}

export const createConfirmTotp = ({ factors, enrolments, secrets, addFactor, checks, notices, transact, dispatch }: ConfirmTotpDeps) => {
  const enrol = async (enrolment: TotpEnrolment, draft: Omit<TotpFactor, 'factorRoot'>, asking: Asking) => await transact(async (transaction) => {
    if (!await enrolments.finish(enrolment.id, transaction)) throw new AlreadyEnrolled()
    return await addFactor(draft, { ...enrolment, renewsRoot: false }, asking, transaction)
  }).catch((error: unknown) => {
    if (!(error instanceof AlreadyEnrolled)) throw error
    return undefined
  })

  /** @throws Problem codeRejected, alike for every reason */
  return async ({ user_id: userId, session_id: sessionId, factor_id: id, code, name = 'Authenticator app' }: RequestOf<typeof confirmTotp>, asking: Asking): Promise<ReplyOf<typeof confirmTotp>> => {
    // The reply was lost: it is there, and its owner may see it.
    const there = await factors.find(userId, id)
    if (there?.kind === 'totp') return { factor: factorView(there, checks) }

    const found = await enrolments.spendAttempt(id, userId, sessionId)
    if (found === undefined) throw new Problem(problems.codeRejected)
    const { pending: enrolment, now: at } = found
    const step = stepOf(secrets.open(enrolment.sealedSecret, { userId, factorId: id }), code, at)
    if (step === undefined) throw new Problem(problems.codeRejected)

    const done = await enrol(enrolment, { id, userId, kind: 'totp', name, provedAt: at, sealedSecret: enrolment.sealedSecret, lastStep: step }, asking)
    if (done === undefined) throw new Problem(problems.codeRejected)
    notices.note({ change: 'added', factor: done.factor, requestId: asking.requestId })
    await dispatch(done.rows)
    return { factor: factorView(done.factor, checks) }
  }
}
