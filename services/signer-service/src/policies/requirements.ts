/** What must be shown before a transaction goes: the wishes of all rules that have a say, joined. */
import { shownFactorKinds, type Approvals, type FactorKind, type Require } from '@countersign/contracts'
import { nativeAsset, type Asset } from './judged.ts'

export interface ProofWanted {
  /** Any one of these, with the action shown. */
  readonly shownKinds: readonly FactorKind[]
  /** Or of these, shown or not: the transaction stays within the amounts that a rule wrote down for them. */
  readonly unshownKinds: readonly FactorKind[]
  /** Whether a program's own signature of its request counts: no rule says which kinds of factors it wants. */
  readonly programs: boolean
  /** How long ago the factor must have been added, at least. */
  readonly leastAgeSeconds: number
}

export interface Requirements {
  /** Undefined: none; approvals, or a rolling sum, stand in for it. */
  readonly proof: ProofWanted | undefined
  /** Each of these for itself. */
  readonly approvals: readonly Approvals[]
  readonly delaySeconds: number
  /** How long all of this may take, the delay not counted; undefined: as configured. */
  readonly waitSeconds: number | undefined
}

/** As rows keep it. */
export interface KeptRequirements {
  readonly proof: ProofWanted | null
  readonly approvals: readonly Approvals[]
  readonly delaySeconds: number
}

export interface Moved {
  /** Per asset. */
  readonly totals: ReadonlyMap<Asset, bigint>
  /** False when a method is called whose effect no amount tells. */
  readonly readable: boolean
}

export interface Wish { readonly rule: string, readonly require: Require }

/**
 * @param moved by the whole transaction.
 * @returns the requirements, or why nobody could ever meet them.
 */
export function joined (wishes: readonly Wish[], initiator: string, moved: Moved): { readonly requirements: Requirements } | { readonly rule: string, readonly impossible: string } {
  const proofs = wishes.filter(({ require }) => require.shown_proof === true)
  const taken = proofs.map(({ require }) => {
    const unshown = withinUnshown(require, moved) ? require.unshown?.factor_kinds ?? [] : []
    return { shown: union(require.factor_kinds ?? shownFactorKinds, unshown), unshown }
  })
  const shownKinds = inAll(taken.map(({ shown }) => shown))
  const unshownKinds = inAll(taken.map(({ unshown }) => unshown))
  if (proofs.length > 0 && shownKinds.length === 0) {
    return { rule: proofs[0]?.rule ?? '', impossible: `The rules ${proofs.map(({ rule }) => `"${rule}"`).join(' and ')} take no factor in common.` }
  }
  for (const { rule, require: { approvals } } of wishes) {
    if (approvals === undefined) continue
    const possible = approvals.of.filter((id) => id !== initiator).length
    if (possible < approvals.least) return { rule, impossible: `The rule "${rule}" wants ${approvals.least} approvals, and only ${possible} principals beside the initiator may give them.` }
  }
  const waits = wishes.flatMap(({ require: { wait_seconds: wait } }) => wait ?? [])
  return {
    requirements: {
      proof: proofs.length === 0 ? undefined : { shownKinds, unshownKinds, programs: proofs.every(({ require }) => require.factor_kinds === undefined), leastAgeSeconds: most(proofs.map(({ require }) => require.least_factor_age_seconds ?? 0)) },
      approvals: distinct(wishes.flatMap(({ require: { approvals } }) => approvals ?? [])),
      delaySeconds: most(wishes.map(({ require }) => require.delay_seconds ?? 0)),
      waitSeconds: waits.length === 0 ? undefined : Math.min(...waits)
    }
  }
}

/** @returns how long a transaction with these may live. @param ttlMs where no rule says otherwise. */
export const lifeMsOf = ({ delaySeconds, waitSeconds }: Requirements, ttlMs: number): number => delaySeconds * 1_000 + (waitSeconds === undefined ? ttlMs : waitSeconds * 1_000)

function withinUnshown ({ unshown }: Require, { totals, readable }: Moved): boolean {
  if (unshown === undefined || !readable) return false
  const limits = new Map([[nativeAsset, BigInt(unshown.max_value)], ...(unshown.tokens ?? []).map(({ token, max_amount: most }) => [token, BigInt(most)] as const)])
  return [...totals].every(([asset, total]) => total <= (limits.get(asset) ?? 0n))
}

const most = (values: readonly number[]): number => Math.max(0, ...values)
const union = <T>(a: readonly T[], b: readonly T[]): readonly T[] => [...new Set([...a, ...b])]
const inAll = <T>([first = [], ...rest]: readonly (readonly T[])[]): readonly T[] => first.filter((one) => rest.every((other) => other.includes(one)))
const distinct = (groups: readonly Approvals[]): readonly Approvals[] =>
  [...new Map(groups.map(({ least, of }) => [`${least}:${[...of].sort().join()}`, { least, of: [...of].sort() }])).values()]
