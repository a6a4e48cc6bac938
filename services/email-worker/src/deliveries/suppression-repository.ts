/** Addresses and telephone numbers that a mail server or a provider said do not exist. They stand here as keyed hashes; the masked form is for people to recognise. */
import { maskAddress } from '@countersign/contracts'
import { exactly, gather } from '@countersign/mongo'
import type { Db } from 'mongodb'

interface SuppressionDocument {
  /** Keyed hash of the address in lower case. */
  readonly _id: string
  readonly masked: string
  /** What was said: an SMTP code and the step, or the code of a provider. */
  readonly reason: string
  /** The mail that found out. */
  readonly delivery_id: string
  readonly since: Date
  /** Mails that were not sent because of this row. */
  readonly dropped: number
}

export interface Suppression {
  readonly masked: string
  readonly reason: string
  readonly deliveryId: string
  readonly since: Date
  readonly dropped: number
}

export type SuppressionRepository = ReturnType<typeof createSuppressionRepository>

/** @param hashOf keyed hash of an address, alike for every spelling that reaches one mailbox */
export function createSuppressionRepository (db: Db, hashOf: (address: string) => string) {
  const suppressions = db.collection<SuppressionDocument>('suppressions')
  const known = gather(async (hashes: readonly string[]) => {
    const found = new Set((await suppressions.find({ _id: { $in: [...hashes] } }, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id))
    return hashes.map((hash) => found.has(hash))
  })

  return {
    async add (address: string, { reason, deliveryId }: { readonly reason: string, readonly deliveryId: string }): Promise<void> {
      await suppressions.updateOne(
        { _id: exactly(hashOf(address)) },
        { $set: { reason, delivery_id: deliveryId }, $setOnInsert: { masked: maskAddress(address), dropped: 0 }, $currentDate: { since: true } },
        { upsert: true }
      )
    },

    /** @returns whether mails to it are dropped; this one is counted then */
    async drops (address: string): Promise<boolean> {
      const hash = hashOf(address)
      if (!await known(hash)) return false
      const { matchedCount } = await suppressions.updateOne({ _id: exactly(hash) }, { $inc: { dropped: 1 } })
      return matchedCount === 1
    },

    async find (address: string): Promise<Suppression | undefined> {
      const row = await suppressions.findOne({ _id: exactly(hashOf(address)) })
      return row === null ? undefined : toSuppression(row)
    },

    /** @returns whether it was suppressed */
    async lift (address: string): Promise<boolean> {
      const { deletedCount } = await suppressions.deleteOne({ _id: exactly(hashOf(address)) })
      return deletedCount === 1
    },

    /** The latest first. */
    async list (limit: number): Promise<Suppression[]> {
      return (await suppressions.find().sort({ since: -1 }).limit(limit).toArray()).map(toSuppression)
    }
  }
}

const toSuppression = ({ masked, reason, delivery_id: deliveryId, since, dropped }: SuppressionDocument): Suppression => ({ masked, reason, deliveryId, since, dropped })
