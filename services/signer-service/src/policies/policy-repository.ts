import { exactly, gather, isDuplicateKey, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { compilePolicy, type CompiledPolicy } from './compile-policy.ts'
import { insertStamped } from '../insert-stamped.ts'
import type { Unit } from '../unit.ts'
import type { Policy } from './policy.ts'

export interface CurrentPolicy {
  readonly policy: Policy
  readonly compiled: CompiledPolicy
  /** The database's time of the look. */
  readonly at: Date
}

type PolicyRow = Omit<Policy, 'id' | 'change'> & { readonly _id: string, readonly policyId: string, readonly change?: Policy['change'] }

export const policyIndexes: readonly IndexSpec[] = [
  { collection: 'policies', name: 'one_row_per_version', key: { version: 1 }, unique: true }
]

export type PolicyRepository = ReturnType<typeof createPolicyRepository>

export function createPolicyRepository (db: Db) {
  const policies = db.collection<PolicyRow>('policies')
  // Versions never change: the newest is read and compiled once, and only asked whether it still is the newest.
  let known: { readonly row: string, readonly policy: Policy, readonly compiled: CompiledPolicy } | undefined

  const read = async (unit?: Unit): Promise<CurrentPolicy | undefined> => {
    const options = unit && { session: unit.session }
    const [newest] = await policies.aggregate<{ readonly _id: string, readonly sha256: string, readonly at: Date }>([
      { $sort: { version: -1 } }, { $limit: 1 }, { $project: { sha256: 1, at: '$$NOW' } }
    ], options).toArray()
    if (newest === undefined) return undefined
    if (known?.row === newest._id && known.policy.sha256 === newest.sha256) return { ...known, at: newest.at }
    const row = await policies.findOne({ _id: exactly(newest._id) }, options)
    if (row === null) throw new Error('a version of the policy is gone')
    const policy = toPolicy(row)
    known = { row: newest._id, policy, compiled: compilePolicy(policy.document) }
    return { ...known, at: newest.at }
  }
  const readShared = gather(async (asking: readonly undefined[]) => {
    const newest = await read()
    return asking.map(() => newest)
  })

  return {
    /** The highest version, as the given transaction sees it. */
    current: async (unit?: Unit): Promise<CurrentPolicy | undefined> => await (unit === undefined ? readShared(undefined) : read(unit)),

    /** Newest first, without their documents. */
    async list (limit: number): Promise<Omit<Policy, 'document'>[]> {
      return (await policies.find({}, { sort: { version: -1 }, limit, projection: { document: 0 } }).toArray()).map(toPolicy)
    },

    /** As this process last saw the policy: a hint, to be relied on for nothing. */
    boundsByWindows (walletId: string): boolean {
      return known !== undefined && (known.compiled.limit.length > 0 || known.compiled.allow.some(({ counters, wallets }) => counters.length > 0 && wallets?.has(walletId) !== false))
    },

    /** @returns undefined when another process added this version first. The unit is lost then: the caller must throw. */
    async add ({ id, version, document, sha256, change }: Omit<Policy, 'createdAt'>, unit: Unit): Promise<Policy | undefined> {
      try {
        return toPolicy(await insertStamped(policies, `${id}.${version}`, { policyId: id, version, document, sha256, change }, {}, unit.session))
      } catch (error) {
        if (isDuplicateKey(error)) return undefined
        throw error
      }
    }
  }
}

const toPolicy = ({ _id: _row, policyId, change = null, ...rest }: PolicyRow): Policy => ({ id: policyId, change, ...rest })
