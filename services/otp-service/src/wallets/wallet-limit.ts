/**
 * How often somebody may have signatures checked. There is nothing to guess, so that this bounds work and no danger; it counts a session and
 * not an account, so that a stranger in another one takes nothing from its owner.
 */
import { Problem, problems } from '@countersign/contracts'
import type { Limiter } from '@countersign/redis'

export interface WalletLimitDeps {
  readonly limiter: Pick<Limiter, 'take'>
  readonly perMinute: number
  readonly onLimited: () => void
}

/** @throws Problem rateLimited */
export type WalletLimit = (asker: { readonly userId: string, readonly sessionId: string }) => Promise<void>

export const createWalletLimit = ({ limiter, perMinute, onLimited }: WalletLimitDeps): WalletLimit => async ({ userId, sessionId }) => {
  const { allowed, retryAfterMs } = await limiter.take([{ key: `${userId}:${sessionId}`, max: perMinute, windowMs: 60_000 }])
  if (allowed) return
  onLimited()
  throw new Problem(problems.rateLimited, { retry_after: Math.max(1, Math.ceil(retryAfterMs / 1_000)) })
}
