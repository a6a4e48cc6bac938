import { sharedAnswer } from '../../health/shared-answer.ts'

export interface WalletHealthDeps {
  readonly countConnections: () => Promise<number>
  readonly countActiveSessions: () => Promise<number>
  readonly heapUsedBytes: () => number
  readonly now: () => Date
}

/** Counts, as the earlier system shows them to strangers; of a fault one word. */
export type WalletHealth =
  | { readonly status: 'healthy', readonly timestamp: string, readonly metrics: { readonly totalWalletConnections: number, readonly activeSessions: number, readonly memoryUsageMb: number } }
  | { readonly status: 'unhealthy', readonly timestamp: string, readonly error: 'unavailable' }

/** Counting sessions reads an index: once in five seconds is enough for a probe. */
const sharedMs = 5_000

export const createWalletHealth = ({ countConnections, countActiveSessions, heapUsedBytes, now }: WalletHealthDeps): () => Promise<WalletHealth> => sharedAnswer(sharedMs, async () => {
  const timestamp = now().toISOString()
  try {
    const [totalWalletConnections, activeSessions] = await Promise.all([countConnections(), countActiveSessions()])
    return { status: 'healthy', timestamp, metrics: { totalWalletConnections, activeSessions, memoryUsageMb: Math.round(heapUsedBytes() / 1_048_576) } }
  } catch {
    return { status: 'unhealthy', timestamp, error: 'unavailable' }
  }
})
