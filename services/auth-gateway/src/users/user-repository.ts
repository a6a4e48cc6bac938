import { inTransaction, isDuplicateKey, type Audit, type Mongo } from '@countersign/mongo'
import type { Identity } from './identity.ts'
import type { User } from './user.ts'

interface UserDocument {
  _id: string
  username: string
  usernameKey: string
  email: string | null
  emailProvedAt: Date | null
  createdAt: Date
  version: number
}

interface IdentityDocument {
  _id: string
  userId: string
  kind: 'evm'
  address: string
  addedAt: Date
}

export const userIndexes = [
  { collection: 'users', name: 'username', key: { usernameKey: 1 }, unique: true },
  { collection: 'identities', name: 'by_user', key: { userId: 1 } }
] as const

export type UserRepository = ReturnType<typeof createUserRepository>

export interface UserRepositoryDeps {
  readonly mongo: Mongo
  readonly audit: Audit
  readonly now: () => Date
  readonly newId: () => string
  /** A short random suffix for a username that is taken. */
  readonly newSuffix: () => string
}

export function createUserRepository ({ mongo, audit, now, newId, newSuffix }: UserRepositoryDeps) {
  const users = mongo.db.collection<UserDocument>('users')
  const identities = mongo.db.collection<IdentityDocument>('identities')

  async function find (id: string): Promise<User | undefined> {
    const [user, logins] = await Promise.all([users.findOne({ _id: id }), identities.find({ userId: id }).sort({ addedAt: 1 }).toArray()])
    return user === null ? undefined : toUser(user, logins)
  }

  async function create (identity: Identity, username: string): Promise<User> {
    const at = now()
    const user: UserDocument = { _id: newId(), username, usernameKey: username.toLowerCase(), email: null, emailProvedAt: null, createdAt: at, version: 1 }
    const login: IdentityDocument = { _id: identity.id, userId: user._id, kind: identity.kind, address: identity.address, addedAt: at }
    await inTransaction(mongo, async (session) => {
      await identities.insertOne(login, { session })
      await users.insertOne(user, { session })
      await audit.append({ event: 'user.created', subject: user._id, facts: { identity: login._id } }, session)
    })
    return toUser(user, [login])
  }

  return {
    find,

    /** One user per identity, also when its first two sign-ins race: the identity's unique id decides, the loser reads again. */
    async findOrCreateByIdentity (identity: Identity, wantedUsername?: string): Promise<User> {
      let username = wantedUsername ?? `user_${identity.address.slice(2, 10).toLowerCase()}`
      for (let tries = 0; tries < 5; tries++) {
        const known = await identities.findOne({ _id: identity.id })
        if (known !== null) {
          const user = await find(known.userId)
          if (user !== undefined) return user
          throw new Error(`identity without a user: ${known.userId}`)
        }
        try {
          return await create(identity, username)
        } catch (error) {
          if (!isDuplicateKey(error)) throw error
          username = `${username.slice(0, 40)}_${newSuffix()}`
        }
      }
      throw new Error('no free username found')
    },

    /** @returns the user, with the address unless a later proof is there already; undefined when there is no such user. */
    async setEmail (id: string, email: string, provedAt: Date): Promise<User | undefined> {
      await users.updateOne({ _id: id, $or: [{ emailProvedAt: null }, { emailProvedAt: { $lt: provedAt } }] }, { $set: { email, emailProvedAt: provedAt }, $inc: { version: 1 } })
      return await find(id)
    }
  }
}

const toUser = ({ _id, username, email, createdAt, version }: UserDocument, logins: readonly IdentityDocument[]): User => ({
  id: _id,
  username,
  email,
  createdAt,
  version,
  identities: logins.map(({ _id: id, kind, address, addedAt }) => ({ id, kind, address, addedAt }))
})
