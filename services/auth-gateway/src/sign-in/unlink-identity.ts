import { Problem, problems } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { untold, type TellUser } from '../mail/tell-user.ts'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import type { Revocations } from '../sessions/revoke-sessions.ts'
import type { SessionStates } from '../sessions/session-state.ts'
import { auditedIdentity } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { Asker } from './link-wallet.ts'

export interface UnlinkDeps {
  readonly identities: Pick<IdentityRepository, 'unlink'>
  readonly users: Pick<UserRepository, 'find'>
  readonly states: Pick<SessionStates, 'userChanged'>
  readonly audit: Audit
  /** Ends what the login opened, and sign-ins under way. */
  readonly revocations: Pick<Revocations, 'begin' | 'finish'>
  readonly passwords: Pick<PasswordRepository, 'remove'>
  readonly tellUser: TellUser
  /** API keys that were made in sessions of that login. */
  readonly revokeKeysMadeBy: (userId: string, identityId: string, transaction: ClientSession) => Promise<void>
}

/** @param given `evenLast`: it signs nobody in any more, whatever is left */
export type UnlinkIdentity = (identityId: string, asker: Omit<Asker, 'sessionId'> & Partial<Asker>, given?: { readonly evenLast: boolean }) => Promise<void>

/** @throws Problem lastIdentity */
export const createUnlinkIdentity = ({ identities, users, states, audit, revocations, passwords, revokeKeysMadeBy, tellUser }: UnlinkDeps): UnlinkIdentity =>
  async (identityId, { userId, sessionId, requestId }, given) => {
    const revocation = { userId, reason: 'identity_unlinked', requestId, spared: { otherThanIdentity: identityId } }
    // Before it goes: it may be the address that is told.
    const email = (await users.find(userId))?.email ?? null
    let epoch: number | undefined
    let tell = untold
    const gone = await identities.unlink(userId, identityId, async (identity, transaction) => {
      await passwords.remove(identityId, transaction)
      await revokeKeysMadeBy(userId, identityId, transaction)
      epoch = await revocations.begin(revocation, transaction)
      // Of a passkey otp-service tells, whose factor it was.
      if (identity.kind !== 'passkey') tell = await tellUser(email, { template: 'identity_unlinked', login: identity }, requestId, transaction)
      await audit.append({ event: 'identity.unlinked', subject: userId, actor: userId, requestId, facts: { identity: auditedIdentity(identity.id), kind: identity.kind } }, transaction)
    }, given)
    if (gone === 'last') throw new Problem(problems.lastIdentity)
    if (gone === 'absent') return
    await tell()
    if (epoch !== undefined) await revocations.finish(revocation, epoch)
    const user = await users.find(userId)
    if (user !== undefined) await states.userChanged(user, sessionId)
  }
