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
  readonly users: Pick<UserRepository, 'find'>
  readonly passwords: Pick<PasswordRepository, 'find' | 'replace'>
  readonly hasher: PasswordHasher
  readonly report: SignInReport
  /** Work that nobody waits for. */
  readonly afterwards: (what: string, work: () => Promise<unknown>) => void
}

export type LogIn = (request: LogInRequest) => Promise<SignedIn>

/** What is looked for where there is no account, so that there is as much to look for. */
const nobody = 'usr_00000000000000000000000000'

/**
 * An unknown address, one without a password and a wrong password cost the same work and answer alike.
 * @throws Problem credentialsRejected, accountDeleting (to who knows the password), unavailable
 */
export const createLogIn = ({ identities, users, passwords, hasher, report, afterwards }: LogInDeps): LogIn => {
  return async ({ email, password, requestId }) => {
    const identityId = emailIdentityId(email)
    const identity = await identities.find(identityId)
    const userId = identity?.userId ?? nobody
    // Read before the password is checked: what ends the sessions of this account meanwhile ends this one as well.
    const [user, stored] = await Promise.all([users.find(userId), passwords.find(identityId, userId)])
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
