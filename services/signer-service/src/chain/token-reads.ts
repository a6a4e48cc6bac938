/** What a chain says of ERC-20 tokens: balances, and transfers as their contracts logged them (EIP-20, event Transfer). */
import { getAddress } from 'viem/utils'
import { badAnswer } from './chain-fault.ts'
import type { ChainLog, ChainNode } from './chain-node.ts'
import { hash32 } from './quantity.ts'

/** First four bytes of keccak-256 of `balanceOf(address)`. */
const balanceOf = '0x70a08231'
/** keccak-256 of `Transfer(address,address,uint256)`. */
const transferTopic = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
/** Nodes refuse more, or answer too much. */
const blocksAtOnce = 2_000

const word = (address: string): `0x${string}` => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`

/** @returns smallest unit. @throws ChainFault */
export async function tokenBalance (node: Pick<ChainNode, 'read'>, token: string, owner: string, block: number): Promise<bigint> {
  const answer = await node.read(token, `${balanceOf}${word(owner).slice(2)}`, block)
  if (!/^0x[0-9a-f]{64}$/i.test(answer)) throw badAnswer('eth_call', 'a token that does not tell a balance')
  return BigInt(answer)
}

export interface TokenTransfer {
  /** EIP-55. */
  readonly token: string
  readonly to: string
  readonly amount: bigint
  readonly hash: string
  readonly logIndex: number
}

/** Transfers of these tokens out of that account, of all blocks from the first to the last. @throws ChainFault */
export async function transfersFrom (node: Pick<ChainNode, 'logs'>, owner: string, tokens: readonly string[], first: number, last: number): Promise<TokenTransfer[]> {
  const found: TokenTransfer[] = []
  if (tokens.length === 0) return found
  for (let from = first; from <= last; from += blocksAtOnce) {
    const logs = await node.logs({ addresses: tokens, topics: [transferTopic, word(owner)], from, to: Math.min(last, from + blocksAtOnce - 1) })
    found.push(...logs.map(toTransfer))
  }
  return found
}

function toTransfer ({ address, topics, data, hash, logIndex }: ChainLog): TokenTransfer {
  const to = topics[2]
  if (to === undefined || !/^0x[0-9a-f]{64}$/i.test(data)) throw badAnswer('eth_getLogs', 'a transfer was expected')
  return { token: getAddress(address), to: getAddress(`0x${hash32('eth_getLogs', to).slice(-40)}`), amount: BigInt(data), hash, logIndex }
}
