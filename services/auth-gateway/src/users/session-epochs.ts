/**
 * The epoch of a user's sessions: raising it is how all of them end, in one write. A session counts only while its epoch is its user's,
 * so neither a sign-in under way nor a copy of an older state survives.
 */
import { gather, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { UserDocument } from './user-document.ts'

export interface RaisedEpoch {
  readonly userId: string
  readonly epoch: number
}

export const sessionEpochIndexes = [
  { collection: 'users', name: 'by_revocation', key: { sessionsRevokedAt: 1 }, sparse: true }
] as const

export type SessionEpochs = ReturnType<typeof createSessionEpochs>

export function createSessionEpochs (mongo: Mongo) {
  const users = mongo.db.collection<UserDocument>('users')

  return {
    /** @returns undefined when there is no such user, or the account is not in use. */
    of: gather(async (userIds: readonly string[]) => {
      const found = await users.find({ _id: { $in: [...userIds] }, state: 'active' }, { projection: { sessionEpoch: 1 } }).toArray()
      const epochs = new Map(found.map(({ _id, sessionEpoch }) => [_id, sessionEpoch]))
      return userIds.map((id) => epochs.get(id))
    }),

    /** @returns the new epoch, undefined when there is no such user. */
    async raise (userId: string, transaction: ClientSession): Promise<number | undefined> {
      const raised = await users.findOneAndUpdate({ _id: userId },
        [{ $set: { sessionEpoch: { $add: ['$sessionEpoch', 1] }, sessionsRevokedAt: '$$NOW' } }],
        { returnDocument: 'after', projection: { sessionEpoch: 1 }, session: transaction })
      return raised?.sessionEpoch
    },

    /** The database's time, in which epochs are raised. */
    async now (): Promise<Date> {
      return (await mongo.db.command({ hello: 1 }))['localTime'] as Date
    },

    /** @param at of `now`. For who learns only from a proof whose it is, and so cannot have read the epoch before. */
    async wasRaisedSince (userId: string, at: Date): Promise<boolean> {
      return await users.findOne({ _id: userId, sessionsRevokedAt: { $gte: at } }, { projection: { _id: 1 } }) !== null
    },

    /** Epochs that were raised in the last so many milliseconds. */
    async raisedWithin (ms: number): Promise<RaisedEpoch[]> {
      const found = await users.find({ $expr: { $gt: ['$sessionsRevokedAt', { $subtract: ['$$NOW', Math.ceil(ms)] }] } },
        { projection: { sessionEpoch: 1 }, hint: 'by_revocation' }).toArray()
      return found.map(({ _id, sessionEpoch }) => ({ userId: _id, epoch: sessionEpoch }))
    }
  }
}
