import { isDuplicateKey, literally, type Mongo } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { connectionIdOf, type WalletConnection } from './connection.ts'

type ConnectionDocument = Omit<WalletConnection, 'id'> & {
  _id: string
  createdAt: Date
  updatedAt: Date
  disconnectedAt?: Date
  disconnectReason?: string
}

/** Of the earlier system's plan its unique index on the address alone is left out: it forbids one address in two programs. */
export const connectionIndexes = [
  { collection: 'wallet_connections', name: 'by_address', key: { address: 1, walletType: 1 }, unique: true },
  { collection: 'wallet_connections', name: 'newest', key: { isConnected: 1, connectedAt: -1 } },
  { collection: 'wallet_connections', name: 'last_authenticated', key: { address: 1, lastAuthenticatedAt: -1 } },
  { collection: 'wallet_connections', name: 'of_user', key: { userId: 1 } }
] as const

export type ProvedConnection = Pick<WalletConnection, 'userId' | 'identityId' | 'address' | 'walletType' | 'network' | 'publicKey'>

export type ConnectionRepository = ReturnType<typeof createConnectionRepository>

export function createConnectionRepository (mongo: Mongo) {
  const connections = mongo.db.collection<ConnectionDocument>('wallet_connections')

  return {
    /** Made, or connected again; in other hands than before its epoch has grown. @throws a duplicate key when two first ones race: then try again */
    async connect ({ userId, identityId, address, walletType, network, publicKey }: ProvedConnection, transaction: ClientSession): Promise<WalletConnection> {
      const goesOn = { $and: [{ $eq: ['$isConnected', true] }, { $eq: ['$userId', literally(userId)] }] }
      const stored = await connections.findOneAndUpdate({ _id: connectionIdOf(walletType, address) }, [
        {
          $set: {
            epoch: { $cond: [goesOn, '$epoch', { $add: [{ $ifNull: ['$epoch', 0] }, 1] }] },
            connectedAt: { $cond: [goesOn, '$connectedAt', '$$NOW'] },
            lastAuthenticatedAt: { $cond: [goesOn, '$lastAuthenticatedAt', null] },
            createdAt: { $ifNull: ['$createdAt', '$$NOW'] },
            lastVerifiedAt: '$$NOW', updatedAt: '$$NOW'
          }
        },
        { $set: { userId: literally(userId), identityId: literally(identityId), address: literally(address), walletType: literally(walletType), network: literally(network), isConnected: true } },
        publicKey === undefined ? { $unset: 'publicKey' } : { $set: { publicKey: literally(publicKey) } },
        { $unset: ['disconnectedAt', 'disconnectReason'] }
      ], { upsert: true, returnDocument: 'after', session: transaction })
      if (stored === null) throw new Error('a wallet connection was not stored')
      return toConnection(stored)
    },

    /** @returns undefined when it was disconnected since that epoch. */
    async noteSession (id: string, epoch: number): Promise<WalletConnection | undefined> {
      const stored = await connections.findOneAndUpdate({ _id: id, isConnected: true, epoch }, [{ $set: { lastAuthenticatedAt: '$$NOW', updatedAt: '$$NOW' } }], { returnDocument: 'after' })
      return stored === null ? undefined : toConnection(stored)
    },

    /** @returns false when it is not connected, or not this user's. */
    async disconnect (id: string, userId: string, reason: string, transaction: ClientSession): Promise<boolean> {
      const { modifiedCount } = await connections.updateOne({ _id: id, userId, isConnected: true }, [
        { $set: { isConnected: false, epoch: { $add: ['$epoch', 1] }, disconnectedAt: '$$NOW', disconnectReason: literally(reason), updatedAt: '$$NOW' } }
      ], { session: transaction })
      return modifiedCount === 1
    },

    async find (id: string): Promise<WalletConnection | undefined> {
      const stored = await connections.findOne({ _id: id })
      return stored === null ? undefined : toConnection(stored)
    },

    /** All that the address ever had, the newest connection first. */
    async ofAddress (address: string): Promise<WalletConnection[]> {
      return (await connections.find({ address }).sort({ connectedAt: -1 }).toArray()).map(toConnection)
    },

    /** The user's connected ones, the newest first. */
    async ofUser (userId: string): Promise<WalletConnection[]> {
      return (await connections.find({ userId, isConnected: true }).sort({ connectedAt: -1 }).limit(1_000).toArray()).map(toConnection)
    },

    /** All that the user ever had, disconnected ones included, the newest first. */
    async historyOf (userId: string, limit: number): Promise<WalletConnection[]> {
      return (await connections.find({ userId }).sort({ connectedAt: -1 }).limit(limit).toArray()).map(toConnection)
    },

    addressesOf: (userId: string): Promise<string[]> => connections.distinct('address', { userId }),

    /** About how many there are: read from the collection's own count. */
    count: (): Promise<number> => connections.estimatedDocumentCount()
  }
}

/** Of two first connections that race one comes second and finds the other's row. */
export async function onceMoreAfterRace<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isDuplicateKey(error)) throw error
    return await work()
  }
}

const toConnection = ({ _id, createdAt: _c, updatedAt: _u, disconnectedAt: _d, disconnectReason: _r, ...rest }: ConnectionDocument): WalletConnection => ({ id: _id, ...rest })
