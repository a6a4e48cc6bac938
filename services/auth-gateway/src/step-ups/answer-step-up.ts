/** Answers a step-up with a code through otp-service. */
import { Problem, problems, verifyStepUp } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import { keyedHash } from '@countersign/secrets'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { SettleStepUp } from './settle-step-up.ts'
import type { VerifiedStepUp } from './step-up-repository.ts'

export interface AnswerStepUpDeps {
  readonly commands: Pick<CommandClient, 'call'>
  /** 32 bytes for this purpose alone: the command id is a hash over a short code. */
  readonly commandKey: Uint8Array
  readonly settle: SettleStepUp
}

export interface StepUpAnswer {
  readonly challengeId: string
  readonly factorId: string
  readonly code: string
}

/** @throws Problem codeRejected, factorLocked, unavailable */
export type AnswerStepUp = (asker: Asker, answer: StepUpAnswer) => Promise<VerifiedStepUp>

export const createAnswerStepUp = ({ commands, commandKey, settle }: AnswerStepUpDeps): AnswerStepUp =>
  async (asker, { challengeId, factorId, code }) => {
    const { userId, sessionId, requestId } = asker
    const { receipt } = await commands.call(verifyStepUp, {
      user_id: userId, session_id: sessionId, challenge_id: challengeId, proof: { factor_id: factorId, code }
    }, {
      requestId,
      actor: userId,
      // The same request sent again, because its answer was lost, is the same command: its result is read, not refused as a used code.
      commandId: `cmd_${keyedHash(commandKey, sessionId, challengeId, factorId, code).toString('base64url')}`
    })
    const verified = await settle(asker, challengeId, receipt)
    if (verified === undefined) throw new Problem(problems.codeRejected)
    return verified
  }
