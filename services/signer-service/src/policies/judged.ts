/** What the policy judges: the parsed transaction, who asks, and the database's time. */
import type { ParsedCall } from '../calls/call.ts'

/** Of what is signed and not sent. */
export interface JudgedSignature {
  /** Null: typed data. */
  readonly text: string | null
  /** EIP-55, of the domain; null for a text. */
  readonly contract: string | null
  readonly primaryType: string | null
  /** Its effect is told by its movements. */
  readonly readable: boolean
}

export interface JudgedTransaction {
  /** Id of a principal. */
  readonly initiator: string
  readonly walletId: string
  /** 0: a text, which names none. */
  readonly chainId: number
  /** One, or the parts of a batch. */
  readonly calls: readonly ParsedCall[]
  readonly at: Date
  /** Undefined: it is sent. */
  readonly signature?: JudgedSignature
  /** Already promised to whoever confirmed it; a rule with a lower cap does not allow it any more. */
  readonly maxFeeTotal?: bigint
}

/** `native`, or the EIP-55 address of a token. */
export type Asset = string
export const nativeAsset = 'native'

/** What moves, an allowance included. A plain transfer of nothing moves nothing, but it has a destination. */
export interface AssetMovement { readonly asset: Asset, readonly destination: string, readonly amount: bigint }

export function movementsOf ({ to, value, movement }: ParsedCall): AssetMovement[] {
  const native = value === 0n ? [] : [{ asset: nativeAsset, destination: to, amount: value }]
  return movement === null ? native : [...native, { asset: movement.token, destination: movement.destination, amount: movement.amount }]
}

/** Who receives: of a token the one who gets or may take it, of any other call the account that is called. */
export const destinationOf = ({ to, movement }: ParsedCall): string => movement?.destination ?? to

/** @returns the sum per asset over all calls. */
export function totalsOf (calls: readonly ParsedCall[]): ReadonlyMap<Asset, bigint> {
  const totals = new Map<Asset, bigint>()
  for (const { asset, amount } of calls.flatMap(movementsOf)) totals.set(asset, (totals.get(asset) ?? 0n) + amount)
  return totals
}
