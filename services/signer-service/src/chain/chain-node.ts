/** One JSON-RPC node: the questions a lane asks, answered as plain data; every failure is a ChainFault. */
import type { Metrics } from '@countersign/runtime'
import { getAddress } from 'viem/utils'
import { badAnswer, toChainFault, wrongChain, type ChainFault } from './chain-fault.ts'
import { advisedTips, historyBlocks, percentiles, tipsFrom, type Tips } from './fee-history.ts'
import { byteText, hash32, quantity, safeNumber, type Hex } from './quantity.ts'
import { createRememberedCode } from './remembered-code.ts'
import { createRpcClient } from './rpc-client.ts'

export type { Hex } from './quantity.ts'

export interface Block {
  readonly number: number
  readonly hash: Hex
  readonly parentHash: Hex
  /** Wei per gas. Zero on a chain without EIP-1559. */
  readonly baseFee: bigint
}

export interface ChainReceipt {
  readonly succeeded: boolean
  readonly blockNumber: number
  readonly blockHash: Hex
  readonly gasUsed: bigint
  /** Wei per gas; undefined where the node knows only what was offered: a chain without EIP-1559. */
  readonly gasPrice: bigint | undefined
  /** As the node gave them; undefined when it gave none at all. */
  readonly logs: readonly unknown[] | undefined
}

/** What an account asks of another one, as it would be mined. */
export interface Message { readonly from: string, readonly to: string, readonly value: bigint, readonly data: Hex }

export interface SentTransaction { readonly hash: string, readonly from: string, readonly nonce: number }

export interface ChainLog {
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
  /** Of the transaction. */
  readonly hash: Hex
  readonly block: number
  readonly logIndex: number
}

export interface ChainNode {
  readonly chainId: number
  chainIdThere (): Promise<number>
  head (): Promise<Block>
  /** @returns null when the node has no such block (on its canonical chain, for a number). */
  block (at: number | Hex): Promise<Block | null>
  /** When a canonical block was made, as it says itself: seconds since 1970. */
  timeOf (block: number): Promise<number>
  /** The next nonce after all blocks up to that one. */
  nonceAt (address: string, block: number): Promise<number>
  /** The next nonce as the node's own pool sees it. */
  pendingNonce (address: string): Promise<number>
  balanceAt (address: string, block: number): Promise<bigint>
  estimateGas (message: Message): Promise<bigint>
  /** What the called contract would answer now, 0x hex. */
  answerTo (message: Message): Promise<string>
  /** Whether a contract stands at the address; that it does is remembered for a while. */
  hasCode (address: string): Promise<boolean>
  /** The node's advice, wei per gas. */
  priorityFee (): Promise<bigint>
  /** What blocks up to that one took, wei per gas; where the node keeps no such history, parts and multiples of its advice. Asked once for each block. */
  tips (head: Pick<Block, 'hash' | 'number'>): Promise<Tips>
  /** What a transaction of the old type pays, wei per gas. */
  gasPrice (): Promise<bigint>
  /**
   * In their order, together where the node takes batches.
   * @returns what it said of each; where they go one by one, those behind the first trouble are not sent and have no outcome.
   */
  sendAll (bytes: readonly string[]): Promise<(ChainFault | undefined)[]>
  receipt (hash: string): Promise<ChainReceipt | null>
  /** Of a whole canonical block, by transaction hash; undefined when the node does not know the question, or has no such block. */
  receiptsIn (block: number): Promise<ReadonlyMap<string, ChainReceipt> | undefined>
  /** Senders, nonces and hashes of a canonical block; empty when there is no such block. */
  transactionsIn (block: number): Promise<SentTransaction[]>
  /** What a contract answers to a call, 0x hex. */
  read (to: string, data: Hex, block: number): Promise<string>
  /** From block to block, both included; a missing topic stands for any. */
  logs (filter: { readonly addresses: readonly string[], readonly topics: readonly Hex[], readonly from: number, readonly to: number }): Promise<ChainLog[]>
  /** Makes it again after that block, without a trace. @returns the fault `reverted`, or undefined when it does not revert there. */
  replay (message: Message, block: number): Promise<ChainFault | undefined>
}

export interface ChainNodeOptions {
  readonly chainId: number
  readonly url: string
  readonly timeoutMs: number
  readonly metrics: Pick<Metrics, 'histogram'>
}

export function createChainNode ({ chainId, url, timeoutMs, metrics }: ChainNodeOptions): ChainNode {
  // No retries below this line: a second send of the same bytes is the lane's decision, and it is written down first.
  const client = createRpcClient({ url, timeoutMs })
  const seconds = metrics.histogram({ name: 'rpc_request_duration_seconds', help: 'One request to a chain node', labels: ['chain', 'method', 'outcome'] })

  const ask = async <T>(method: string, ...params: readonly unknown[]): Promise<T> => {
    const startedAt = performance.now()
    const record = (outcome: string): void => { seconds.observe({ chain: String(chainId), method, outcome }, (performance.now() - startedAt) / 1_000) }
    try {
      const answer = await client.ask(method, params)
      record('ok')
      return answer as T
    } catch (error) {
      const fault = toChainFault(method, error)
      record(fault.code)
      throw fault
    }
  }

  const send = async (bytes: string): Promise<ChainFault | undefined> => {
    try {
      await ask('eth_sendRawTransaction', bytes)
      return undefined
    } catch (error) {
      return toChainFault('eth_sendRawTransaction', error)
    }
  }
  const priorityFee = async (): Promise<bigint> => {
    const advice = await ask('eth_maxPriorityFeePerGas').catch((error: unknown) => {
      // Not every node has an opinion.
      if (toChainFault('eth_maxPriorityFeePerGas', error).code === 'unknown') return hex(usualTip)
      throw error
    })
    return quantity('eth_maxPriorityFeePerGas', advice)
  }

  const readTips = async (block: number): Promise<Tips> => {
    const [history, advice] = await Promise.all([
      ask('eth_feeHistory', hex(historyBlocks), hex(block), percentiles).catch((error: unknown) => {
        const { answered, code } = toChainFault('eth_feeHistory', error)
        if (answered && code === 'unknown') return undefined
        throw error
      }),
      priorityFee()
    ])
    return history === undefined ? advisedTips(advice) : tipsFrom(history, advice)
  }

  let knowsBlockReceipts = true
  let tipsAt: { readonly hash: Hex, readonly tips: Promise<Tips> } | undefined

  return {
    chainId,
    chainIdThere: async () => safeNumber('eth_chainId', await ask('eth_chainId')),
    head: async () => {
      const found = await ask<RpcBlock | null>('eth_getBlockByNumber', 'latest', false)
      if (found === null) throw badAnswer('eth_getBlockByNumber', 'no latest block')
      return toBlock('eth_getBlockByNumber', found)
    },
    block: async (at) => {
      const found = typeof at === 'number'
        ? await ask<RpcBlock | null>('eth_getBlockByNumber', hex(at), false)
        : await ask<RpcBlock | null>('eth_getBlockByHash', at, false)
      return found === null ? null : toBlock(typeof at === 'number' ? 'eth_getBlockByNumber' : 'eth_getBlockByHash', found)
    },
    timeOf: async (block) => {
      const found = await ask<{ timestamp: Hex } | null>('eth_getBlockByNumber', hex(block), false)
      if (found === null) throw badAnswer('eth_getBlockByNumber', 'a block was expected')
      return safeNumber('eth_getBlockByNumber', found.timestamp)
    },
    nonceAt: async (address, block) => safeNumber('eth_getTransactionCount', await ask('eth_getTransactionCount', address, hex(block))),
    pendingNonce: async (address) => safeNumber('eth_getTransactionCount', await ask('eth_getTransactionCount', address, 'pending')),
    balanceAt: async (address, block) => quantity('eth_getBalance', await ask('eth_getBalance', address, hex(block))),
    estimateGas: async (message) => quantity('eth_estimateGas', await ask('eth_estimateGas', toCall(message))),
    answerTo: async (message) => byteText('eth_call', await ask('eth_call', toCall(message), 'latest')),
    hasCode: createRememberedCode(async (address) => byteText('eth_getCode', await ask('eth_getCode', address, 'latest')) !== '0x', () => performance.now()),
    priorityFee,
    tips: async ({ hash, number }) => {
      const known = tipsAt?.hash === hash ? tipsAt : { hash, tips: readTips(number) }
      tipsAt = known
      return await known.tips.catch((error: unknown) => {
        if (tipsAt === known) tipsAt = undefined
        throw error
      })
    },
    gasPrice: async () => quantity('eth_gasPrice', await ask('eth_gasPrice')),
    sendAll: async (bytes) => {
      if (client.takesBatches()) return await Promise.all(bytes.map(send))
      const outcomes: (ChainFault | undefined)[] = []
      for (const one of bytes) {
        const outcome = await send(one)
        outcomes.push(outcome)
        if (outcome?.class === 'trouble') break
      }
      return outcomes
    },
    receipt: async (hash) => {
      const found = await ask<RpcReceipt | null>('eth_getTransactionReceipt', hash)
      return found === null ? null : toReceipt(found, hash)
    },
    receiptsIn: async (block) => {
      if (!knowsBlockReceipts) return undefined
      try {
        const found = await ask<RpcReceipt[] | null>('eth_getBlockReceipts', hex(block))
        return found === null ? undefined : new Map(found.map((receipt) => [hash32('eth_getBlockReceipts', receipt.transactionHash), toReceipt(receipt)]))
      } catch (error) {
        const fault = toChainFault('eth_getBlockReceipts', error)
        if (!fault.answered) throw fault
        // An older node, or one that sells this apart: each is asked for by its hash.
        knowsBlockReceipts = false
        return undefined
      }
    },
    transactionsIn: async (block) => {
      const found = await ask<{ transactions: { hash: string, from: Hex, nonce: Hex }[] } | null>('eth_getBlockByNumber', hex(block), true)
      return (found?.transactions ?? []).map(({ hash, from, nonce }) => ({ hash: hash32('eth_getBlockByNumber', hash), from: getAddress(from), nonce: safeNumber('eth_getBlockByNumber', nonce) }))
    },
    read: async (to, data, block) => String(await ask('eth_call', { to, data }, hex(block))),
    logs: async ({ addresses, topics, from, to }) => {
      const found = await ask<{ address: string, topics: string[], data: string, transactionHash: string, blockNumber: Hex, logIndex: Hex }[]>('eth_getLogs', { address: addresses, topics, fromBlock: hex(from), toBlock: hex(to) })
      if (!Array.isArray(found)) throw badAnswer('eth_getLogs', 'a list was expected')
      return found.map(({ address, topics: words, data, transactionHash, blockNumber, logIndex }) =>
        ({ address, topics: words, data, hash: hash32('eth_getLogs', transactionHash), block: safeNumber('eth_getLogs', blockNumber), logIndex: safeNumber('eth_getLogs', logIndex) }))
    },
    replay: async (message, block) => {
      try {
        await ask('eth_call', toCall(message), hex(block))
        return undefined
      } catch (error) {
        const fault = toChainFault('eth_call', error)
        if (fault.code !== 'reverted') throw fault
        return fault
      }
    }
  }
}

/** @throws ChainFault wrong_chain: money signed for one chain must not be counted on another. */
export async function assertChain (node: Pick<ChainNode, 'chainId' | 'chainIdThere'>): Promise<void> {
  const there = await node.chainIdThere()
  if (there !== node.chainId) throw wrongChain(node.chainId, there)
}

/** Wei per gas. */
const usualTip = 1_000_000_000n

interface RpcBlock { readonly number: Hex, readonly hash: Hex, readonly parentHash: Hex, readonly baseFeePerGas?: Hex }
interface RpcReceipt { readonly transactionHash: Hex, readonly status: Hex, readonly blockNumber: Hex, readonly blockHash: Hex, readonly gasUsed: Hex, readonly effectiveGasPrice?: Hex | null, readonly logs?: unknown }

const hex = (value: number | bigint): Hex => `0x${value.toString(16)}`

const toCall = ({ from, to, value, data }: Message): object => ({ from, to, value: hex(value), ...data !== '0x' && { data } })

const toBlock = (method: string, { number, hash, parentHash, baseFeePerGas = '0x0' }: RpcBlock): Block =>
  ({ number: safeNumber(method, number), hash: hash32(method, hash), parentHash: hash32(method, parentHash), baseFee: quantity(method, baseFeePerGas) })

/** A receipt decides what became of money: anything but 0 or 1 as its status, or another transaction's, decides nothing. */
function toReceipt ({ transactionHash, status, blockNumber, blockHash, gasUsed, effectiveGasPrice, logs }: RpcReceipt, wanted: string = transactionHash): ChainReceipt {
  const method = 'eth_getTransactionReceipt'
  if (hash32(method, transactionHash) !== wanted) throw badAnswer(method, 'the receipt of another transaction')
  if (status !== '0x0' && status !== '0x1') throw badAnswer(method, 'a receipt without a status')
  return {
    succeeded: status === '0x1',
    blockNumber: safeNumber(method, blockNumber),
    blockHash: hash32(method, blockHash),
    gasUsed: quantity(method, gasUsed),
    gasPrice: effectiveGasPrice === undefined || effectiveGasPrice === null ? undefined : quantity(method, effectiveGasPrice),
    logs: Array.isArray(logs) ? logs : undefined
  }
}
