import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import type { SessionStates } from '../sessions/session-state.ts'
import type { LinkedIdentity } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { EndSessions } from './end-sessions.ts'
import type { Mailbox } from './mailbox.ts'

export interface CutAddressDeps {
  readonly identities: Pick<IdentityRepository, 'release'>
  readonly passwords: Pick<PasswordRepository, 'remove'>
  readonly endSessions: EndSessions
  /** API keys that were made in sessions of that login. */
  readonly revokeKeysMadeBy: (userId: string, identityId: string, transaction: ClientSession) => Promise<void>
  readonly users: Pick<UserRepository, 'find'>
  readonly states: Pick<SessionStates, 'userChanged'>
  readonly mailbox: Pick<Mailbox, 'cancel'>
  readonly audit: Audit
}

export type CutAddress = (identity: LinkedIdentity, requestId: string) => Promise<void>

class NotHisAnyMore extends Error {}

/**
 * Somebody else reads the mailbox of an address that an account had taken without ever proving it: the address goes, and with it its
 * password, the sessions that it opened with the keys that were made in them, and what was mailed for it. Wallets stay with the account. An account that has no login left stays
 * as a row, so that its id is never anybody else's. Does nothing when the address was proved or moved meanwhile.
 */
export const createCutAddress = ({ identities, passwords, endSessions, revokeKeysMadeBy, users, states, mailbox, audit }: CutAddressDeps): CutAddress =>
  async ({ id, userId, address }, requestId) => {
    await mailbox.cancel({ userId, email: address }, requestId)
    try {
      await endSessions({ userId, reason: 'address_proved_by_another', requestId, spared: { otherThanIdentity: id } }, async (transaction) => {
        if (!await identities.release(id, userId, transaction)) throw new NotHisAnyMore()
        await passwords.remove(id, transaction)
        await revokeKeysMadeBy(userId, id, transaction)
        await audit.append({ event: 'identity.cut', subject: userId, requestId, facts: { kind: 'email', reason: 'proved_by_another' } }, transaction)
      })
    } catch (error) {
      if (!(error instanceof NotHisAnyMore)) throw error
      return
    }
    const user = await users.find(userId)
    if (user !== undefined) await states.userChanged(user)
  }
