import type { Profile } from '@countersign/contracts'
import { gather, inTransaction, isDuplicateKey, type Audit, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { emailIdentityId, type Identity } from './identity.ts'
import { takeTurn } from './take-turn.ts'
import { firstEpoch, type User } from './user.ts'
import { toUser, type IdentityDocument, type UserDocument } from './user-document.ts'

export type UserRepository = ReturnType<typeof createUserRepository>

export interface UserRepositoryDeps {
  readonly mongo: Mongo
  readonly audit: Audit
  readonly now: () => Date
  readonly newId: () => string
}

/** What else belongs to a new user, in its own transaction. */
export type AlsoOnCreate = (user: User, transaction: ClientSession) => Promise<void>

export interface NewUser {
  readonly identity: Identity & { readonly verified: boolean }
  readonly username: string
  readonly requestId?: string
}

export function createUserRepository ({ mongo, audit, now, newId }: UserRepositoryDeps) {
  const users = mongo.db.collection<UserDocument>('users')
  const identities = mongo.db.collection<IdentityDocument>('identities')
  const active = (id: string) => ({ _id: id, state: 'active' as const })

  async function findAll (ids: readonly string[]): Promise<Map<string, User>> {
    const found = await users.find({ _id: { $in: [...ids] }, state: 'active' }).toArray()
    // One after the other: logins may be newer than the version says, and are read again then; never older.
    const logins = await identities.find({ userId: { $in: found.map(({ _id }) => _id) } }).sort({ addedAt: 1 }).toArray()
    return new Map(found.map((user) => [user._id, toUser(user, logins.filter(({ userId }) => userId === user._id))]))
  }
  const find = gather(async (ids: readonly string[]) => {
    const found = await findAll(ids)
    return ids.map((id) => found.get(id))
  })
  /** Nearly always it is noted already: then nothing is written. */
  const noteSome = gather(async (ids: readonly string[]) => {
    const missing = await users.find({ _id: { $in: [...ids] }, state: 'active', hasFactor: { $ne: true } }, { projection: { _id: 1 } }).toArray()
    if (missing.length > 0) await users.bulkWrite(missing.map(({ _id }) => ({ updateOne: { filter: { ...active(_id), hasFactor: { $ne: true } }, update: { $set: { hasFactor: true } } } })))
    return ids.map(() => undefined)
  })

  return {
    /** @returns the user while the account is in use; one that is being deleted is gone for everybody. */
    find,

    isUsernameFree: async (username: string): Promise<boolean> => await users.findOne({ usernameKey: username.toLowerCase() }, { projection: { _id: 1 } }) === null,

    /** In one round trip; the logins are read after their user here too. */
    findByIdentity: gather(async (identityIds: readonly string[]) => {
      const found = await identities.aggregate<{ _id: string, user: UserDocument, logins: IdentityDocument[] }>([
        { $match: { _id: { $in: [...identityIds] } } },
        { $lookup: { from: 'users', localField: 'userId', foreignField: '_id', as: 'user' } },
        { $unwind: '$user' },
        { $match: { 'user.state': 'active' } },
        { $lookup: { from: 'identities', localField: 'userId', foreignField: 'userId', as: 'logins' } }
      ]).toArray()
      const holderOf = new Map(found.map(({ _id, user, logins }) => [_id, toUser(user, logins.sort((a, b) => a.addedAt.getTime() - b.addedAt.getTime()))]))
      return identityIds.map((id) => holderOf.get(id))
    }),

    /** For a login that was proved and has no account in use: it is taken until the deletion is done. */
    async isBeingDeleted (identityId: string): Promise<boolean> {
      const known = await identities.findOne({ _id: identityId })
      return known !== null && await users.findOne({ _id: known.userId, state: 'deleting' }, { projection: { _id: 1 } }) !== null
    },

    /** @returns the new user, or which of its names was taken: the identity's or the username's unique index decides every race. */
    async create ({ identity, username, requestId }: NewUser, also?: AlsoOnCreate): Promise<User | 'identity taken' | 'username taken'> {
      const at = now()
      const document: UserDocument = {
        _id: newId(), username, usernameKey: username.toLowerCase(), state: 'active',
        ...identity.kind === 'email' && identity.verified ? { email: identity.address, emailProvedAt: at } : { email: null, emailProvedAt: null },
        roles: ['user'], profile: {}, createdAt: at, version: 1, sessionEpoch: firstEpoch, hasFactor: false
      }
      const login: IdentityDocument = { _id: identity.id, userId: document._id, kind: identity.kind, address: identity.address, verified: identity.verified, addedAt: at }
      const user = toUser(document, [login])
      try {
        await inTransaction(mongo, async (transaction) => {
          await identities.insertOne(login, { session: transaction })
          await users.insertOne(document, { session: transaction })
          await audit.append({ event: 'user.created', subject: user.id, ...requestId !== undefined && { requestId }, facts: { kind: identity.kind } }, transaction)
          await also?.(user, transaction)
        })
      } catch (error) {
        if (!isDuplicateKey(error)) throw error
        return await identities.findOne({ _id: identity.id }) === null ? 'username taken' : 'identity taken'
      }
      return user
    },

    /** What the transaction counts is counted by one after the other. @returns false when the account is not in use, or no longer has that login */
    async takeTurn (id: string, identityId: string, transaction: ClientSession): Promise<boolean> {
      return await takeTurn(users, id, transaction) && await identities.findOne({ _id: identityId, userId: id }, { session: transaction }) !== null
    },

    /** @returns the user, with the address unless a later proof is there already; undefined when there is no such user. The proof counts for the own login of that address too. */
    async setEmail (id: string, email: string, provedAt: Date): Promise<User | undefined> {
      await inTransaction(mongo, async (transaction) => {
        await users.updateOne({ ...active(id), $or: [{ emailProvedAt: null }, { emailProvedAt: { $lt: provedAt } }] }, { $set: { email, emailProvedAt: provedAt }, $inc: { version: 1 } }, { session: transaction })
        await identities.updateOne({ _id: emailIdentityId(email), userId: id }, { $set: { verified: true } }, { session: transaction })
      })
      return await find(id)
    },

    /** Whether the user has a factor; undefined: otp-service is to be asked. */
    async hasFactor (id: string): Promise<boolean | undefined> {
      return (await users.findOne({ _id: id }, { projection: { hasFactor: 1 } }))?.hasFactor
    },

    /**
     * `some`: otp-service said so. `unknown`: it is about to be asked for one, and its answer may be lost, or it said that there is none,
     * which may be old news by the time it arrives. That there is none is noted at the birth of an account alone.
     */
    async noteFactors (id: string, state: 'some' | 'unknown'): Promise<void> {
      if (state === 'some') await noteSome(id)
      else await users.updateOne({ ...active(id), hasFactor: { $exists: true } }, { $unset: { hasFactor: 1 } })
    },

    /** Fields that are absent stay; an empty text clears one of the profile. */
    async update (id: string, { username, profile = {} }: { username?: string, profile?: Profile }): Promise<User | 'username taken' | undefined> {
      const set = Object.entries(profile).filter(([, value]) => value !== '').map(([name, value]) => [`profile.${name}`, value])
      const unset = Object.entries(profile).filter(([, value]) => value === '').map(([name]) => [`profile.${name}`, 1])
      try {
        await users.updateOne(active(id), {
          $set: { ...Object.fromEntries(set), ...username !== undefined && { username, usernameKey: username.toLowerCase() } },
          ...unset.length > 0 && { $unset: Object.fromEntries(unset) },
          $inc: { version: 1 }
        })
      } catch (error) {
        if (isDuplicateKey(error)) return 'username taken'
        throw error
      }
      return await find(id)
    }
  }
}
