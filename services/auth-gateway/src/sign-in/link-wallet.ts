import { Problem, problems, type WalletFamily } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { untold, type TellUser } from '../mail/tell-user.ts'
import type { SessionStates } from '../sessions/session-state.ts'
import { auditedIdentity, type LinkedIdentity } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { CheckWalletProof, GivenProof } from './check-wallet-proof.ts'

export interface LinkDeps {
  readonly check: CheckWalletProof
  readonly identities: Pick<IdentityRepository, 'link'>
  readonly users: Pick<UserRepository, 'find'>
  readonly states: Pick<SessionStates, 'userChanged'>
  readonly audit: Audit
  readonly stillOpen: StillOpen
  readonly tellUser: TellUser
}

/** Whether the asking session has not been revoked since it came through the door. */
export type StillOpen = (sessionId: string, transaction: ClientSession) => Promise<boolean>

export interface Asker {
  readonly userId: string
  readonly sessionId: string
  readonly requestId: string
}

export type LinkWallet = (family: WalletFamily, proof: GivenProof, asker: Asker) => Promise<LinkedIdentity>

/**
 * Never merges: a wallet of another account is refused. One's own again changes nothing.
 * @throws Problem proofRejected, identityTaken, unauthorized, unavailable
 */
export const createLinkWallet = ({ check, identities, users, states, audit, stillOpen, tellUser }: LinkDeps): LinkWallet =>
  async (family, proof, { userId, sessionId, requestId }) => {
    const { identity } = await check(family, proof, { purpose: 'link', userId, sessionId })
    const email = (await users.find(userId))?.email ?? null
    let tell = untold
    const linked = await identities.link(userId, { ...identity, verified: true }, async (login, transaction) => {
      const { id, kind } = login
      if (!await stillOpen(sessionId, transaction)) throw new Problem(problems.unauthorized)
      tell = await tellUser(email, { template: 'identity_linked', login }, requestId, transaction)
      await audit.append({ event: 'identity.linked', subject: userId, actor: userId, requestId, facts: { identity: auditedIdentity(id), kind } }, transaction)
    })
    if (linked === 'taken') throw new Problem(problems.identityTaken)
    if (linked === 'gone') throw new Problem(problems.unauthorized)
    await tell()
    const user = await users.find(userId)
    if (user !== undefined) await states.userChanged(user, sessionId)
    return linked
  }
