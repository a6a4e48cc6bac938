/** The password of each e-mail login: its hash and nothing else. */
import { gather, type IndexSpec, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'

interface PasswordDocument {
  /** Id of the identity: a password belongs to an address, and goes with it. */
  _id: string
  userId: string
  hash: string
  changedAt: Date
}

export interface StoredPassword {
  readonly identityId: string
  readonly userId: string
  readonly hash: string
}

export const passwordIndexes: readonly IndexSpec[] = [
  { collection: 'passwords', name: 'by_user', key: { userId: 1 } }
]

export type PasswordRepository = ReturnType<typeof createPasswordRepository>

export function createPasswordRepository (mongo: Mongo) {
  const passwords = mongo.db.collection<PasswordDocument>('passwords')

  return {
    /** @returns the password of that login, and whose it is. */
    find: gather(async (identityIds: readonly string[]) => {
      const found = await passwords.find({ _id: { $in: [...identityIds] } }).toArray()
      const byId = new Map(found.map((document) => [document._id, toPassword(document)]))
      return identityIds.map((id) => byId.get(id))
    }),

    async ofUser (userId: string): Promise<StoredPassword[]> {
      return (await passwords.find({ userId }).toArray()).map(toPassword)
    },

    async changesOf (userId: string): Promise<{ readonly identityId: string, readonly changedAt: Date }[]> {
      return (await passwords.find({ userId }, { projection: { changedAt: 1 } }).toArray()).map(({ _id, changedAt }) => ({ identityId: _id, changedAt }))
    },

    async set ({ identityId, userId, hash }: StoredPassword, transaction: ClientSession): Promise<void> {
      await passwords.updateOne({ _id: identityId }, [{ $set: { userId, hash: { $literal: hash }, changedAt: '$$NOW' } }], { upsert: true, session: transaction })
    },

    /** Only while it is the one that was read. @returns whether it was. */
    async replace ({ identityId, userId, hash: known }: StoredPassword, hash: string, transaction?: ClientSession): Promise<boolean> {
      const { matchedCount } = await passwords.updateOne({ _id: identityId, userId, hash: known }, [{ $set: { hash: { $literal: hash }, changedAt: '$$NOW' } }],
        { ...transaction !== undefined && { session: transaction } })
      return matchedCount === 1
    },

    async remove (identityId: string, transaction: ClientSession): Promise<void> {
      await passwords.deleteOne({ _id: identityId }, { session: transaction })
    }
  }
}

const toPassword = ({ _id, userId, hash }: PasswordDocument): StoredPassword => ({ identityId: _id, userId, hash })
