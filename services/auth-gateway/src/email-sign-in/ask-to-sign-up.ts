import { mailboxLinkSeconds, Problem, problems } from '@countersign/contracts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { emailIdentityId } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { Mailbox, Sent } from './mailbox.ts'
import type { PendingChoices } from './pending-choices.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'
import type { SignUpRequest } from './sign-up.ts'

export interface AskToSignUpDeps {
  readonly users: Pick<UserRepository, 'isUsernameFree'>
  readonly identities: Pick<IdentityRepository, 'find'>
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly mailbox: Pick<Mailbox, 'begin'>
  readonly pending: Pick<PendingChoices, 'keep'>
  /** Tells the holder of an account that somebody tried to open another one with its address. */
  readonly tellTaken: (to: string, requestId: string) => Promise<void>
  /** Work that nobody waits for. */
  readonly afterwards: (what: string, work: () => Promise<unknown>) => void
  readonly newSecret: () => string
}

export type AskToSignUp = (request: SignUpRequest) => Promise<Sent & { readonly opener: string }>

/**
 * Nothing comes to be before the mailbox is proved (SIGNUP_MODE=verified). Known and unknown addresses cost the same work and answer alike;
 * the one that an account has proved gets a mail that says so.
 * @throws Problem usernameTaken, schemaViolation (weak password), sendLimited, unavailable
 */
export const createAskToSignUp = ({ users, identities, hasher, mailbox, pending, tellTaken, afterwards, newSecret }: AskToSignUpDeps): AskToSignUp =>
  async ({ email, password, username, place, requestId }) => {
    refuseWeakPassword(password, { email, username })
    if (!await users.isUsernameFree(username)) throw new Problem(problems.usernameTaken)
    const passwordHash = await hasher.hash(password)
    const known = await identities.find(emailIdentityId(email))
    const isTaken = known?.verified === true

    const secret = newSecret()
    const sent = await mailbox.begin({ purpose: 'signup', email, userId: null, secret, deliver: !isTaken, place, link: 'verify' }, requestId)
    await pending.keep(sent.challenge_id, { passwordHash, username }, mailboxLinkSeconds.signup)
    if (isTaken) afterwards('mail about a taken address', () => tellTaken(known.address, requestId))
    return { ...sent, opener: secret }
  }
