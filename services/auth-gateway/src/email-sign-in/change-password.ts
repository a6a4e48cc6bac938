import { Problem, problems } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { untold, type TellUser } from '../mail/tell-user.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { PasswordRepository, StoredPassword } from '../passwords/password-repository.ts'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { EndSessions } from './end-sessions.ts'
import type { Mailbox } from './mailbox.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'

export interface ChangePasswordRequest {
  readonly oldPassword: string
  readonly newPassword: string
  /** Programs that act for the account stop with it: whoever knew the password may have made some of the keys. */
  readonly revokeKeys: boolean
}

export interface ChangePasswordDeps {
  readonly users: Pick<UserRepository, 'find'>
  readonly passwords: Pick<PasswordRepository, 'ofUser' | 'replace'>
  readonly hasher: PasswordHasher
  readonly mailbox: Pick<Mailbox, 'cancel'>
  readonly endSessions: EndSessions
  readonly revokeKeysMadeBy: RevokeKeys
  readonly tellUser: TellUser
  readonly audit: Audit
}

/** @param madeBy the login whose sessions made them; undefined: all of the account's. */
export type RevokeKeys = (userId: string, madeBy: string | undefined, transaction: ClientSession) => Promise<void>

export type ChangePassword = (request: ChangePasswordRequest, asker: Asker) => Promise<void>

class ChangedMeanwhile extends Error {}

/**
 * Ends every other session and whatever was mailed before: a reset link that lies in a mailbox must not undo it (lesson of GoTrue #1489).
 * @throws Problem credentialsRejected, schemaViolation (weak, or the same), unavailable
 */
export const createChangePassword = ({ users, passwords, hasher, mailbox, endSessions, revokeKeysMadeBy, tellUser, audit }: ChangePasswordDeps): ChangePassword => {
  return async ({ oldPassword, newPassword, revokeKeys }, { userId, sessionId, requestId }) => {
    const user = await users.find(userId)
    if (user === undefined) throw new Problem(problems.unauthorized)
    const known = await passwords.ofUser(userId)
    const stored = await theOneOf(known, { oldPassword, userId, requestId })
    const email = user.identities.find(({ id }) => id === stored.identityId)?.address
    if (email === undefined) throw new Problem(problems.credentialsRejected)
    refuseWeakPassword(newPassword, { email, username: user.username }, 'new_password')
    if ((await hasher.verify(newPassword, stored.hash)).ok) {
      throw new Problem(problems.schemaViolation, { faults: [{ path: 'body/new_password', message: 'must differ from the old one' }] })
    }
    const hash = await hasher.hash(newPassword)

    // Before the change, so that there is no moment in which the old links still work and the new password does already.
    await mailbox.cancel({ userId, email }, requestId)
    let tell = untold
    try {
      await endSessions({ userId, reason: 'password_changed', requestId, spared: { sessionId } }, async (transaction) => {
        if (!await passwords.replace(stored, hash, transaction)) throw new ChangedMeanwhile()
        if (revokeKeys) await revokeKeysMadeBy(userId, undefined, transaction)
        tell = await tellUser(user.email, { template: 'password_changed' }, requestId, transaction)
        await audit.append({ event: 'password.changed', subject: userId, actor: userId, requestId, facts: { keys_revoked: revokeKeys } }, transaction)
      })
    } catch (error) {
      throw error instanceof ChangedMeanwhile ? new Problem(problems.credentialsRejected) : error
    }
    await tell()
  }

  /** An account may have several addresses, each with its own password: the one that this is the password of. */
  async function theOneOf (known: readonly StoredPassword[], { oldPassword, userId, requestId }: { oldPassword: string, userId: string, requestId: string }): Promise<StoredPassword> {
    for (const stored of known.length === 0 ? [undefined] : known) {
      const { ok } = await hasher.verify(oldPassword, stored?.hash)
      if (ok && stored !== undefined) return stored
    }
    await audit.append({ event: 'password.change_refused', subject: userId, actor: userId, requestId, facts: { reason: 'password' } })
    throw new Problem(problems.credentialsRejected)
  }
}
