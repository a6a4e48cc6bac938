import type { Role } from '@countersign/contracts'
import { inTransaction, type Audit, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { UserDocument } from './user-document.ts'

export interface RoleChange {
  readonly userId: string
  readonly roles: readonly Role[]
  /** Who did it: an administrator's id, or the command line. */
  readonly actor: string
  readonly requestId?: string
}

export type RoleRepository = ReturnType<typeof createRoleRepository>

class LastAdmin extends Error {}

export function createRoleRepository ({ mongo, audit }: { readonly mongo: Mongo, readonly audit: Audit }) {
  const users = mongo.db.collection<UserDocument>('users')

  return {
    /**
     * @param check throws when whoever asks may no longer
     * @returns the roles as they are now; `last admin`: nobody could give roles any more; undefined: no such user
     */
    async set ({ userId, roles, actor, requestId }: RoleChange, check?: (transaction: ClientSession) => Promise<void>): Promise<Role[] | 'last admin' | undefined> {
      const wanted = [...new Set<Role>(['user', ...roles])].sort()
      try {
        return await inTransaction(mongo, async (session) => {
          await check?.(session)
          const before = await users.findOneAndUpdate({ _id: userId, state: 'active' }, { $set: { roles: wanted }, $inc: { version: 1 } }, { session, returnDocument: 'before' })
          if (before === null) return undefined
          if (before.roles.includes('admin') && !wanted.includes('admin')) {
            // Every administrator's row is written, so that of two who resign at once one comes second and stays.
            const { matchedCount } = await users.updateMany({ roles: 'admin', state: 'active' }, { $inc: { version: 1 } }, { session })
            if (matchedCount === 0) throw new LastAdmin()
          }
          await audit.append({ event: 'user.roles_set', subject: userId, actor, ...requestId !== undefined && { requestId }, facts: { before: before.roles, after: wanted } }, session)
          return wanted
        })
      } catch (error) {
        if (error instanceof LastAdmin) return 'last admin'
        throw error
      }
    }
  }
}
