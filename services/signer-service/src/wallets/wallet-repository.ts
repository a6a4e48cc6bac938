import { exactly, gather, type IndexSpec } from '@countersign/mongo'
import type { Db, Document } from 'mongodb'
import { insertStamped } from '../insert-stamped.ts'
import type { Unit } from '../unit.ts'
import type { Wallet } from './wallet.ts'

type WalletRow = Omit<Wallet, 'id'> & { readonly _id: string }

/** Two wallets of one key would claim the same nonces in two lanes; of two successors neither would get all. */
export const walletIndexes: readonly IndexSpec[] = [
  { collection: 'wallets', name: 'one_wallet_per_address', key: { address: 1 }, unique: true },
  { collection: 'wallets', name: 'one_wallet_per_name', key: { name: 1 }, unique: true },
  { collection: 'wallets', name: 'one_successor', key: { rotatingFrom: 1 }, unique: true, partialFilterExpression: { rotatingFrom: { $type: 'string' } } }
]

export type WalletRepository = ReturnType<typeof createWalletRepository>

export function createWalletRepository (db: Db) {
  const wallets = db.collection<WalletRow>('wallets')

  const change = async (filter: Document, set: Document, unit: Unit): Promise<Wallet | undefined> => {
    const row = await wallets.findOneAndUpdate(filter, [{ $set: set }], { returnDocument: 'after', session: unit.session })
    return row === null ? undefined : toWallet(row)
  }

  const findShared = gather(async (ids: readonly string[]) => {
    const rows = new Map((await wallets.find({ _id: { $in: [...ids] } }).toArray()).map((row) => [row._id, toWallet(row)]))
    return ids.map((id) => rows.get(id))
  })

  return {
    async find (id: string, unit?: Unit): Promise<Wallet | undefined> {
      if (unit === undefined) return await findShared(id)
      const row = await wallets.findOne({ _id: exactly(id) }, { session: unit.session })
      return row === null ? undefined : toWallet(row)
    },

    async findByName (name: string): Promise<Wallet | undefined> {
      const row = await wallets.findOne({ name: exactly(name) })
      return row === null ? undefined : toWallet(row)
    },

    async successorOf (id: string, unit?: Unit): Promise<Wallet | undefined> {
      const row = await wallets.findOne({ rotatingFrom: exactly(id) }, { ...unit && { session: unit.session } })
      return row === null ? undefined : toWallet(row)
    },

    async list (): Promise<Wallet[]> {
      return (await wallets.find({}, { sort: { _id: 1 } }).toArray()).map(toWallet)
    },

    /** By id. @param among only these */
    async page ({ limit, after, among }: { readonly limit: number, readonly after: string | undefined, readonly among: readonly string[] | undefined }): Promise<Wallet[]> {
      const filter = { _id: { ...after !== undefined && { $gt: after }, ...among !== undefined && { $in: [...among] } } }
      return (await wallets.find(after === undefined && among === undefined ? {} : filter, { sort: { _id: 1 }, limit }).toArray()).map(toWallet)
    },

    /** Made before so many milliseconds of the database's clock. */
    async listOlderThan (ms: number): Promise<Wallet[]> {
      return (await wallets.find({ $expr: { $lte: ['$createdAt', { $subtract: ['$$NOW', ms] }] } }, { sort: { _id: 1 } }).toArray()).map(toWallet)
    },

    /** @throws MongoServerError (isDuplicateKey) when the name or the address is taken, or the old wallet has a successor. */
    async insert ({ id, ...fields }: Omit<Wallet, 'createdAt'>, unit: Unit): Promise<Wallet> {
      return toWallet(await insertStamped(wallets, id, fields, {}, unit.session))
    },

    /** @returns undefined when it was not active. */
    disable: async (id: string, unit: Unit) => await change({ _id: exactly(id), active: true }, { active: false, disabledAt: '$$NOW' }, unit),

    /** @returns undefined when it was active, or is retired. */
    enable: async (id: string, unit: Unit) => await change({ _id: exactly(id), active: false, retiredAt: null }, { active: true, disabledAt: null }, unit),

    /** For good. @returns undefined when it was before. */
    retire: async (id: string, unit: Unit) => await change({ _id: exactly(id), retiredAt: null }, { active: false, retiredAt: '$$NOW' }, unit)
  }
}

const toWallet = ({ _id, ...rest }: WalletRow): Wallet => ({ id: _id, ...rest })
