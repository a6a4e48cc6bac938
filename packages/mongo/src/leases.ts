/**
 * Who may act alone, for how long, by the database's clock. The epoch grows with every new holder; a holder proves itself
 * inside the transaction it writes in, so that one that slept past its lease can write nothing.
 */
import { MongoServerError, type ClientSession, type Db, type Document, type Filter } from 'mongodb'
import { isDuplicateKey } from './duplicate-key.ts'
import { exactly, literally } from './exactly.ts'

export interface LeaseRow {
  readonly _id: string
  readonly holder: string | null
  readonly epoch: number
  readonly expiresAt: Date
  /** Counts proofs: a proof must change the row, else the database sees no conflict with a new holder. */
  readonly asserts: number
}

export interface Lease { readonly epoch: number, readonly expiresAt: Date }

/** The lease is over or somebody else's; whatever was to be written under it must not be. */
export class LeaseLost extends Error {
  constructor (name: string, epoch: number) {
    super(`The lease ${name} of epoch ${epoch} is no longer held`)
    this.name = 'LeaseLost'
  }
}

export interface Leases {
  /**
   * @param holder unlike any other holder's, for example the process's instance id
   * @returns null while anybody, the caller included, holds it, or while a transaction that wrote under it is open: that of a process
   * that died lasts until the server gives it up (transactionLifetimeLimitSeconds)
   */
  acquire (name: string, holder: string, ttlMs: number): Promise<Lease | null>
  /** @returns false when it was lost already; a lost lease is never revived */
  renew (name: string, holder: string, epoch: number, ttlMs: number, session?: ClientSession): Promise<boolean>
  /** @returns false when it was not held any more */
  release (name: string, holder: string, epoch: number, session?: ClientSession): Promise<boolean>
  /**
   * First statement of a transaction that writes under the lease. Nobody can take it over before that transaction ends.
   * @throws LeaseLost, which aborts the transaction
   */
  assert (name: string, holder: string, epoch: number, session: ClientSession): Promise<void>
}

export const createLeases = (db: Db, { collection = 'leases' }: { readonly collection?: string } = {}): Leases => {
  const leases = db.collection<LeaseRow>(collection)

  /** $expr is not allowed in an upsert, so the free row is made first. */
  const makeRow = async (name: string): Promise<void> => {
    try {
      await leases.insertOne({ _id: name, holder: null, epoch: 0, expiresAt: new Date(0), asserts: 0 })
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
    }
  }

  const take = async (name: string, holder: string, ttlMs: number): Promise<Lease | null> =>
    leases.findOneAndUpdate(
      { _id: exactly(name), $expr: { $lte: ['$expiresAt', '$$NOW'] } },
      [{ $set: { holder: literally(holder), epoch: { $add: ['$epoch', 1] }, expiresAt: nowPlus(ttlMs) } }],
      // Shorter than an open transaction may last: who waits for its end does not wait inside the server.
      { returnDocument: 'after', projection: { _id: 0, epoch: 1, expiresAt: 1 }, maxTimeMS: longestTakeMs }
    )

  /** `$$NOW` stands still while a statement waits for another's write, so that a lease taken after a wait is shorter than was asked for, or over. */
  const takeWhole = async (name: string, holder: string, ttlMs: number): Promise<Lease | null> => {
    const startedAt = performance.now()
    const taken = await take(name, holder, ttlMs).catch((error: unknown) => {
      if (error instanceof MongoServerError && error.code === maxTimeExpired) return null
      throw error
    })
    if (taken === null || performance.now() - startedAt < Math.min(ttlMs / 4, longestUnrenewedMs)) return taken
    return await leases.findOneAndUpdate(heldBy(name, holder, taken.epoch), [{ $set: { expiresAt: nowPlus(ttlMs) } }], { returnDocument: 'after', projection: { _id: 0, epoch: 1, expiresAt: 1 } })
  }

  const update = async (filter: Filter<LeaseRow>, set: Document, session: ClientSession | undefined): Promise<boolean> => {
    const { matchedCount } = await leases.updateOne(filter, [{ $set: set }], { ...session && { session } })
    return matchedCount === 1
  }

  return {
    async acquire (name, holder, ttlMs) {
      const taken = await takeWhole(name, holder, ttlMs)
      if (taken !== null || await leases.findOne({ _id: exactly(name) }, { projection: { _id: 1 } }) !== null) return taken
      await makeRow(name)
      return await takeWhole(name, holder, ttlMs)
    },

    renew: (name, holder, epoch, ttlMs, session) =>
      update(heldBy(name, holder, epoch), { expiresAt: nowPlus(ttlMs) }, session),

    release: (name, holder, epoch, session) =>
      update(heldBy(name, holder, epoch), { holder: null, expiresAt: '$$NOW' }, session),

    async assert (name, holder, epoch, session) {
      const held = await update(heldBy(name, holder, epoch), { asserts: { $add: ['$asserts', 1] } }, session)
      if (!held) throw new LeaseLost(name, epoch)
    }
  }
}

const longestTakeMs = 2_000
const longestUnrenewedMs = 500
/** MaxTimeMSExpired. */
const maxTimeExpired = 50

const nowPlus = (ms: number): Document => ({ $add: ['$$NOW', literally(ms)] })

const heldBy = (name: string, holder: string, epoch: number): Filter<LeaseRow> => ({
  _id: exactly(name), holder: exactly(holder), epoch: exactly(epoch), $expr: { $gt: ['$expiresAt', '$$NOW'] }
})
