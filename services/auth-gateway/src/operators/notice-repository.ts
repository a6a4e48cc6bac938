/** Notices to all users: who has been written to already. Users are taken in the order of their ids, so the last one says it all. */
import { exactly, literally, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { UserDocument } from '../users/user-document.ts'

export interface NoticeDocument {
  /** The operator's own. */
  readonly _id: string
  readonly messageHash: string
  readonly startedAt: Date
  readonly finishedAt: Date | null
  /** Everybody up to this one has been written to. */
  readonly lastUserId: string
  readonly written: number
}

export interface Recipient { readonly userId: string, readonly address: string }

export type NoticeRepository = ReturnType<typeof createNoticeRepository>

export function createNoticeRepository ({ db }: Pick<Mongo, 'db'>) {
  const notices = db.collection<NoticeDocument>('notices')
  const users = db.collection<UserDocument>('users')
  /** An account's address is there once it has been proved. */
  const reachable = { state: 'active' as const, email: { $type: 'string' as const }, emailProvedAt: { $ne: null } }

  return {
    find: (id: string): Promise<NoticeDocument | null> => notices.findOne({ _id: exactly(id) }),

    /** The notice as it is; a new one when there is none. */
    async begin (id: string, messageHash: string): Promise<NoticeDocument> {
      await notices.updateOne({ _id: exactly(id) }, [{
        $set: {
          messageHash: { $ifNull: ['$messageHash', literally(messageHash)] },
          startedAt: { $ifNull: ['$startedAt', '$$NOW'] },
          finishedAt: { $ifNull: ['$finishedAt', null] },
          lastUserId: { $ifNull: ['$lastUserId', literally('')] },
          written: { $ifNull: ['$written', 0] }
        }
      }], { upsert: true })
      const begun = await notices.findOne({ _id: exactly(id) })
      if (begun === null) throw new Error(`the notice ${id} is gone`)
      return begun
    },

    /** @returns false when another run has gone on from there */
    async advance (id: string, from: string, to: string, count: number, transaction: ClientSession): Promise<boolean> {
      const { matchedCount } = await notices.updateOne({ _id: exactly(id), lastUserId: exactly(from) }, { $set: { lastUserId: to }, $inc: { written: count } }, { session: transaction })
      return matchedCount === 1
    },

    /** @returns false when it was finished before */
    async finish (id: string, transaction: ClientSession): Promise<boolean> {
      const { matchedCount } = await notices.updateOne({ _id: exactly(id), finishedAt: null }, [{ $set: { finishedAt: '$$NOW' } }], { session: transaction })
      return matchedCount === 1
    },

    countReachable: (after: string): Promise<number> => users.countDocuments({ ...reachable, _id: { $gt: after } }),
    countActive: (): Promise<number> => users.countDocuments({ state: 'active' }),

    async reachableAfter (userId: string, limit: number): Promise<Recipient[]> {
      const found = await users.find({ ...reachable, _id: { $gt: userId } }, { projection: { email: 1 } }).sort({ _id: 1 }).limit(limit).toArray()
      return found.flatMap(({ _id, email }) => email === null ? [] : [{ userId: _id, address: email }])
    }
  }
}
