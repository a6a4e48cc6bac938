/** Linking and unlinking: the user's own row is written in each transaction, so that of any number in parallel one comes after the other. */
import { inTransaction, isDuplicateKey, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { Identity, LinkedIdentity } from './identity.ts'
import { takeTurn } from './take-turn.ts'
import { toIdentity, type IdentityDocument, type UserDocument } from './user-document.ts'

export type IdentityRepository = ReturnType<typeof createIdentityRepository>

/** What else belongs to the change, in its own transaction. */
export type AlsoOnChange = (identity: LinkedIdentity, transaction: ClientSession) => Promise<void>

class Refused extends Error {
  readonly outcome: 'last' | 'gone'

  constructor (outcome: 'last' | 'gone') {
    super(outcome)
    this.outcome = outcome
  }
}

export function createIdentityRepository ({ mongo, now }: { readonly mongo: Mongo, readonly now: () => Date }) {
  const users = mongo.db.collection<UserDocument>('users')
  const identities = mongo.db.collection<IdentityDocument>('identities')

  const find = async (id: string): Promise<LinkedIdentity | undefined> => {
    const found = await identities.findOne({ _id: id })
    return found === null ? undefined : toIdentity(found)
  }

  return {
    find,

    /** @returns the login as it is kept; `taken`: another account has it; `gone`: the account is not in use. One's own again changes nothing. */
    async link (userId: string, identity: Identity & { readonly verified: boolean }, also: AlsoOnChange): Promise<LinkedIdentity | 'taken' | 'gone'> {
      const login: IdentityDocument = { _id: identity.id, userId, kind: identity.kind, address: identity.address, verified: identity.verified, addedAt: now() }
      try {
        await inTransaction(mongo, async (transaction) => {
          if (!await takeTurn(users, userId, transaction)) throw new Refused('gone')
          await identities.insertOne(login, { session: transaction })
          await also(toIdentity(login), transaction)
        })
        return toIdentity(login)
      } catch (error) {
        if (error instanceof Refused) return 'gone'
        if (!isDuplicateKey(error)) throw error
        const known = await find(identity.id)
        return known?.userId === userId ? known : 'taken'
      }
    },

    /**
     * otp-service has it as this user's, and as nobody else's: what another row says, of a factor that is gone, is no longer so.
     * @returns `gone`: the account is not in use. The same again changes nothing.
     */
    async linkPasskey (userId: string, identity: Identity, also: AlsoOnChange): Promise<LinkedIdentity | 'gone'> {
      const known = await find(identity.id)
      if (known?.userId === userId && known.address === identity.address) return known
      const { id: _id, ...login } = { ...identity, userId, verified: true, addedAt: now() }
      try {
        await inTransaction(mongo, async (transaction) => {
          if (!await takeTurn(users, userId, transaction)) throw new Refused('gone')
          await identities.replaceOne({ _id }, login, { upsert: true, session: transaction })
          await also({ id: _id, ...login }, transaction)
        })
        return { id: _id, ...login }
      } catch (error) {
        if (error instanceof Refused) return 'gone'
        throw error
      }
    },

    /**
     * The holder has proved the address: it is the account's for good, and where mails to the account go when it had no proved one.
     * @returns `first`: it was not proved before; `gone`: it is not that account's any more, and is not changed
     */
    async markVerified ({ id, userId, address }: LinkedIdentity, transaction: ClientSession): Promise<'first' | 'again' | 'gone'> {
      // Always a write, so that of this and an unlinking at the same time one comes after the other.
      const before = await identities.findOneAndUpdate({ _id: id, userId }, [{ $set: { verified: true, provedAt: '$$NOW' } }], { returnDocument: 'before', session: transaction })
      if (before === null) return 'gone'
      if (before.verified) return 'again'
      await users.updateOne({ _id: userId, email: null }, { $set: { email: address, emailProvedAt: now() } }, { session: transaction })
      await users.updateOne({ _id: userId }, { $inc: { version: 1 } }, { session: transaction })
      return 'first'
    },

    /** Takes an address that was never proved from its account, even if that is its last login. @returns whether it was still that account's and unproved. */
    async release (id: string, userId: string, transaction: ClientSession): Promise<boolean> {
      const { deletedCount } = await identities.deleteOne({ _id: id, userId, verified: false }, { session: transaction })
      if (deletedCount === 1) await users.updateOne({ _id: userId }, { $inc: { version: 1 } }, { session: transaction })
      return deletedCount === 1
    },

    /** @returns the login that is gone now; `last`: nobody could sign in without it; `absent`: it is not this user's. */
    async unlink (userId: string, id: string, also: AlsoOnChange, { evenLast = false }: { readonly evenLast?: boolean } = {}): Promise<LinkedIdentity | 'last' | 'absent'> {
      try {
        return await inTransaction(mongo, async (transaction) => {
          if (!await takeTurn(users, userId, transaction)) throw new Refused('gone')
          const logins = await identities.find({ userId }, { session: transaction }).toArray()
          const login = logins.find(({ _id }) => _id === id)
          if (login === undefined) return 'absent'
          // An address that was never proved signs nobody in who could not lose it to the mailbox's holder; a passkey goes with its factor.
          if (!evenLast && !logins.some(({ _id, kind, verified }) => _id !== id && verified && kind !== 'passkey')) throw new Refused('last')
          await identities.deleteOne({ _id: id, userId }, { session: transaction })
          await also(toIdentity(login), transaction)
          return toIdentity(login)
        })
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        return error.outcome === 'last' ? 'last' : 'absent'
      }
    }
  }
}
