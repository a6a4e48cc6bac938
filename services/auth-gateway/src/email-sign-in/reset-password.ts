import type { AskingPlace } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { untold, type TellUser } from '../mail/tell-user.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import { emailIdentityId } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { RevokeKeys } from './change-password.ts'
import type { EndSessions } from './end-sessions.ts'
import type { Mailbox, MailboxAnswer, Sent } from './mailbox.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'
import type { SettleMailbox } from './settle-mailbox.ts'

export interface AskForResetDeps {
  readonly identities: Pick<IdentityRepository, 'find'>
  readonly mailbox: Pick<Mailbox, 'begin'>
}

export type AskForReset = (request: { readonly email: string, readonly secret: string, readonly place: AskingPlace, readonly requestId: string }) => Promise<Sent>

/** An unknown address gets nothing, and the same work and answer. @throws Problem sendLimited, unavailable */
export const createAskForReset = ({ identities, mailbox }: AskForResetDeps): AskForReset =>
  async ({ email, secret, place, requestId }) => {
    const known = await identities.find(emailIdentityId(email))
    const userId = known?.verified === true ? known.userId : null
    return await mailbox.begin({ purpose: 'password_reset', email, userId, secret, deliver: known !== undefined, place, link: 'reset' }, requestId)
  }

export interface ResetRequest {
  readonly answer: MailboxAnswer
  readonly newPassword: string
  /** As with a change of the password. */
  readonly revokeKeys: boolean
  /** Of the session that was shown. */
  readonly userId?: string
  readonly requestId: string
}

export interface ResetPasswordDeps {
  readonly mailbox: Pick<Mailbox, 'answer' | 'cancel'>
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly passwords: Pick<PasswordRepository, 'set'>
  readonly settle: SettleMailbox
  readonly endSessions: EndSessions
  readonly users: Pick<UserRepository, 'findByIdentity'>
  readonly revokeKeysMadeBy: RevokeKeys
  readonly tellUser: TellUser
  readonly audit: Audit
}

export type ResetPassword = (request: ResetRequest) => Promise<void>

/**
 * Ends every session of the account and whatever else was mailed for it. Of an account that never proved the address it takes the address
 * away instead, and gives it to one of its own.
 * @throws Problem codeRejected, schemaViolation (weak password), factorLocked, unavailable
 */
export const createResetPassword = ({ mailbox, hasher, passwords, settle, endSessions, users, revokeKeysMadeBy, tellUser, audit }: ResetPasswordDeps): ResetPassword =>
  async ({ answer, newPassword, revokeKeys, userId, requestId }) => {
    refuseWeakPassword(newPassword, {}, 'new_password')
    const proved = await mailbox.answer('password_reset', answer, requestId)
    // Only now is it known whose name it must not be; the same proof may be sent again with a better one.
    const username = (await users.findByIdentity(emailIdentityId(proved.email)))?.username
    refuseWeakPassword(newPassword, { email: proved.email, ...username !== undefined && { username } }, 'new_password')
    const passwordHash = await hasher.hash(newPassword)

    let tell = untold
    await settle(proved, {
      requestId,
      owns: (ownerId) => ownerId === userId,
      fresh: { passwordHash },
      keep: async (identity, settleIt) => {
        await mailbox.cancel({ userId: identity.userId, email: identity.address }, requestId)
        await endSessions({ userId: identity.userId, reason: 'password_reset', requestId }, async (transaction) => {
          await settleIt(transaction)
          await passwords.set({ identityId: emailIdentityId(proved.email), userId: identity.userId, hash: passwordHash }, transaction)
          if (revokeKeys) await revokeKeysMadeBy(identity.userId, undefined, transaction)
          tell = await tellUser(identity.address, { template: 'password_changed' }, requestId, transaction)
          await audit.append({ event: 'password.reset', subject: identity.userId, requestId, facts: { receipt: proved.receiptId, keys_revoked: revokeKeys } }, transaction)
        })
      }
    })
    await tell()
  }
