import { exactly, literally } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Unit } from '../unit.ts'
import type { Principal } from './principal.ts'

type PrincipalRow = Omit<Principal, 'id'> & { readonly _id: string }

export type PrincipalRepository = ReturnType<typeof createPrincipalRepository>

export function createPrincipalRepository (db: Db) {
  const principals = db.collection<PrincipalRow>('principals')

  return {
    async find (id: string, unit?: Unit): Promise<Principal | undefined> {
      const row = await principals.findOne({ _id: exactly(id) }, { ...unit && { session: unit.session } })
      return row === null ? undefined : toPrincipal(row)
    },

    async list (): Promise<Principal[]> {
      return (await principals.find({}, { sort: { _id: 1 } }).toArray()).map(toPrincipal)
    },

    async put ({ id, ...fields }: Omit<Principal, 'grantedAt'>, unit: Unit): Promise<Principal> {
      const row = await principals.findOneAndUpdate(
        { _id: exactly(id) },
        [{ $set: { kind: literally(fields.kind), factorRoot: literally(fields.factorRoot), may: literally(fields.may), wallets: literally(fields.wallets), grantedAt: '$$NOW' } }],
        { upsert: true, returnDocument: 'after', session: unit.session }
      )
      return toPrincipal(row as PrincipalRow)
    }
  }
}

const toPrincipal = ({ _id, ...rest }: PrincipalRow): Principal => ({ id: _id, ...rest })
