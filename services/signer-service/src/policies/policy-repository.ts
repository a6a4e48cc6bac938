import { isDuplicateKey, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { insertStamped } from '../insert-stamped.ts'
import type { Unit } from '../unit.ts'
import type { Policy } from './policy.ts'

type PolicyRow = Omit<Policy, 'id'> & { readonly _id: string, readonly policyId: string }

export const policyIndexes: readonly IndexSpec[] = [
  { collection: 'policies', name: 'one_row_per_version', key: { version: 1 }, unique: true }
]

export type PolicyRepository = ReturnType<typeof createPolicyRepository>

export function createPolicyRepository (db: Db) {
  const policies = db.collection<PolicyRow>('policies')

  return {
    /** The highest version, as the given transaction sees it. */
    async current (unit?: Unit): Promise<Policy | undefined> {
      const row = await policies.findOne({}, { sort: { version: -1 }, ...unit && { session: unit.session } })
      return row === null ? undefined : toPolicy(row)
    },

    /** @returns undefined when another process added this version first. The unit is lost then: the caller must throw. */
    async add ({ id, version, document, sha256 }: Omit<Policy, 'createdAt'>, unit: Unit): Promise<Policy | undefined> {
      try {
        return toPolicy(await insertStamped(policies, `${id}.${version}`, { policyId: id, version, document, sha256 }, {}, unit.session))
      } catch (error) {
        if (isDuplicateKey(error)) return undefined
        throw error
      }
    }
  }
}

const toPolicy = ({ _id: _row, policyId, ...rest }: PolicyRow): Policy => ({ id: policyId, ...rest })
