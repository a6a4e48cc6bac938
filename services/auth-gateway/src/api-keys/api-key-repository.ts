import type { Scope } from '@countersign/contracts'
import type { Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { ApiKey, KeyMode, NewKey } from './api-key.ts'

interface ApiKeyDocument {
  _id: string
  mac: string
  userId: string
  madeBy: string
  name: string
  mode: KeyMode
  lastFour: string
  scopes: Scope[]
  networks: string[]
  maxPerMinute: number
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  revokedAt: Date | null
  /** The key that took its place. */
  successor?: string
}

export const apiKeyIndexes = [
  { collection: 'api_keys', name: 'by_mac', key: { mac: 1 }, unique: true },
  { collection: 'api_keys', name: 'by_user', key: { userId: 1, createdAt: -1 } }
] as const

export type ApiKeyRepository = ReturnType<typeof createApiKeyRepository>

/** Lives are decided by the database's clock ($$NOW), never by this process's. */
export function createApiKeyRepository (mongo: Mongo) {
  const keys = mongo.db.collection<ApiKeyDocument>('api_keys')
  const isLive = { $and: [{ $eq: ['$revokedAt', null] }, { $or: [{ $eq: ['$expiresAt', null] }, { $gt: ['$expiresAt', '$$NOW'] }] }] }
  const inSeconds = (seconds: number) => ({ $dateAdd: { startDate: '$$NOW', unit: 'second', amount: seconds } })

  return {
    async insert (id: string, key: NewKey, secret: { readonly mac: string, readonly lastFour: string }, life: { readonly seconds: number } | { readonly until: Date } | undefined, transaction: ClientSession): Promise<ApiKey> {
      const expiresAt = life === undefined ? null : 'until' in life ? { $literal: life.until } : inSeconds(life.seconds)
      // An upsert with a pipeline lets the database stamp both times.
      const made = await keys.findOneAndUpdate({ _id: id }, [{
        $set: {
          ...Object.fromEntries(Object.entries({ ...key, ...secret }).map(([name, value]) => [name, { $literal: value }])),
          createdAt: '$$NOW', expiresAt, lastUsedAt: null, revokedAt: null
        }
      }], { upsert: true, returnDocument: 'after', session: transaction })
      if (made === null) throw new Error('an API key was not stored')
      return toKey(made)
    },

    /** @returns the key while it is neither revoked nor expired */
    async findLive (mac: string): Promise<ApiKey | undefined> {
      const found = await keys.findOne({ mac, $expr: isLive })
      return found === null ? undefined : toKey(found)
    },

    async countLive (userId: string, transaction: ClientSession): Promise<number> {
      return await keys.countDocuments({ userId, $expr: isLive }, { session: transaction })
    },

    async list (userId: string, limit = 200): Promise<ApiKey[]> {
      // Those that were not revoked come first, so that no number of others hides one.
      return (await keys.find({ userId }).sort({ revokedAt: 1, createdAt: -1 }).limit(limit).toArray()).map(toKey)
    },

    /** Shortens the life of a key that has no successor yet; never lengthens it. */
    async replace (userId: string, id: string, successor: string, overlapSeconds: number, transaction: ClientSession): Promise<ApiKey | undefined> {
      const replaced = await keys.findOneAndUpdate({ _id: id, userId, successor: { $exists: false }, $expr: isLive },
        [{ $set: { successor, expiresAt: { $min: [{ $ifNull: ['$expiresAt', inSeconds(overlapSeconds)] }, inSeconds(overlapSeconds)] } } }],
        { returnDocument: 'before', session: transaction })
      return replaced === null ? undefined : toKey(replaced)
    },

    /** @returns false when the user has no such key; again is no fault */
    async revoke (userId: string, id: string, transaction: ClientSession): Promise<boolean> {
      const { matchedCount } = await keys.updateOne({ _id: id, userId }, [{ $set: { revokedAt: { $ifNull: ['$revokedAt', '$$NOW'] } } }], { session: transaction })
      return matchedCount === 1
    },

    /** With the login that made them, or with the whole account when none is named. */
    async revokeAll (userId: string, madeBy: string | undefined, transaction: ClientSession): Promise<void> {
      await keys.updateMany({ userId, revokedAt: null, ...madeBy !== undefined && { madeBy } }, [{ $set: { revokedAt: '$$NOW' } }], { session: transaction })
    },

    async noteUse (id: string): Promise<void> {
      await keys.updateOne({ _id: id }, [{ $set: { lastUsedAt: '$$NOW' } }])
    }
  }
}

const toKey = ({ _id, mac: _mac, successor: _successor, ...rest }: ApiKeyDocument): ApiKey => ({ id: _id, ...rest })
