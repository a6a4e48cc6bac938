import { Problem, problems } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { FindOrCreateUser } from '../../sign-in/find-or-create-user.ts'
import type { UserRepository } from '../../users/user-repository.ts'
import type { WalletConnection } from './connection.ts'
import type { ConnectionCache } from './connection-cache.ts'
import { onceMoreAfterRace, type ConnectionRepository } from './connection-repository.ts'
import type { PendingConnections } from './pending-connections.ts'
import type { ConnectionProof, ProveConnection } from './prove-connection.ts'

export interface ConnectDeps {
  readonly prove: ProveConnection
  readonly userOf: FindOrCreateUser
  readonly users: Pick<UserRepository, 'takeTurn'>
  readonly connections: Pick<ConnectionRepository, 'connect'>
  readonly cache: Pick<ConnectionCache, 'forget'>
  readonly pending: Pick<PendingConnections, 'issueToken' | 'ttlSeconds'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
}

export interface Connected {
  readonly connection: WalletConnection
  /** Opens one session, within `tokenSeconds`. */
  readonly token: string
  readonly tokenSeconds: number
}

export type ConnectWallet = (proof: ConnectionProof) => Promise<Connected>

/**
 * The first connection of a wallet makes the account.
 * @throws Problem proofRejected, also when the account or the login goes meanwhile; accountDeleting, unavailable
 */
export const createConnectWallet = ({ prove, userOf, users, connections, cache, pending, audit, inTransaction }: ConnectDeps): ConnectWallet =>
  async (proof) => {
    const proved = await prove(proof)
    const { identity, network, publicKey } = proved
    const user = await userOf(proved, undefined, proof.requestId)
    const { walletType } = proof
    const address = identity.address.toLowerCase()
    await cache.forget(address)
    const connection = await onceMoreAfterRace(() => inTransaction(async (transaction) => {
      if (!await users.takeTurn(user.id, identity.id, transaction)) throw new Problem(problems.proofRejected)
      const stored = await connections.connect({ userId: user.id, identityId: identity.id, address, walletType, network, ...publicKey !== undefined && { publicKey } }, transaction)
      await audit.append({ event: 'wallet.connected', subject: user.id, actor: user.id, requestId: proof.requestId, facts: { identity: identity.id, walletType, network } }, transaction)
      return stored
    }))
    const token = await pending.issueToken({
      connectionId: connection.id, connectionEpoch: connection.epoch, walletType, address, ...publicKey !== undefined && { publicKey },
      userId: user.id, sessionEpoch: user.sessionEpoch, identity: { id: identity.id, kind: identity.kind, address: identity.address }
    })
    return { connection, token, tokenSeconds: pending.ttlSeconds }
  }
