import { Problem, problems, type AskingPlace } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { emailIdentityId } from '../users/identity.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { Mailbox, Sent } from './mailbox.ts'
import type { SecretOfUser } from './opener.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'

export interface SignUpRequest {
  readonly email: string
  readonly password: string
  readonly username: string
  readonly place: AskingPlace
  readonly requestId: string
}

export interface SignUpDeps {
  readonly users: Pick<UserRepository, 'findByIdentity' | 'create'>
  readonly passwords: Pick<PasswordRepository, 'set'>
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly mailbox: Pick<Mailbox, 'begin'>
  readonly secretOf: SecretOfUser
  readonly log: Pick<Logger, 'warn'>
}

/** Absent when the mail could not be asked for: the account is there all the same, and asks again. */
export interface SignedUp extends SignedIn { readonly verification?: Sent & { readonly opener: string } }

export type SignUp = (request: SignUpRequest) => Promise<SignedUp>

/**
 * The account comes to be at once. Its address is a claim until somebody proves the mailbox: then it stays with the account if that was
 * its own doing, else it is cut from it.
 * @throws Problem emailRegistered, usernameTaken, schemaViolation (weak password), unavailable
 */
export const createSignUp = ({ users, passwords, hasher, mailbox, secretOf, log }: SignUpDeps): SignUp =>
  async ({ email, password, username, place, requestId }) => {
    refuseWeakPassword(password, { email, username })
    const identity = { id: emailIdentityId(email), kind: 'email' as const, address: email, verified: false }
    if (await users.findByIdentity(identity.id) !== undefined) throw new Problem(problems.emailRegistered)

    const hash = await hasher.hash(password)
    const user = await users.create({ identity, username, requestId }, async ({ id: userId }, transaction) => {
      await passwords.set({ identityId: identity.id, userId, hash }, transaction)
    })
    if (user === 'identity taken') throw new Problem(problems.emailRegistered)
    if (user === 'username taken') throw new Problem(problems.usernameTaken)

    const secret = secretOf(user.id)
    try {
      const sent = await mailbox.begin({ purpose: 'signup', email, userId: user.id, secret, deliver: true, place, link: 'verify' }, requestId)
      return { user, identity, verification: { ...sent, opener: secret } }
    } catch (error) {
      log.warn({ err: error, user_id: user.id }, 'the mail that proves the address of a sign-up could not be asked for')
      return { user, identity }
    }
  }
