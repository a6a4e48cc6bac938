/** Draws the secret of an authenticator app. It is no factor before a code of it was shown; beside other factors it takes the proof of one of them. */
import { Problem, problems, type ReplyOf, type RequestOf, type beginTotp } from '@countersign/contracts'
import { orFirst, type Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { UseStepUp } from '../step-ups/use-step-up.ts'
import type { Transact } from '../transaction.ts'
import { oneTotpPerCommand, type TotpEnrolment, type TotpEnrolmentRepository } from './totp-enrolment.ts'
import type { TotpSecrets } from './totp-secrets.ts'

export interface BeginTotpDeps {
  readonly factors: Pick<FactorRepository, 'ownerOf' | 'listOf'>
  readonly enrolments: Pick<TotpEnrolmentRepository, 'findByCommand' | 'begin'>
  readonly secrets: Pick<TotpSecrets, 'draw' | 'shown'>
  readonly stepUps: Pick<UseStepUp, 'use'>
  readonly audit: Audit
  readonly transact: Transact
  readonly newFactorId: () => string
}

/** Long enough to find the telephone. */
const enrolmentSeconds = 900

export const createBeginTotp = ({ factors, enrolments, secrets, stepUps, audit, transact, newFactorId }: BeginTotpDeps) => {
  const replyOf = ({ id, userId, sealedSecret, expiresAt }: TotpEnrolment): ReplyOf<typeof beginTotp> =>
    ({ factor_id: id, secret: secrets.shown(sealedSecret, { userId, factorId: id }), expires_at: expiresAt.toISOString() })

  /** @throws Problem stepUpRequired when the user has a factor, stateConflict when one of this kind is there */
  return async ({ user_id: userId, session_id: sessionId, step_up: stepUpId }: RequestOf<typeof beginTotp>, asking: Asking): Promise<ReplyOf<typeof beginTotp>> => {
    const { commandId, requestId } = asking
    const repeated = () => enrolments.findByCommand(userId, sessionId, commandId)
    const earlier = await repeated()
    if (earlier !== undefined) return replyOf(earlier)
    if ((await factors.listOf(userId)).some(({ kind }) => kind === 'totp')) throw new Problem(problems.stateConflict, { detail: 'There is an authenticator app already: remove it first.' })

    const id = newFactorId()
    const sealedSecret = secrets.draw({ userId, factorId: id })
    const begun = await transact(async (transaction) => {
      const owner = await factors.ownerOf(userId, transaction)
      const proof = owner && await stepUps.use({ userId, sessionId, stepUpId, action: { type: 'factors.add_totp', resource_id: '-' } }, asking, transaction)
      const made = await enrolments.begin({ id, userId, sessionId, commandId, sealedSecret, factorRoot: owner?.factorRoot ?? null, provedBy: proof?.factor.id ?? null }, enrolmentSeconds, transaction)
      await audit.append({
        event: 'factor.enrolment_begun', subject: userId, actor: userId, requestId, facts: { factor: id, kind: 'totp', session: sessionId, step_up: stepUpId ?? null, proved_by: proof?.factor.id ?? null }
      }, transaction)
      return made
    }).catch(orFirst(oneTotpPerCommand, repeated))
    return replyOf(begun)
  }
}
