/** The configured nodes of EVM chains, as far as a signature may make us ask them: three questions, simulated, bounded. */
import { Problem } from '@countersign/contracts'
import { createBoundedQueue, type Metrics } from '@countersign/runtime'
import type { EvmRpc } from '@countersign/wallet-proofs'
import { createAskNode, endpointOf, type AskNode, type NodeEndpoint } from './ask-node.ts'
import { RpcFault } from './rpc-fault.ts'

export interface EvmRpcs {
  /** @returns undefined for a chain that is not configured: nothing is ever asked about it. */
  readonly rpcOf: (chainId: number) => EvmRpc | undefined
}

export interface EvmRpcsOptions {
  /** By EIP-155 chain id. Secrets, as they may hold keys; only from the configuration. */
  readonly urls: ReadonlyMap<number, string>
  readonly fetch?: typeof globalThis.fetch
  /** Longest wait for one answer, waiting in the queue included. */
  readonly timeoutMs?: number
  /** The largest right answer is the code of a contract: 24 KB (EIP-170), twice that in hex. */
  readonly maxResponseBytes?: number
  /** Most gas of one simulation. */
  readonly gasCap?: number
  /** Questions to one chain at once, and how many may wait behind them: a slow chain holds up nobody else's. */
  readonly maxInFlight?: number
  readonly queueLimit?: number
  readonly metrics?: Pick<Metrics, 'histogram'>
}

/**
 * The clients reject with RpcRefusal (the node's own error, with code and data) or RpcFault (trouble); neither holds an address.
 * @throws TypeError when a URL is none
 */
export function createEvmRpcs ({
  urls, fetch = globalThis.fetch, timeoutMs = 3_000, maxResponseBytes = 65_536, gasCap = 10_000_000, maxInFlight = 16, queueLimit = 32, metrics
}: EvmRpcsOptions): EvmRpcs {
  const seconds = metrics?.histogram({ name: 'rpc_request_duration_seconds', help: 'One request to a chain node', labels: ['chain', 'method', 'outcome'] })
  const ask = createAskNode({ fetch, maxResponseBytes })
  const questions = questionsUnder(gasCap)

  const rpcTo = (node: NodeEndpoint): EvmRpc => {
    const { chainId } = node
    const queue = createBoundedQueue({ maxInFlight, queueLimit })
    return {
      request: async ({ method, params }) => {
        const question = questions.get(method)
        if (question === undefined) throw new RpcFault(chainId, 'not allowed')
        const call = { method, params: question(params) }
        const startedAt = performance.now()
        const record = (outcome: string): void => { seconds?.observe({ chain: String(chainId), method, outcome }, (performance.now() - startedAt) / 1_000) }
        try {
          const answer = await withinTime((signal) => queue.run(() => askUnlessLate(ask, node, call, { signal, until: startedAt + timeoutMs })), timeoutMs, chainId)
          record('ok')
          return answer
        } catch (error) {
          // The only problem on this way is the queue's.
          const fault = error instanceof Problem ? new RpcFault(chainId, 'too many wait') : error
          record(fault instanceof RpcFault ? fault.trouble : 'refused')
          throw fault
        }
      }
    }
  }

  const rpcs = new Map([...urls].map(([chainId, url]) => [chainId, rpcTo(endpointOf(chainId, url))]))
  return { rpcOf: (chainId) => rpcs.get(chainId) }
}

type Question = (params: readonly unknown[]) => readonly unknown[]

/** Rebuilt from what is known, so that no other block, no state override and no value get through. */
const questionsUnder = (gasCap: number): ReadonlyMap<string, Question> => new Map<string, Question>([
  ['eth_chainId', () => []],
  ['eth_getCode', ([address]) => [address, 'latest']],
  ['eth_call', ([call]) => {
    const { from, to, data, gas } = (call ?? {}) as Readonly<Record<string, unknown>>
    const wanted = Number(gas)
    return [{ from, to, data, gas: `0x${(wanted > 0 && wanted < gasCap ? Math.floor(wanted) : gasCap).toString(16)}` }, 'latest']
  }]
])

async function askUnlessLate (ask: AskNode, node: NodeEndpoint, call: Parameters<AskNode>[1], { signal, until }: { readonly signal: AbortSignal, readonly until: number }): Promise<unknown> {
  // Its turn came when nobody waited for it any more, or so shortly before that its own timer has not fired yet.
  if (signal.aborted || until - performance.now() < 1) throw new RpcFault(node.chainId, 'timeout')
  return await ask(node, call, signal)
}

async function withinTime<T> (work: (signal: AbortSignal) => Promise<T>, timeoutMs: number, chainId: number): Promise<T> {
  const aborter = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new RpcFault(chainId, 'timeout'))
      aborter.abort()
    }, timeoutMs)
  })
  try {
    return await Promise.race([work(aborter.signal), late])
  } finally {
    clearTimeout(timer)
  }
}
