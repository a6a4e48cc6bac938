/** What lives for minutes between the steps of a connection, in Redis: the text to sign, and the proof that it was signed. */
import type { NetworkName, WalletType } from '@countersign/contracts'
import { keyedHash } from '@countersign/secrets'
import type { Redis } from 'ioredis'
import type { Identity } from '../../users/identity.ts'

/** Apart from sign-in challenges, so that neither API takes the other's. */
export interface ConnectionChallenge {
  /** The whole text, as issued. */
  readonly message: string
  readonly network: NetworkName
  /** Canonical; absent: of whoever signs. */
  readonly address?: string
}

/** A connection that was proved just now, for whoever holds its token. */
export interface FreshConnection {
  readonly connectionId: string
  readonly connectionEpoch: number
  readonly walletType: WalletType
  readonly address: string
  readonly publicKey?: string
  readonly userId: string
  readonly sessionEpoch: number
  readonly identity: Identity
}

export type PendingConnections = ReturnType<typeof createPendingConnections>

/** @param key 32 bytes, derived for this purpose alone: Redis holds no token that opens anything */
export function createPendingConnections ({ redis, key, ttlSeconds, newToken }: { readonly redis: Redis, readonly key: Uint8Array, readonly ttlSeconds: number, readonly newToken: () => string }) {
  const challengeKey = (nonce: string): string => `gw:connection-challenge:${nonce}`
  const tokenKey = (token: string): string => `gw:connection-token:${keyedHash(key, token).toString('base64url')}`
  /** For exactly one caller: GETDEL is what decides a race. */
  const take = async <T>(name: string): Promise<T | undefined> => {
    const stored = await redis.getdel(name)
    return stored === null ? undefined : JSON.parse(stored) as T
  }

  return {
    ttlSeconds,
    /** @param expiresAt as the text says it */
    async keepChallenge (nonce: string, challenge: ConnectionChallenge, expiresAt: Date): Promise<void> {
      await redis.set(challengeKey(nonce), JSON.stringify(challenge), 'PXAT', expiresAt.getTime())
    },
    takeChallenge: (nonce: string) => take<ConnectionChallenge>(challengeKey(nonce)),

    /** @returns the token, of which only a hash is kept. */
    async issueToken (connection: FreshConnection): Promise<string> {
      const token = newToken()
      await redis.set(tokenKey(token), JSON.stringify(connection), 'EX', ttlSeconds)
      return token
    },
    takeToken: (token: string) => take<FreshConnection>(tokenKey(token))
  }
}
