/** Answers a step-up with a code, or with what a wallet signed, through otp-service. */
import { answerByWallet, Problem, problems, verifyStepUp } from '@countersign/contracts'
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

export type StepUpAnswer = { readonly challengeId: string, readonly factorId: string } &
  ({ readonly code: string } | { readonly signature: string, readonly publicKey?: string })

/** @throws Problem codeRejected, of a signature proofRejected, factorLocked, rateLimited, unavailable */
export type AnswerStepUp = (asker: Asker, answer: StepUpAnswer) => Promise<VerifiedStepUp>

export const createAnswerStepUp = ({ commands, commandKey, settle }: AnswerStepUpDeps): AnswerStepUp =>
  async (asker, answer) => {
    const { userId, sessionId, requestId } = asker
    const { challengeId, factorId } = answer
    const isCode = 'code' in answer
    const question = { user_id: userId, session_id: sessionId, challenge_id: challengeId }
    const sent = {
      requestId,
      actor: userId,
      // The same request sent again, because its answer was lost, is the same command: its result is read, not refused as a used code.
      commandId: `cmd_${keyedHash(commandKey, sessionId, challengeId, factorId, ...isCode ? [answer.code] : [answer.signature, answer.publicKey ?? '']).toString('base64url')}`
    }
    const answered = isCode
      ? commands.call(verifyStepUp, { ...question, proof: { factor_id: factorId, code: answer.code } }, sent)
      : commands.call(answerByWallet, { ...question, factor_id: factorId, signature: answer.signature, ...answer.publicKey !== undefined && { public_key: answer.publicKey } }, sent)
    const verified = await settle(asker, challengeId, answered)
    if (verified === undefined) throw new Problem(isCode ? problems.codeRejected : problems.proofRejected)
    return verified
  }
