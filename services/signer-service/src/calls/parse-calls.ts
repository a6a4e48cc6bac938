/** From the fields that are signed to what they do. Pure and exact: what cannot be read byte for byte is a call of unknown effect, never a guess. */
import type { Hex } from '../chain/quantity.ts'
import type { Call, ParsedCall } from './call.ts'
import { tokenMovementIn } from './erc20.ts'
import { partsOf } from './multicall3.ts'

export interface CallFacts {
  /** EIP-55, of the wallet that signs. */
  readonly from: string
  /** EIP-55, of the chain's Multicall3; undefined where it has none. */
  readonly multicall3: string | undefined
}

/**
 * @param call addresses in EIP-55, data in lower case.
 * @returns the parts of a batch, or the one call that it is. A call to Multicall3 that is no exact batch is one call with a selector and no
 * movement: `isUnreadableBatch` tells it apart, and nobody may allow it for what it seems to be.
 */
export function parseCalls (call: Call, { from, multicall3 }: CallFacts): readonly ParsedCall[] {
  const parts = call.to === multicall3 ? partsOf(call) : undefined
  return parts === undefined ? [parsed(call, from, from)] : parts.map((part) => parsed(part, from, call.to))
}

const parsed = (call: Call, owner: string, sender: string): ParsedCall => ({
  ...call,
  selector: call.data === '0x' ? null : call.data.slice(0, 10) as Hex,
  movement: tokenMovementIn(call, owner, sender)
})

/** Data for Multicall3 whose parts cannot be told: it could do anything in the name of a batch. */
export const isUnreadableBatch = (call: Call, { multicall3 }: Pick<CallFacts, 'multicall3'>): boolean =>
  call.to === multicall3 && call.data !== '0x' && partsOf(call) === undefined
