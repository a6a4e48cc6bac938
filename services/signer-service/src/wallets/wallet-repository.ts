import { exactly, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { insertStamped } from '../insert-stamped.ts'
import type { Unit } from '../unit.ts'
import type { Wallet } from './wallet.ts'

type WalletRow = Omit<Wallet, 'id'> & { readonly _id: string }

/** Two wallets of one key would claim the same nonces in two lanes. */
export const walletIndexes: readonly IndexSpec[] = [
  { collection: 'wallets', name: 'one_wallet_per_address', key: { address: 1 }, unique: true },
  { collection: 'wallets', name: 'one_wallet_per_name', key: { name: 1 }, unique: true }
]

export type WalletRepository = ReturnType<typeof createWalletRepository>

export function createWalletRepository (db: Db) {
  const wallets = db.collection<WalletRow>('wallets')

  return {
    async find (id: string, unit?: Unit): Promise<Wallet | undefined> {
      const row = await wallets.findOne({ _id: exactly(id) }, { ...unit && { session: unit.session } })
      return row === null ? undefined : toWallet(row)
    },

    async findByName (name: string): Promise<Wallet | undefined> {
      const row = await wallets.findOne({ name: exactly(name) })
      return row === null ? undefined : toWallet(row)
    },

    async list (): Promise<Wallet[]> {
      return (await wallets.find({}, { sort: { _id: 1 } }).toArray()).map(toWallet)
    },

    /** @throws MongoServerError (isDuplicateKey) when the name or the address is taken. */
    async insert ({ id, ...fields }: Omit<Wallet, 'createdAt'>, unit: Unit): Promise<Wallet> {
      return toWallet(await insertStamped(wallets, id, fields, {}, unit.session))
    }
  }
}

const toWallet = ({ _id, ...rest }: WalletRow): Wallet => ({ id: _id, ...rest })
