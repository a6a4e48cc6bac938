/** `otp_pending_count`: one process of all counts, so that the sum over processes is the number. */
import type { Leases } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import { startRounds, type Rounds } from './rounds.ts'

export interface PendingCountOptions {
  /** Whatever holds challenges that can be answered. */
  readonly pending: readonly { countPending (): Promise<number> }[]
  readonly leases: Leases
  /** This process. */
  readonly holder: string
  readonly metrics: Metrics
  readonly log: Logger
  readonly intervalMs?: number
}

const lease = 'pending-count'

export function startPendingCount ({ pending, leases, holder, metrics, log, intervalMs = 5_000 }: PendingCountOptions): Rounds {
  const gauge = metrics.gauge({ name: 'otp_pending_count', help: 'Challenges that can still be answered; set by one process' })
  gauge.remove()
  let epoch: number | undefined

  /** Three rounds may fail before another process takes over. */
  const hold = async (): Promise<boolean> => {
    if (epoch !== undefined && await leases.renew(lease, holder, epoch, intervalMs * 3)) return true
    epoch = (await leases.acquire(lease, holder, intervalMs * 3))?.epoch
    return epoch !== undefined
  }
  const round = async (): Promise<void> => {
    try {
      if (await hold()) gauge.set((await Promise.all(pending.map((store) => store.countPending()))).reduce((sum, count) => sum + count, 0))
      else gauge.remove()
    } catch (error) {
      gauge.remove()
      log.warn({ err: error }, 'pending challenges could not be counted')
    }
  }

  const rounds = startRounds(round, intervalMs)
  return {
    async close () {
      await rounds.close()
      if (epoch !== undefined) await leases.release(lease, holder, epoch)
    }
  }
}
