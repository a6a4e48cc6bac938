/**
 * Connections by address, read by anybody who knows one: kept in Redis for an hour (`gw:wallet:<address>`, the earlier system's
 * `wallet:<address>` among the gateway's own keys) and forgotten before they change.
 */
import type { Logger } from '@countersign/runtime'
import type { Redis } from 'ioredis'
import type { WalletConnection } from './connection.ts'

export interface ConnectionCacheDeps {
  readonly redis: Redis
  readonly load: (address: string) => Promise<WalletConnection[]>
  readonly log: Pick<Logger, 'warn'>
}

const keptSeconds = 3_600
const changing = 'changing'
/** Longer than a transaction of the change and a slow reader together may take: what was read before the change is kept by nobody. */
const changingSeconds = 30
const slowestReaderMs = 10_000

export type ConnectionCache = ReturnType<typeof createConnectionCache>

export function createConnectionCache ({ redis, load, log }: ConnectionCacheDeps) {
  const keyOf = (address: string): string => `gw:wallet:${address}`

  async function readKept (address: string): Promise<string | null> {
    try {
      return await redis.get(keyOf(address))
    } catch (error) {
      log.warn({ err: error }, 'wallet connections not read from Redis; MongoDB is asked')
      return changing
    }
  }

  async function keep (address: string, connections: readonly WalletConnection[]): Promise<void> {
    try {
      // Never over the mark of a change.
      await redis.set(keyOf(address), JSON.stringify(connections), 'EX', keptSeconds, 'NX')
    } catch (error) {
      log.warn({ err: error }, 'wallet connections not kept in Redis')
    }
  }

  return {
    async ofAddress (address: string): Promise<WalletConnection[]> {
      const kept = await readKept(address)
      if (kept !== null && kept !== changing) return readConnections(kept)
      const askedAt = performance.now()
      const connections = await load(address)
      if (kept === null && performance.now() - askedAt < slowestReaderMs) await keep(address, connections)
      return connections
    },

    /** Before the change: while it runs, and for a while after, everybody reads MongoDB. @throws what Redis throws: an old copy must not outlive the change */
    async forget (address: string): Promise<void> {
      await redis.set(keyOf(address), changing, 'EX', changingSeconds)
    }
  }
}

const readConnections = (text: string): WalletConnection[] => (JSON.parse(text) as WalletConnection[]).map(({ connectedAt, lastVerifiedAt, lastAuthenticatedAt, ...rest }) => ({
  ...rest,
  connectedAt: new Date(connectedAt),
  lastVerifiedAt: new Date(lastVerifiedAt),
  lastAuthenticatedAt: lastAuthenticatedAt === null ? null : new Date(lastAuthenticatedAt)
}))
