/** What somebody chose before the address was proved: the password as its hash, sealed, for as long as the mail is good. */
import type { Redis } from '@countersign/redis'
import { open, seal, SealBroken } from '@countersign/secrets'

export interface PendingChoice {
  readonly passwordHash: string
  /** Of a sign-up. */
  readonly username?: string
}

export type PendingChoices = ReturnType<typeof createPendingChoices>

const keyOf = (challengeId: string): string => `gw:email-choice:${challengeId}`

/** @param sealKey 32 bytes for this purpose alone: Redis holds no hash that could be tried. */
export function createPendingChoices ({ redis, sealKey }: { readonly redis: Redis, readonly sealKey: Uint8Array }) {
  return {
    async keep (challengeId: string, choice: PendingChoice, ttlSeconds: number): Promise<void> {
      await redis.set(keyOf(challengeId), seal({ key: sealKey, plaintext: JSON.stringify(choice), associated: challengeId }), 'EX', ttlSeconds)
    },

    /** Left where it is: the proof may be repeated when its answer is lost, and counts once anyway. */
    async find (challengeId: string): Promise<PendingChoice | undefined> {
      const sealed = await redis.get(keyOf(challengeId))
      if (sealed === null) return undefined
      try {
        return JSON.parse(open({ key: sealKey, sealed, associated: challengeId }).toString('utf8')) as PendingChoice
      } catch (error) {
        if (error instanceof SealBroken) return undefined
        throw error
      }
    }
  }
}
