import { literally, type Mongo } from '@countersign/mongo'
import type { Jwk } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import type { KeyState, SigningKey } from './signing-key.ts'

type SigningKeyDocument = Omit<SigningKey, 'kid'> & { _id: string }

export interface NewSigningKey {
  readonly kid: string
  readonly publicJwk: Jwk
  readonly sealedPrivate: string
  readonly origin: SigningKey['origin']
}

/** A key as it stands now by the database's clock. */
export interface DatedKey extends SigningKey {
  /** Since it began to sign, or until then when negative. */
  readonly signsSinceMs: number
  /** It is time for its next state. */
  readonly due: boolean
}

/** At any time one key signs and one is about to: whoever comes second is refused by these. */
export const signingKeyIndexes = [
  { collection: 'signing_keys', name: 'one_current', key: { state: 1 }, unique: true, partialFilterExpression: { state: 'current' } },
  { collection: 'signing_keys', name: 'one_next', key: { state: 1 }, unique: true, partialFilterExpression: { state: 'next' } }
] as const

export type SigningKeyRepository = ReturnType<typeof createSigningKeyRepository>

/** Lives are decided by the database's clock ($$NOW). */
export function createSigningKeyRepository (mongo: Mongo) {
  const keys = mongo.db.collection<SigningKeyDocument>('signing_keys')
  const inSeconds = (seconds: number) => ({ $dateAdd: { startDate: '$$NOW', unit: 'second', amount: seconds } })
  const isDue = {
    $or: [
      { $and: [{ $eq: ['$state', 'next'] }, { $lte: ['$signsFrom', '$$NOW'] }] },
      { $and: [{ $eq: ['$state', 'previous'] }, { $lte: ['$retiresAt', '$$NOW'] }] }
    ]
  }
  const retirement = [{ $set: { state: 'retired', retiresAt: '$$NOW' } }, { $unset: 'sealedPrivate' }]

  async function retire (filter: object, transaction: ClientSession): Promise<string[]> {
    const found = await keys.find(filter, { projection: { _id: 1 }, session: transaction }).toArray()
    const kids = found.map(({ _id }) => _id)
    await keys.updateMany({ _id: { $in: kids } }, retirement, { session: transaction })
    return kids
  }

  return {
    /** Newest first. */
    async list (): Promise<DatedKey[]> {
      const found = await keys.aggregate<SigningKeyDocument & { signsSinceMs: number, due: boolean }>([
        { $set: { signsSinceMs: { $subtract: ['$$NOW', '$signsFrom'] }, due: isDue } }, { $sort: { createdAt: -1, _id: 1 } }
      ]).toArray()
      return found.map(({ _id, signsSinceMs, ...rest }) => ({ ...rest, kid: _id, signsSinceMs: Number(signsSinceMs) }))
    },

    /** @throws MongoServerError, a duplicate key, when this key was here before or another one has that state */
    async insert ({ kid, ...key }: NewSigningKey, { state, signsInSeconds }: { readonly state: Extract<KeyState, 'next' | 'current'>, readonly signsInSeconds: number }, transaction: ClientSession): Promise<void> {
      // Matches nothing that is there, so that it inserts or fails, with the database's times.
      await keys.updateOne({ _id: kid, state: { $exists: false } },
        [{ $set: { ...literalFields(key), state, createdAt: '$$NOW', signsFrom: inSeconds(signsInSeconds) } }],
        { upsert: true, session: transaction })
    },

    /** @returns the kid of the key whose time to sign has come */
    async dueNext (transaction: ClientSession): Promise<string | undefined> {
      const found = await keys.findOne({ state: 'next', $expr: isDue }, { projection: { _id: 1 }, session: transaction })
      return found?._id
    },

    /** The current key signs no more; it retires after so many seconds. */
    async demote (overlapSeconds: number, transaction: ClientSession): Promise<void> {
      await keys.updateOne({ state: 'current' }, [{ $set: { state: 'previous', retiresAt: inSeconds(overlapSeconds) } }], { session: transaction })
    },

    async promote (kid: string, transaction: ClientSession): Promise<void> {
      await keys.updateOne({ _id: kid, state: 'next' }, { $set: { state: 'current' } }, { session: transaction })
    },

    /** @returns the kids that are retired now */
    retireDue: (transaction: ClientSession): Promise<string[]> => retire({ state: 'previous', $expr: isDue }, transaction),
    retireAll: (transaction: ClientSession): Promise<string[]> => retire({ state: { $ne: 'retired' } }, transaction)
  }
}

const literalFields = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, literally(value)]))
