/**
 * Whether tokens did what they were asked, by what they answer and what they log (EIP-20). A transfer may return nothing, as tokens from
 * before the standard's end do, or true; one that returns false has moved nothing, and its transaction succeeds all the same.
 */
import { getAddress, isAddress } from 'viem/utils'
import type { Hex } from '../chain/quantity.ts'
import type { Call, ParsedCall } from './call.ts'
import { answersOf } from './multicall3.ts'

/** keccak-256 of the events' signatures, by what was asked. */
const topics = Object.freeze({
  /** `Transfer(address,address,uint256)` */
  transfer: '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
  /** `Approval(address,address,uint256)` */
  allow: '0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925'
})
const isTrue = (answer: string): boolean => answer === '0x' || /^0x0{63}1(?:[0-9a-f]{64})*$/.test(answer)

export const movesTokens = (parts: readonly ParsedCall[]): boolean => parts.some(({ movement }) => movement !== null)

/**
 * @param parts of the call, in order. @param answer of the whole call, hex.
 * @returns the first token that does not answer as one that did what it was asked; undefined when all do.
 */
export function tokenThatRefuses (call: Call, parts: readonly ParsedCall[], answer: string): string | undefined {
  const isBatch = parts.length !== 1 || parts[0]?.to !== call.to
  const answers = isBatch ? answersOf(answer) : [answer]
  return parts.find(({ movement }, index) => movement !== null && !isTrue(answers?.[index] ?? 'none'))?.to
}

/** @param logs of the receipt, as the node gave them. @returns the first token that logged nothing of what it was asked, of the owner's and the destination's. */
export function tokenWithoutLog (parts: readonly ParsedCall[], owner: string, logs: readonly unknown[]): string | undefined {
  const logged = logs.map(eventOf)
  return parts.find(({ movement }) => movement !== null && !logged.some((event) => event !== undefined && event.emitter === movement.token && event.topics[0] === topics[movement.kind] &&
    // Some tokens do not index the parties: their words stand in the data, which proves enough.
    (event.topics.length === 1 || (event.topics[1] === wordOf(owner) && event.topics[2] === wordOf(movement.destination)))))?.to
}

const wordOf = (address: string): string => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`

function eventOf (log: unknown): { readonly emitter: string, readonly topics: readonly unknown[] } | undefined {
  const { address, topics: words } = (log ?? {}) as { readonly address?: unknown, readonly topics?: unknown }
  return typeof address === 'string' && isAddress(address.toLowerCase()) && Array.isArray(words) ? { emitter: getAddress(address.toLowerCase() as Hex), topics: words } : undefined
}
