/** An account on its way out: one row goes from `active` over `deleting` to `deleted`, and keeps its id for ever. */
import { literally, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { UserDocument } from '../users/user-document.ts'

export type Acknowledger = 'otp-service' | 'signer-service'
/** Who must have done its part before what the gateway holds goes. */
export const acknowledgers: readonly Acknowledger[] = ['otp-service', 'signer-service']

/** What else is a user's and goes with them; sessions are history and are only emptied. */
const ownedCollections = ['identities', 'passwords', 'api_keys', 'devices', 'wallet_connections', 'step_ups'] as const

export type DeletionRepository = ReturnType<typeof createDeletionRepository>

export function createDeletionRepository (mongo: Mongo) {
  const users = mongo.db.collection<UserDocument>('users')
  const sessions = mongo.db.collection('sessions')
  const under = (userId: string, deletionId: string) => ({ _id: userId, state: 'deleting' as const, 'deletion.id': deletionId })

  return {
    async isLastAdmin (userId: string): Promise<boolean> {
      const admins = await users.find({ roles: 'admin', state: 'active' }, { projection: { _id: 1 }, limit: 2 }).toArray()
      return admins.length === 1 && admins[0]?._id === userId
    },

    /** @returns the proved address as it was; `last admin`: nobody could give roles any more; undefined: the account is not in use. */
    async begin (userId: string, deletionId: string, transaction: ClientSession): Promise<{ readonly email: string | null } | 'last admin' | undefined> {
      const before = await users.findOneAndUpdate({ _id: userId, state: 'active' }, [{
        $set: { state: 'deleting', version: { $add: ['$version', 1] }, deletion: { id: literally(deletionId), startedAt: '$$NOW', acknowledged: [] } }
      }], { returnDocument: 'before', session: transaction })
      if (before === null) return undefined
      if (before.roles.includes('admin')) {
        // Every administrator's row is written, so that of two who leave at once one comes second and stays.
        const { matchedCount } = await users.updateMany({ roles: 'admin', state: 'active' }, { $inc: { version: 1 } }, { session: transaction })
        if (matchedCount === 0) return 'last admin'
      }
      return { email: before.email }
    },

    /** @returns who has acknowledged so far, this one included; undefined when this is not, or no longer, an account under deletion. */
    async acknowledge (userId: string, deletionId: string, by: Acknowledger): Promise<readonly Acknowledger[] | undefined> {
      const found = await users.findOneAndUpdate(under(userId, deletionId), { $addToSet: { 'deletion.acknowledged': by } }, { returnDocument: 'after' })
      return found?.deletion?.acknowledged
    },

    /** Where the user signed in from, and by which login. As many as they are, so in no transaction; again changes nothing. */
    async emptySessions (userId: string): Promise<void> {
      await sessions.updateMany({ userId, identityId: { $ne: '' } }, { $set: { identityId: '', client: { ip: '', userAgent: '' } }, $unset: { secretHash: '', connectionId: '' } })
    },

    /** The logins are free for others from here on. @returns the proved address as it was; undefined when it was done before. */
    async bury (userId: string, deletionId: string, transaction: ClientSession): Promise<{ readonly email: string | null } | undefined> {
      const before = await users.findOneAndUpdate(under(userId, deletionId), [{
        $replaceWith: {
          _id: '$_id', state: 'deleted', username: '', usernameKey: { $concat: ['deleted:', '$_id'] }, email: null, emailProvedAt: null, roles: [], profile: literally({}),
          createdAt: '$createdAt', version: { $add: ['$version', 1] }, sessionEpoch: '$sessionEpoch', sessionsRevokedAt: '$sessionsRevokedAt',
          deletion: { $mergeObjects: ['$deletion', { finishedAt: '$$NOW' }] }
        }
      }], { returnDocument: 'before', projection: { email: 1 }, session: transaction })
      if (before === null) return undefined
      for (const name of ownedCollections) await mongo.db.collection(name).deleteMany({ userId }, { session: transaction })
      return { email: before.email }
    }
  }
}
