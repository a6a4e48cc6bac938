import { Problem, problems } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { SessionStates } from '../sessions/session-state.ts'
import type { LinkedIdentity } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { Asker } from './link-wallet.ts'

export interface UnlinkDeps {
  readonly identities: Pick<IdentityRepository, 'unlink'>
  readonly users: Pick<UserRepository, 'find'>
  readonly states: Pick<SessionStates, 'userChanged' | 'close'>
  readonly audit: Audit
  /** Ends what the login opened; answers the ids of its sessions. */
  readonly endSessions: (identity: LinkedIdentity, transaction: ClientSession) => Promise<readonly string[]>
}

export type UnlinkIdentity = (identityId: string, asker: Asker) => Promise<void>

/** @throws Problem lastIdentity */
export const createUnlinkIdentity = ({ identities, users, states, audit, endSessions }: UnlinkDeps): UnlinkIdentity =>
  async (identityId, { userId, sessionId, requestId }) => {
    let ended: readonly string[] = []
    const gone = await identities.unlink(userId, identityId, async (identity, transaction) => {
      ended = await endSessions(identity, transaction)
      await audit.append({ event: 'identity.unlinked', subject: userId, actor: userId, requestId, facts: { identity: identity.id, kind: identity.kind } }, transaction)
    })
    if (gone === 'last') throw new Problem(problems.lastIdentity)
    if (gone === 'absent') return
    await Promise.all(ended.map((id) => states.close(id)))
    const user = await users.find(userId)
    if (user !== undefined) await states.userChanged(user, sessionId)
  }
