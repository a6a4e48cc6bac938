import { Problem, problems, type MailboxPurpose, type AskingPlace } from '@countersign/contracts'
import type { UserRepository } from '../users/user-repository.ts'
import type { Mailbox, Sent } from './mailbox.ts'
import type { SecretOfUser } from './opener.ts'

export interface ResendRequest {
  readonly challengeId?: string
  readonly purpose: MailboxPurpose
  /** That the browser showed. */
  readonly secret?: string
  readonly session?: { readonly userId: string, readonly sessionId: string }
  readonly place: AskingPlace
  readonly requestId: string
}

export interface ResendDeps {
  readonly users: Pick<UserRepository, 'find'>
  readonly mailbox: Pick<Mailbox, 'begin' | 'resend'>
  readonly secretOf: SecretOfUser
}

export type ResendEmail = (request: ResendRequest) => Promise<Sent & { readonly opener?: string }>

/** @throws Problem unauthorized, notFound, stateConflict (proved already), sendLimited, factorLocked, unavailable */
export const createResendEmail = ({ users, mailbox, secretOf }: ResendDeps): ResendEmail =>
  async ({ challengeId, purpose, secret, session, place, requestId }) => {
    if (challengeId !== undefined) {
      const shown = secret ?? (session === undefined ? undefined : secretOf(session.userId))
      if (shown === undefined) throw new Problem(problems.notFound)
      return await mailbox.resend({ challengeId, purpose, secret: shown, place }, requestId)
    }

    if (session === undefined) throw new Problem(problems.unauthorized)
    const user = await users.find(session.userId)
    const waiting = user?.identities.find(({ kind, verified }) => kind === 'email' && !verified)
    if (waiting === undefined) throw new Problem(problems.stateConflict, { detail: 'This account has no address that waits for its proof.' })
    const own = secretOf(session.userId)
    const sent = await mailbox.begin({ purpose: 'signup', email: waiting.address, ...session, secret: own, deliver: true, place, link: 'verify' }, requestId)
    return { ...sent, opener: own }
  }
