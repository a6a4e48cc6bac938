/** Answers a step-up through otp-service. It counts only with a receipt for this user, session and action. */
import { Problem, problems, stepUpPreimage, verifyStepUp, type ReceiptClaims } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { CommandClient } from '@countersign/redis'
import { actionDigest, keyedHash } from '@countersign/secrets'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { StepUp, StepUpRepository, VerifiedStepUp } from './step-up-repository.ts'
import { refusedReceipt } from '../receipts/refused-receipt.ts'

export interface AnswerStepUpDeps {
  readonly commands: Pick<CommandClient, 'call'>
  /** 32 bytes for this purpose alone: the command id is a hash over a short code. */
  readonly commandKey: Uint8Array
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
  readonly stepUps: Pick<StepUpRepository, 'find' | 'verify'>
  readonly audit: Audit
}

export interface StepUpAnswer {
  readonly challengeId: string
  readonly factorId: string
  readonly code: string
}

/** @throws Problem codeRejected, factorLocked, unavailable */
export type AnswerStepUp = (asker: Asker, answer: StepUpAnswer) => Promise<VerifiedStepUp>

export const createAnswerStepUp = ({ commands, commandKey, verifyReceipt, stepUps, audit }: AnswerStepUpDeps): AnswerStepUp =>
  async ({ userId, sessionId, requestId }, { challengeId, factorId, code }) => {
    const { receipt } = await commands.call(verifyStepUp, {
      user_id: userId, session_id: sessionId, challenge_id: challengeId, proof: { factor_id: factorId, code }
    }, {
      requestId,
      actor: userId,
      // The same request sent again, because its answer was lost, is the same command: its result is read, not refused as a used code.
      commandId: `cmd_${keyedHash(commandKey, sessionId, challengeId, factorId, code).toString('base64url')}`
    })
    const stepUp = await stepUps.find(challengeId, { userId, sessionId })
    const claims = await verifyReceipt(receipt).catch(refusedReceipt)
    if (stepUp === undefined || !isOf(stepUp, claims)) throw new Problem(problems.codeRejected)

    const verified = await stepUps.verify(challengeId, claims.factor_kind, claims.jti)
    if (verified === undefined) throw new Problem(problems.codeRejected)
    const { type, resource_id: resource } = stepUp.action
    await audit.append({ event: 'step_up.verified', subject: userId, actor: userId, requestId, facts: { challenge: challengeId, receipt: claims.jti, factor: claims.factor_kind, action: type, resource } })
    return verified
  }

const isOf = ({ id, userId, sessionId, action }: StepUp, claims: ReceiptClaims): boolean =>
  claims.aud === 'auth-gateway' && claims.purpose === 'step_up' && claims.sub === userId && claims.challenge_id === id &&
  claims.action_digest === actionDigest(stepUpPreimage(userId, sessionId, action))
