import { exactly, gather, literally } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Unit } from '../unit.ts'
import type { Principal } from './principal.ts'

type PrincipalRow = Omit<Principal, 'id' | 'approverKeys' | 'intentKey'> & { readonly approverKeys?: readonly string[], readonly intentKey?: Principal['intentKey'], readonly _id: string, readonly revokedAt?: Date | null }

export type PrincipalRepository = ReturnType<typeof createPrincipalRepository>

export function createPrincipalRepository (db: Db) {
  const principals = db.collection<PrincipalRow>('principals')

  const findShared = gather(async (ids: readonly string[]) => {
    const rows = new Map((await principals.find({ _id: { $in: [...ids] }, revokedAt: null }).toArray()).map((row) => [row._id, toPrincipal(row)]))
    return ids.map((id) => rows.get(id))
  })

  return {
    /** A revoked one may nothing, and is not found. */
    async find (id: string, unit?: Unit): Promise<Principal | undefined> {
      if (unit === undefined) return await findShared(id)
      const row = await principals.findOne({ _id: exactly(id), revokedAt: null }, { session: unit.session })
      return row === null ? undefined : toPrincipal(row)
    },

    /** Whose key this is: one, unless an operator gave two principals the same. @param key EIP-55 */
    async ofKey (key: string, unit?: Unit): Promise<Principal[]> {
      return (await principals.find({ approverKeys: exactly(key), revokedAt: null } as never, { sort: { _id: 1 }, ...unit && { session: unit.session } }).toArray()).map(toPrincipal)
    },

    async list (): Promise<Principal[]> {
      return (await principals.find({ revokedAt: null }, { sort: { _id: 1 } }).toArray()).map(toPrincipal)
    },

    async put ({ id, ...fields }: Omit<Principal, 'grantedAt'>, unit: Unit): Promise<Principal> {
      const row = await principals.findOneAndUpdate(
        { _id: exactly(id) },
        [{ $set: { kind: literally(fields.kind), factorRoot: literally(fields.factorRoot), may: literally(fields.may), wallets: literally(fields.wallets), approverKeys: literally(fields.approverKeys), intentKey: literally(fields.intentKey), grantedAt: '$$NOW', revokedAt: null } }],
        { upsert: true, returnDocument: 'after', session: unit.session }
      )
      return toPrincipal(row as PrincipalRow)
    },

    /** They are added and never taken away: who once confirmed with a wallet stays its owner here. @param accounts EIP-55 */
    async learnAccounts (id: string, accounts: readonly string[]): Promise<void> {
      if (accounts.length > 0) await principals.updateOne({ _id: exactly(id), factorAccounts: { $not: { $all: [...accounts] } } } as never, { $addToSet: { factorAccounts: { $each: [...accounts] } } } as never)
    },

    /** @returns false when there is none, or it was revoked before. The row stays, and with it when it was granted what. */
    async revoke (id: string, unit: Unit): Promise<boolean> {
      const { modifiedCount } = await principals.updateOne({ _id: exactly(id), revokedAt: null }, [{ $set: { revokedAt: '$$NOW' } }], { session: unit.session })
      return modifiedCount === 1
    }
  }
}

const toPrincipal = ({ _id, revokedAt: _revokedAt, approverKeys = [], intentKey = null, ...rest }: PrincipalRow): Principal => ({ id: _id, approverKeys, intentKey, ...rest })
