import { Problem, problems, type AskingPlace } from '@countersign/contracts'
import type { SignInReport } from '../sign-in/report-sign-in.ts'
import { emailIdentityId } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { SessionEpochs } from '../users/session-epochs.ts'
import type { Mailbox, Sent } from './mailbox.ts'
import type { Settled, SettleMailbox } from './settle-mailbox.ts'

export interface AskForCodeDeps {
  readonly identities: Pick<IdentityRepository, 'find'>
  readonly mailbox: Pick<Mailbox, 'begin'>
}

export type AskForCode = (request: { readonly email: string, readonly secret: string, readonly place: AskingPlace, readonly requestId: string }) => Promise<Sent>

/** Mails a code to any address. @throws Problem sendLimited, factorLocked, unavailable */
export const createAskForCode = ({ identities, mailbox }: AskForCodeDeps): AskForCode =>
  async ({ email, secret, place, requestId }) => {
    const known = await identities.find(emailIdentityId(email))
    // An account that never proved the address has no part in this.
    const userId = known?.verified === true ? known.userId : null
    return await mailbox.begin({ purpose: 'login_email', email, userId, secret, deliver: true, place }, requestId)
  }

export interface CodeSignIn {
  readonly challengeId: string
  readonly secret: string
  readonly code: string
  /** For a new account. */
  readonly username?: string
  /** Of the session that was shown. */
  readonly userId?: string
  readonly requestId: string
}

export interface SignInByCodeDeps {
  readonly mailbox: Pick<Mailbox, 'answer'>
  readonly settle: SettleMailbox
  readonly epochs: Pick<SessionEpochs, 'now' | 'wasRaisedSince'>
  readonly report: SignInReport
}

export type SignInByCode = (request: CodeSignIn) => Promise<Settled>

/**
 * The first sign-in makes the account. Only the right code tells whose it is: a revocation of all their sessions while it was looked at ends
 * this sign-in too.
 * @throws Problem codeRejected, factorLocked, sessionClosed, unavailable
 */
export const createSignInByCode = ({ mailbox, settle, epochs, report }: SignInByCodeDeps): SignInByCode => {
  return async ({ username, userId, requestId, ...answer }) => {
    try {
      const from = await epochs.now()
      const proved = await mailbox.answer('login_email', answer, requestId)
      const settled = await settle(proved, { requestId, owns: (ownerId) => ownerId === userId, fresh: { ...username !== undefined && { username } } })
      if (await epochs.wasRaisedSince(settled.user.id, from)) throw new Problem(problems.sessionClosed)
      report.succeeded('email_code')
      return settled
    } catch (error) {
      if (error instanceof Problem && error.kind === problems.codeRejected) {
        await report.refused({ method: 'email_code', reason: 'code', subject: answer.challengeId, requestId })
      }
      throw error
    }
  }
}
