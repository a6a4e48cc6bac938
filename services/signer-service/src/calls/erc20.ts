/**
 * The calls of ERC-20 (EIP-20, and the widespread `increaseAllowance`) that move a wallet's tokens or let somebody take them. Read by hand:
 * a selector and whole words, nothing before, between or after them, and no dirty bits in an address. Anything else is not one of them.
 */
import { checksummed } from '../chain/address.ts'
import type { Hex } from '../chain/quantity.ts'
import type { Call, TokenMovement } from './call.ts'

/** First four bytes of keccak-256 of the signature. */
export const erc20Selectors = Object.freeze({
  transfer: '0xa9059cbb',
  transferFrom: '0x23b872dd',
  approve: '0x095ea7b3',
  increaseAllowance: '0x39509351'
})

const wordDigits = 64
const cleanAddress = /^0{24}[0-9a-f]{40}$/

/**
 * @param owner EIP-55, whose tokens are asked about.
 * @param sender EIP-55, who the token sees as the caller: the owner, or the contract that passes its batch on.
 * @returns null when the call does nothing to the owner's tokens, or cannot be read exactly.
 */
export function tokenMovementIn ({ to: token, data }: Call, owner: string, sender: string): TokenMovement | null {
  const selector = data.slice(0, 10)
  const words = data.slice(10).match(/.{1,64}/g) ?? []
  if (words.some((word) => word.length !== wordDigits)) return null
  const move = (kind: TokenMovement['kind'], destination: string | undefined, amount: string | undefined): TokenMovement | null =>
    destination === undefined || amount === undefined ? null : { kind, token, destination, amount: BigInt(`0x${amount}`) }

  if (selector === erc20Selectors.transferFrom) {
    const [from, destination, amount] = words
    // Whoever calls, these are the tokens of `from`.
    return words.length === 3 && addressIn(from) === owner ? move('transfer', addressIn(destination), amount) : null
  }
  if (words.length !== 2 || sender !== owner) return null
  const [party, amount] = words
  if (selector === erc20Selectors.transfer) return move('transfer', addressIn(party), amount)
  if (selector === erc20Selectors.approve || selector === erc20Selectors.increaseAllowance) return move('allow', addressIn(party), amount)
  return null
}

const addressIn = (word: string | undefined): string | undefined =>
  word !== undefined && cleanAddress.test(word) ? checksummed(`0x${word.slice(24)}`) : undefined

/** @param to EIP-55. @param amount below 2^256. */
export const transferData = (to: string, amount: bigint): Hex =>
  `${erc20Selectors.transfer}${to.slice(2).toLowerCase().padStart(wordDigits, '0')}${amount.toString(16).padStart(wordDigits, '0')}` as Hex
