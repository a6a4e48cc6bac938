import { literally, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'

interface DeviceDocument {
  _id: string
  userId: string
  seenAt: Date
}

/** So long a device stays known to its user. */
const rememberedDays = 90
const rememberedMs = rememberedDays * 86_400_000
/** A device in use is written that often at most. */
const seenEveryMs = 86_400_000

export const deviceIndexes = [
  { collection: 'devices', name: 'by_user', key: { userId: 1 } },
  { collection: 'devices', name: 'forgotten', key: { seenAt: 1 }, expireAfterSeconds: rememberedDays * 86_400 }
] as const

const seenWithin = (field: string, ms: number) => ({ $gt: [field, { $subtract: ['$$NOW', ms] }] })

/** An expression over a device's `seenAt`: it is known, and need not be noted again. */
export const seenLately = (field: string) => seenWithin(field, seenEveryMs)

export type DeviceRepository = ReturnType<typeof createDeviceRepository>

/** From where users sign in, as keyed hashes. Lives are decided by the database's clock. */
export function createDeviceRepository (mongo: Mongo) {
  const devices = mongo.db.collection<DeviceDocument>('devices')

  return {
    /** When each was seen, the latest first. */
    async seenOf (userId: string, limit: number): Promise<Date[]> {
      return (await devices.find({ userId }).sort({ seenAt: -1 }).limit(limit).toArray()).map(({ seenAt }) => seenAt)
    },

    /**
     * Of those that race with a new device the database lets one be the first.
     * @returns whether it is new to the user
     */
    async note (id: string, userId: string, transaction: ClientSession): Promise<boolean> {
      const before = await devices.findOne({ _id: id, $expr: seenWithin('$seenAt', rememberedMs) }, { projection: { _id: 1 }, session: transaction })
      await devices.updateOne({ _id: id }, [{ $set: { userId: literally(userId), seenAt: '$$NOW' } }], { upsert: true, session: transaction })
      return before === null
    }
  }
}
