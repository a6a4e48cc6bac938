/** What otp-service answers a step-up with counts here by its receipt alone, for this user, session and action. */
import { stepUpPreimage, type ReceiptClaims } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { actionDigest, ReceiptRefused } from '@countersign/secrets'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { StepUp, StepUpRepository, VerifiedStepUp } from './step-up-repository.ts'

export interface SettleStepUpDeps {
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
  readonly stepUps: Pick<StepUpRepository, 'find' | 'verify'>
  readonly audit: Audit
}

/**
 * @param answered otp-service's answer, under way: what is on record here is read meanwhile
 * @returns undefined for a receipt of anything else
 * @throws what `answered` rejects with
 */
export type SettleStepUp = (asker: Asker, challengeId: string, answered: Promise<{ readonly receipt: string }>) => Promise<VerifiedStepUp | undefined>

export const createSettleStepUp = ({ verifyReceipt, stepUps, audit }: SettleStepUpDeps): SettleStepUp =>
  async ({ userId, sessionId, requestId }, challengeId, answered) => {
    const [stepUp, { receipt }] = await Promise.all([stepUps.find(challengeId, { userId, sessionId }), answered])
    const claims = await verifyReceipt(receipt).catch(unlessRefused)
    if (stepUp === undefined || claims === undefined || !isOf(stepUp, claims)) return undefined

    const verified = await stepUps.verify(challengeId, { factorKind: claims.factor_kind, receiptId: claims.jti, answeredAt: new Date(claims.iat * 1_000) })
    if (verified === undefined) return undefined
    await audit.append({ event: 'step_up.verified', subject: userId, actor: userId, requestId, facts: { challenge: challengeId, receipt: claims.jti, factor: claims.factor_kind, action: stepUp.action.type, digest: claims.action_digest } })
    return verified
  }

const isOf = ({ id, userId, sessionId, action }: StepUp, claims: ReceiptClaims): boolean =>
  claims.aud === 'auth-gateway' && claims.purpose === 'step_up' && claims.sub === userId && claims.challenge_id === id &&
  claims.action_digest === actionDigest(stepUpPreimage(userId, sessionId, action))

function unlessRefused (error: unknown): undefined {
  if (!(error instanceof ReceiptRefused)) throw error
}
