/** What a chain says of ERC-20 tokens: balances, and what their contracts logged of transfers, allowances (EIP-20) and authorizations (EIP-3009). */
import { getAddress } from 'viem/utils'
import { badAnswer, ChainFault } from './chain-fault.ts'
import type { ChainLog, ChainNode } from './chain-node.ts'
import { hash32 } from './quantity.ts'

/** First four bytes of keccak-256 of `balanceOf(address)`, `allowance(address,address)` and `nonces(address)` (EIP-2612). */
const [balanceOf, allowance, nonces] = ['0x70a08231', '0xdd62ed3e', '0x7ecebe00'] as const
/** keccak-256 of `Transfer(address,address,uint256)`. */
const transferTopic = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
/** keccak-256 of `Approval(address,address,uint256)`. */
const approvalTopic = '0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925'
/** keccak-256 of `AuthorizationUsed(address,bytes32)`. */
const authorizationTopic = '0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5'
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

/** @returns smallest unit; undefined where the node has no longer that block's state, or the token does not tell. @throws ChainFault */
export const allowanceAt = async (node: Pick<ChainNode, 'read'>, token: string, owner: string, spender: string, block: number): Promise<bigint | undefined> =>
  await toldBy(node, token, `${allowance}${word(owner).slice(2)}${word(spender).slice(2)}`, block)

/** @returns how many permits of that owner the token has taken; undefined as above. @throws ChainFault */
export const permitsTaken = async (node: Pick<ChainNode, 'read'>, token: string, owner: string, block: number): Promise<bigint | undefined> =>
  await toldBy(node, token, `${nonces}${word(owner).slice(2)}`, block)

async function toldBy (node: Pick<ChainNode, 'read'>, token: string, data: `0x${string}`, block: number): Promise<bigint | undefined> {
  try {
    const answer = await node.read(token, data, block)
    return /^0x[0-9a-f]{64}$/i.test(answer) ? BigInt(answer) : undefined
  } catch (error) {
    if (!(error instanceof ChainFault) || !error.answered || (error.code !== 'reverted' && error.code !== 'unknown')) throw error
    return undefined
  }
}

/** Of these tokens, from the first block to the last, in their order. */
export interface LogsWanted { readonly owner: string, readonly tokens: readonly string[], readonly first: number, readonly last: number }

async function logsOf (node: Pick<ChainNode, 'logs'>, topic: `0x${string}`, { owner, tokens, first, last }: LogsWanted): Promise<ChainLog[]> {
  const found: ChainLog[] = []
  if (tokens.length === 0) return found
  for (let from = first; from <= last; from += blocksAtOnce) {
    found.push(...await node.logs({ addresses: tokens, topics: [topic, word(owner)], from, to: Math.min(last, from + blocksAtOnce - 1) }))
  }
  return found
}

/** Transfers out of that account. @throws ChainFault */
export const transfersFrom = async (node: Pick<ChainNode, 'logs'>, wanted: LogsWanted): Promise<TokenTransfer[]> => (await logsOf(node, transferTopic, wanted)).map(toTransfer)

export interface TokenApproval {
  /** EIP-55, like `spender`. */
  readonly token: string
  readonly spender: string
  /** That is allowed from then on. */
  readonly amount: bigint
  readonly hash: string
  readonly block: number
  readonly logIndex: number
}

/** Allowances that were set for that account's tokens; some tokens tell what is left of one each time it is used. @throws ChainFault */
export async function approvalsOf (node: Pick<ChainNode, 'logs'>, wanted: LogsWanted): Promise<TokenApproval[]> {
  return (await logsOf(node, approvalTopic, wanted)).map((log) => {
    const { token, to: spender, amount, hash, logIndex } = toTransfer(log)
    return { token, spender, amount, hash, block: log.block, logIndex }
  }).sort((a, b) => a.block - b.block || a.logIndex - b.logIndex)
}

/** Authorizations of that account that tokens have taken, each once for ever. @throws ChainFault */
export async function authorizationsUsed (node: Pick<ChainNode, 'logs'>, wanted: LogsWanted): Promise<{ readonly token: string, readonly nonce: string, readonly hash: string, readonly block: number }[]> {
  return (await logsOf(node, authorizationTopic, wanted)).map(({ address, topics, hash, block }) => ({ token: getAddress(address), nonce: hash32('eth_getLogs', topics[2]), hash, block }))
}

/** An approval has the same form: its spender stands where a transfer has its receiver. */
function toTransfer ({ address, topics, data, hash, logIndex }: ChainLog): TokenTransfer {
  const to = topics[2]
  if (to === undefined || !/^0x[0-9a-f]{64}$/i.test(data)) throw badAnswer('eth_getLogs', 'a transfer was expected')
  return { token: getAddress(address), to: getAddress(`0x${hash32('eth_getLogs', to).slice(-40)}`), amount: BigInt(data), hash, logIndex }
}
