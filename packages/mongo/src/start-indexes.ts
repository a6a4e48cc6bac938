/** Several processes start at once; one of them makes the indexes while the others wait for it. */
import { retryWithin, type Logger } from '@countersign/runtime'
import type { Mongo } from './connect.ts'
import { ensureIndexes, requireIndexes, type IndexSpec } from './indexes.ts'
import type { Leases } from './leases.ts'

export interface StartIndexesOptions {
  readonly mongo: Pick<Mongo, 'db'>
  readonly leases: Leases
  readonly indexes: readonly IndexSpec[]
  /** This process. */
  readonly holder: string
  readonly seconds: number
  readonly log: Logger
  readonly signal: AbortSignal
}

const lease = 'indexes'
/** Shorter than a start may wait: a process that died over its indexes does not keep the next one out. Two at once would do no harm. */
const leaseMs = 10_000

/** @throws IndexFault when an index differs or is missing afterwards, naming the command to run. */
export async function startIndexes ({ mongo, leases, indexes, holder, seconds, log, signal }: StartIndexesOptions): Promise<void> {
  const held = await retryWithin({ label: 'the lock of the indexes', seconds, log, signal }, async () => {
    const taken = await leases.acquire(lease, holder, leaseMs)
    if (taken === null) throw new Error('another process makes the indexes')
    return taken
  })
  try {
    await ensureIndexes(mongo.db, indexes)
  } finally {
    await leases.release(lease, holder, held.epoch)
  }
  await requireIndexes(mongo.db, indexes)
}
