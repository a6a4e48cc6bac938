import { LeaseLost, type Leases } from '../leases.ts'

export interface HoldLeaseOptions {
  readonly leases: Leases
  readonly name: string
  /** Unlike any other holder's. */
  readonly holder: string
  readonly ttlMs?: number
}

/**
 * Runs the work while nobody else holds the lease, renewing it every third of its life.
 * @param work gets a signal that is aborted when the lease is lost; it must write nothing then
 * @returns undefined, without running the work, when somebody else holds it
 * @throws LeaseLost when it was lost before the work ended
 */
export async function holdLease<T> ({ leases, name, holder, ttlMs = 30_000 }: HoldLeaseOptions, work: (signal: AbortSignal) => Promise<T>): Promise<{ readonly value: T } | undefined> {
  const lease = await leases.acquire(name, holder, ttlMs)
  if (lease === null) return undefined
  const lost = new AbortController()
  const timer = setInterval(() => {
    leases.renew(name, holder, lease.epoch, ttlMs).then((held) => { if (!held) lost.abort(new LeaseLost(name, lease.epoch)) }, () => undefined)
  }, ttlMs / 3)
  try {
    const value = await work(lost.signal)
    if (!await leases.renew(name, holder, lease.epoch, ttlMs)) throw new LeaseLost(name, lease.epoch)
    return { value }
  } finally {
    clearInterval(timer)
    await leases.release(name, holder, lease.epoch)
  }
}
