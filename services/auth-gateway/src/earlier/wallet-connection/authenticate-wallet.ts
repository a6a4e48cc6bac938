import { Problem, problems, type WalletType } from '@countersign/contracts'
import type { CloseSession } from '../../sessions/close-session.ts'
import type { ClientDescription, SecretSession, SecretSessionOpener } from '../../sessions/open-session.ts'
import type { UserRepository } from '../../users/user-repository.ts'
import type { WalletConnection } from './connection.ts'
import type { ConnectionCache } from './connection-cache.ts'
import type { ConnectionRepository } from './connection-repository.ts'
import type { FreshConnection, PendingConnections } from './pending-connections.ts'

export interface AuthenticateDeps {
  readonly pending: Pick<PendingConnections, 'takeToken'>
  readonly users: Pick<UserRepository, 'findByIdentity'>
  readonly connections: Pick<ConnectionRepository, 'noteSession'>
  readonly cache: Pick<ConnectionCache, 'forget'>
  readonly open: SecretSessionOpener
  readonly close: CloseSession
}

export interface Authentication {
  readonly address: string
  readonly walletType: WalletType
  readonly publicKey?: string
  /** Of the connection that was proved just now; without it nothing opens. */
  readonly token: string | undefined
  readonly durationHours?: number
}

export type AuthenticateWallet = (given: Authentication, client: ClientDescription) => Promise<SecretSession & { readonly connection: WalletConnection }>

/**
 * Address, type and key are public: they must agree with the proof, and stand for nothing without it. The token is used up in any case.
 * A disconnection raises the connection's epoch before it ends the sessions that it finds: so either it finds this one, or the epoch is
 * seen to have changed here, and the session ends before anybody holds its secret.
 * @throws Problem proofRejected, schemaViolation for the duration, sessionClosed
 */
export const createAuthenticateWallet = ({ pending, users, connections, cache, open, close }: AuthenticateDeps): AuthenticateWallet =>
  async ({ token, durationHours, ...claim }, client) => {
    const fresh = token === undefined ? undefined : await pending.takeToken(token)
    if (fresh === undefined || !agrees(fresh, claim)) throw new Problem(problems.proofRejected)
    const user = await users.findByIdentity(fresh.identity.id)
    if (user?.id !== fresh.userId) throw new Problem(problems.proofRejected)

    await cache.forget(fresh.address)
    // With the epoch of when the wallet was proved: a revocation since then ends this sign-in too.
    const signedIn = { user: { ...user, sessionEpoch: fresh.sessionEpoch }, identity: fresh.identity }
    const opened = await open(signedIn, client, { durationHours, connectionId: fresh.connectionId })
    const connection = await connections.noteSession(fresh.connectionId, fresh.connectionEpoch)
    if (connection === undefined) {
      await close({ sessionId: opened.session.id, reason: 'wallet_disconnected', requestId: client.requestId })
      throw new Problem(problems.sessionClosed)
    }
    return { ...opened, connection }
  }

const agrees = (fresh: FreshConnection, { address, walletType, publicKey }: Pick<Authentication, 'address' | 'walletType' | 'publicKey'>): boolean =>
  fresh.address === address.toLowerCase() && fresh.walletType === walletType &&
  (publicKey === undefined || fresh.publicKey === undefined || fresh.publicKey === publicKey.replace(/^0x/, '').toLowerCase())
