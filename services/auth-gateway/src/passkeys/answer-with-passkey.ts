/** Answers a step-up with a passkey through otp-service, which says what is to be signed and whether it was. */
import { Problem, problems, verifyPasskeyStepUp, type RequestOf } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import { keyedHash } from '@countersign/secrets'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { SettleStepUp } from '../step-ups/settle-step-up.ts'
import type { VerifiedStepUp } from '../step-ups/step-up-repository.ts'

export type AssertedCredential = RequestOf<typeof verifyPasskeyStepUp>['credential']

export interface AnswerWithPasskeyDeps {
  readonly commands: Pick<CommandClient, 'call'>
  /** 32 bytes for this purpose alone. */
  readonly commandKey: Uint8Array
  readonly settle: SettleStepUp
}

/** @throws Problem proofRejected, unavailable */
export type AnswerWithPasskey = (asker: Asker, challengeId: string, credential: AssertedCredential) => Promise<VerifiedStepUp>

export const createAnswerWithPasskey = ({ commands, commandKey, settle }: AnswerWithPasskeyDeps): AnswerWithPasskey =>
  async (asker, challengeId, credential) => {
    const { userId, sessionId, requestId } = asker
    const answered = commands.call(verifyPasskeyStepUp, { user_id: userId, session_id: sessionId, challenge_id: challengeId, credential }, {
      requestId,
      actor: userId,
      // The same request sent again, because its answer was lost, is the same command: its result is read, not refused as used.
      commandId: `cmd_${keyedHash(commandKey, sessionId, challengeId, credential.id, credential.response.signature).toString('base64url')}`
    })
    const verified = await settle(asker, challengeId, answered)
    if (verified === undefined) throw new Problem(problems.proofRejected)
    return verified
  }
