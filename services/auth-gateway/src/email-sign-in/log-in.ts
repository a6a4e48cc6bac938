import { Problem, problems } from '@countersign/contracts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { PasswordRepository, StoredPassword } from '../passwords/password-repository.ts'
import type { SignInReport } from '../sign-in/report-sign-in.ts'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { emailIdentityId } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'

export interface LogInRequest {
  readonly email: string
  readonly password: string
  readonly requestId: string
}

export interface LogInDeps {
  readonly identities: Pick<IdentityRepository, 'find'>
  readonly users: Pick<UserRepository, 'findByIdentity'>
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
export const createLogIn = ({ identities, users, passwords, hasher, report, afterwards }: LogInDeps): LogIn => {
  return async ({ email, password, requestId }) => {
    const identityId = emailIdentityId(email)
    // Read before the password is checked: what ends the sessions of this account meanwhile ends this one as well.
    const [identity, user] = await Promise.all([identities.find(identityId), users.findByIdentity(identityId)])
    // After the epoch, never beside it: a password that was replaced must not meet the epoch that replacing it has raised.
    const kept = await passwords.find(identityId)
    // The login may have changed hands in between.
    const stored = kept?.userId === identity?.userId && (user === undefined || user.id === identity?.userId) ? kept : undefined
    const verdict = await hasher.verify(password, stored?.hash)
    if (identity === undefined || stored === undefined || !verdict.ok) {
      await report.refused({ method: 'password', reason: stored === undefined ? 'no such login' : 'password', subject: user?.id ?? 'unknown', requestId })
      throw new Problem(problems.credentialsRejected)
    }

    if (user === undefined) throw new Problem(problems.accountDeleting)
    report.succeeded('password')
    if (verdict.rehash) afterwards('rehash of a password', () => rehash(stored, password))
    return { user, identity }
  }

  async function rehash (stored: StoredPassword, password: string): Promise<void> {
    await passwords.replace(stored, await hasher.hash(password))
  }
}
