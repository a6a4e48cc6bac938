import { emailActionPreimage, Problem, problems, type ReceiptClaims } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { actionDigest } from '@countersign/secrets'
import type { TellFactorAdded } from '../step-ups/tell-factor-added.ts'
import type { SessionStates } from '../sessions/session-state.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { Asking, ConfirmEmailRequest, ConfirmedByOtp } from './ask-confirmation.ts'
import { refusedReceipt } from '../receipts/refused-receipt.ts'

export interface ConfirmEmailDeps {
  /** otp-service's answer to the command. */
  readonly ask: (asking: Asking, request: ConfirmEmailRequest) => Promise<ConfirmedByOtp>
  readonly verifyReceipt: (jws: string) => Promise<ReceiptClaims>
  readonly users: Pick<UserRepository, 'find' | 'setEmail' | 'noteFactors'>
  readonly tellFactorAdded: TellFactorAdded
  readonly states: Pick<SessionStates, 'userChanged'>
  readonly audit: Audit
}

export type ConfirmEmail = (asking: Asking, request: ConfirmEmailRequest) => Promise<{ email: string, provedAt: string }>

/**
 * The address counts only with otp-service's own receipt for this user, this challenge and this very address.
 * @throws Problem codeRejected
 */
export const createConfirmEmail = ({ ask, verifyReceipt, users, tellFactorAdded, states, audit }: ConfirmEmailDeps): ConfirmEmail =>
  async (asking, request) => {
    const { userId, sessionId, requestId } = asking
    // Its answer may be lost after the factor is there.
    await users.noteFactors(userId, 'unknown')
    const { email, provedAt, receipt } = await ask(asking, request)
    const claims = await verifyReceipt(receipt).catch(refusedReceipt)
    const ours = claims.aud === 'auth-gateway' && claims.sub === userId && claims.purpose === 'email_enrol' &&
      claims.challenge_id === request.challengeId && claims.action_digest === enrolmentDigest(userId, email)
    if (!ours) throw new Problem(problems.codeRejected)

    await users.noteFactors(userId, 'some')
    const before = (await users.find(userId))?.email ?? null
    const user = await users.setEmail(userId, email, new Date(provedAt))
    if (user === undefined) throw new Problem(problems.unauthorized)
    await audit.append({ event: 'user.email_proved', subject: userId, actor: userId, requestId, facts: { receipt: claims.jti } })
    await states.userChanged(user, sessionId)
    // One that takes another factor's place is told there, by otp-service.
    if (request.existingCode === undefined && before !== null && before.toLowerCase() !== email.toLowerCase()) await tellFactorAdded({ kind: 'email_code', address: email }, before, requestId)
    return { email: user.email ?? email, provedAt }
  }

const enrolmentDigest = (userId: string, email: string): string =>
  actionDigest(emailActionPreimage('email_enrol', userId, email.toLowerCase()))
