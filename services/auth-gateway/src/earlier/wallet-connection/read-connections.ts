import type { ConnectedWallet, ConnectionView, PublicWallet, UserView, WalletType } from '@countersign/contracts'
import type { SessionRepository } from '../../sessions/session-repository.ts'
import type { SessionEpochs } from '../../users/session-epochs.ts'
import type { UserRepository } from '../../users/user-repository.ts'
import type { WalletConnection } from './connection.ts'
import type { ConnectionCache } from './connection-cache.ts'
import type { ConnectionRepository } from './connection-repository.ts'

export interface ReadConnectionsDeps {
  readonly connections: Pick<ConnectionRepository, 'find' | 'ofUser'>
  readonly cache: Pick<ConnectionCache, 'ofAddress'>
  readonly users: Pick<UserRepository, 'findByIdentity'>
  readonly sessions: Pick<SessionRepository, 'findLive'>
  readonly epochs: Pick<SessionEpochs, 'of'>
}

export interface OpenWalletSession {
  readonly connection: WalletConnection
  readonly expiresAt: Date
}

export type ReadConnections = ReturnType<typeof createReadConnections>

export const createReadConnections = ({ connections, cache, users, sessions, epochs }: ReadConnectionsDeps) => ({
  /** The wallet that a session was opened with; undefined for a session that was opened otherwise. */
  async ofSession ({ userId, connectionId }: { readonly userId: string, readonly connectionId?: string }, user: UserView): Promise<ConnectedWallet | undefined> {
    const connection = connectionId === undefined ? undefined : await connections.find(connectionId)
    return connection?.userId === userId ? { ...connectionView(connection), ...profileView(user) } : undefined
  },

  /** What is connected by logins that the account still has. */
  async ofUser ({ id, identities }: UserView): Promise<ConnectionView[]> {
    const logins = new Set(identities.map((identity) => identity.id))
    return (await connections.ofUser(id)).filter(({ identityId }) => logins.has(identityId)).map(connectionView)
  },

  /** The newest connection of the address while its login is still its user's. Its user, by id, sees the dates as well. */
  async ofAddress (given: string, walletType: WalletType | undefined, viewerId: string | undefined): Promise<PublicWallet | undefined> {
    const all = await cache.ofAddress(given.toLowerCase())
    const connection = all.find((one) => one.isConnected && (walletType === undefined || one.walletType === walletType))
    const owner = connection && await users.findByIdentity(connection.identityId)
    if (connection === undefined || owner?.id !== connection.userId) return undefined
    const { address, walletType: type, network, ...dates } = connectionView(connection)
    return { address, walletType: type, network, displayName: owner.profile.display_name ?? null, ...viewerId === owner.id && dates }
  },

  /** By the public handle. Asking does not count as using the session. */
  async openSession (handle: string): Promise<OpenWalletSession | undefined> {
    const session = await sessions.findLive(handle)
    if (session?.connectionId === undefined || await epochs.of(session.userId) !== session.epoch) return undefined
    const connection = await connections.find(session.connectionId)
    return connection?.isConnected === true && connection.userId === session.userId ? { connection, expiresAt: session.expiresAt } : undefined
  }
})

export const connectionView = ({ address, walletType, network, isConnected, connectedAt, lastVerifiedAt, lastAuthenticatedAt }: WalletConnection): ConnectionView => ({
  address, walletType, network, isConnected,
  connectedAt: connectedAt.toISOString(),
  lastVerifiedAt: lastVerifiedAt.toISOString(),
  lastAuthenticatedAt: lastAuthenticatedAt?.toISOString() ?? null
})

/** The profile of an account in the earlier system's words. */
export const profileView = ({ username, profile: { display_name: displayName, avatar, bio } }: Pick<UserView, 'username' | 'profile'>): Pick<ConnectedWallet, 'displayName' | 'profile'> =>
  ({ displayName: displayName ?? null, profile: { avatar: avatar ?? null, username, bio: bio ?? null } })
