import { Problem, problems } from '@countersign/contracts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { PasswordRepository, StoredPassword } from '../passwords/password-repository.ts'
import type { SignInReport } from '../sign-in/report-sign-in.ts'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { emailIdentityId } from '../users/identity.ts'
import type { UserRepository } from '../users/user-repository.ts'

export interface LogInRequest {
  readonly email: string
  readonly password: string
  readonly requestId: string
}

export interface LogInDeps {
  readonly users: Pick<UserRepository, 'findByIdentity' | 'isBeingDeleted'>
  readonly passwords: Pick<PasswordRepository, 'find' | 'replace'>
  readonly hasher: PasswordHasher
  readonly report: SignInReport
  /** Work that nobody waits for. */
  readonly afterwards: (what: string, work: () => Promise<unknown>) => void
}

export type LogIn = (request: LogInRequest) => Promise<SignedIn>

/**
 * An unknown address, one without a password and a wrong password cost the same work and answer alike.
 * @throws Problem credentialsRejected, accountDeleting (to who knows the password), unavailable
 */
export const createLogIn = ({ users, passwords, hasher, report, afterwards }: LogInDeps): LogIn => {
  return async ({ email, password, requestId }) => {
    const identityId = emailIdentityId(email)
    // Read before the password is checked: what ends the sessions of this account meanwhile ends this one as well.
    const user = await users.findByIdentity(identityId)
    // After the epoch, never beside it: a password that was replaced must not meet the epoch that replacing it has raised.
    const kept = await passwords.find(identityId)
    // The login may have changed hands in between. Without a user in use it may be one's who is leaving.
    const stored = user === undefined || kept?.userId === user.id ? kept : undefined
    const identity = user?.identities.find(({ id }) => id === identityId)
    const verdict = await hasher.verify(password, stored?.hash)
    if (stored !== undefined && verdict.ok && user === undefined && await users.isBeingDeleted(identityId)) throw new Problem(problems.accountDeleting)
    if (identity === undefined || user === undefined || stored === undefined || !verdict.ok) {
      const hasNoLogin = identity === undefined || stored === undefined
      await report.refused({ method: 'password', reason: hasNoLogin ? 'no such login' : 'password', subject: user?.id ?? 'unknown', requestId })
      throw new Problem(problems.credentialsRejected)
    }

    report.succeeded('password')
    if (verdict.rehash) afterwards('rehash of a password', () => rehash(stored, password))
    return { user, identity }
  }

  async function rehash (stored: StoredPassword, password: string): Promise<void> {
    await passwords.replace(stored, await hasher.hash(password))
  }
}
