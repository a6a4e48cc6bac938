/** The account's quota of signatures is one for all processes, and so is the limit that keeps below it. */
import type { TokenBucket } from '@countersign/kms'
import type { Logger } from '@countersign/runtime'

export interface SignLimitDeps {
  /** Of all processes together; throws when it cannot be asked. */
  readonly shared: TokenBucket
  /** Of this process, for while the other one cannot be asked. */
  readonly own: TokenBucket
  readonly log: Pick<Logger, 'warn'>
}

export function createSignLimit ({ shared, own, log }: SignLimitDeps): TokenBucket {
  let lost = false
  return {
    take: async (maxWaitMs) => {
      try {
        const taken = await shared.take(maxWaitMs)
        lost = false
        return taken
      } catch (error) {
        if (!lost) log.warn({ err: error }, 'the limit of signatures that all processes share cannot be asked: this process keeps to its own')
        lost = true
        return await own.take(maxWaitMs)
      }
    }
  }
}
