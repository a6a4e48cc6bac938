/** Hands what the user answered to otp-service, which alone can judge it. */
import { Problem, problems, type TransactionProof } from '@countersign/contracts'
import type { AskIds, OtpDoor } from '../otp/otp-door.ts'
import type { Countersigned } from './transaction.ts'

export type AnswerDoor = Pick<OtpDoor, 'verify' | 'answerByWallet' | 'answerByPasskey'>

/**
 * @returns the receipt, a compact JWS that is still to be judged.
 * @throws Problem stateConflict for a factor that may not confirm this transaction; otherwise what otp-service refuses with
 */
export async function answerChallenge (otp: AnswerDoor, { confirmation, initiator }: Pick<Countersigned, 'confirmation' | 'initiator'>, proof: TransactionProof, sessionId: string, ids: AskIds): Promise<string> {
  const asked = { challenge_id: confirmation.challengeId, user_id: initiator, session_id: sessionId }
  if ('credential' in proof) return (await otp.answerByPasskey({ ...asked, credential: proof.credential }, ids)).receipt
  // Nothing is spent on a factor that would be refused afterwards.
  if (proof.factor_id !== undefined && !(confirmation.asked?.factors.some(({ id }) => id === proof.factor_id) ?? false)) {
    throw new Problem(problems.stateConflict, { detail: 'This factor does not confirm this transaction: see confirmation.factors. One that was added since counts after POST …/challenge.' })
  }
  return ('signature' in proof ? await otp.answerByWallet({ ...asked, ...proof }, ids) : await otp.verify({ ...asked, ...proof }, ids)).receipt
}

/** As the right refusal for what was answered. */
export const refusalOfProof = (proof: TransactionProof): Problem => new Problem('code' in proof ? problems.codeRejected : problems.proofRejected)
