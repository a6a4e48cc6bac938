/** The chains' part of the composition: their nodes, and what is made of the news about them. */
import type { Audit, Leases } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import { createChainNode } from './chain/chain-node.ts'
import { checkNodes, createChain, createChains, type Chains } from './chain/chains.ts'
import type { NodeNews, NodeState, PooledNode } from './chain/node-pool.ts'
import type { ChainConfig, Config } from './config.ts'
import type { createTellNodeAlarm } from './mail/operator-mail.ts'
import type { Transact } from './unit.ts'

export interface NodesOptions {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly leases: Pick<Leases, 'acquire'>
  readonly holder: string
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly tellOperator: ReturnType<typeof createTellNodeAlarm>
}

export const openNodes = ({ chainId, rpcUrls }: ChainConfig, { rpcTimeoutMs }: Pick<Config, 'rpcTimeoutMs'>, metrics: Metrics): PooledNode[] =>
  rpcUrls.map(({ url, ...weight }) => ({ node: createChainNode({ chainId, url, timeoutMs: rpcTimeoutMs, metrics }), ...weight }))

/** A node that is down is no reason not to start: its chain's transactions wait. A node of another chain is. */
export async function openChains (options: NodesOptions): Promise<Chains> {
  const { config, log, metrics } = options
  const report = createReport(options)
  const configured = config.chains.map((chain) => {
    const nodes = openNodes(chain, config, metrics)
    return { nodes, chain: createChain(chain, nodes, report) }
  })
  // Compared before anything is read from any of them.
  const [faults] = await Promise.all([
    checkNodes(configured.flatMap(({ nodes }) => nodes.map(({ node }) => node))), ...configured.map(async ({ chain }) => { await chain.compare() })
  ])
  for (const fault of faults) log.warn({ err: fault, fault: fault.code }, 'a chain node does not answer: its chain waits')
  return createChains(configured.map(({ chain }) => chain))
}

/** Money may have been counted on a chain that is not ours: a person has to look. */
const alarming: ReadonlySet<NodeState> = new Set(['wrong_chain', 'distrusted'])
/** Of all processes one tells of a node, and not more often than this. */
const alarmTurnMs = 3_600_000
/** As long as a line of a mail may be. */
const longestDetail = 500

function createReport ({ log, metrics, leases, holder, audit, transact, tellOperator }: NodesOptions): (news: NodeNews) => void {
  const serving = metrics.gauge({ name: 'rpc_node_serving', help: '0 while a chain node is passed over: it does not answer, is behind, serves another chain or tells another history', labels: ['chain', 'node'] })
  const dropped = metrics.counter({ name: 'rpc_node_passed_over_total', help: 'Times that a chain node was passed over, by reason', labels: ['chain', 'node', 'reason'] })

  const raise = async ({ chainId, position, state, detail }: NodeNews): Promise<void> => {
    if (await leases.acquire(`node-alarm:${chainId}:${position}:${state}`, holder, alarmTurnMs) === null) return
    await transact(async (unit) => {
      await audit.append({ event: 'node.dropped', subject: `eip155:${chainId}`, facts: { node: position, reason: state, detail } }, unit.session)
      await tellOperator(unit, { chain_id: chainId, node: position, alarm: state, detail: detail.slice(0, longestDetail) })
    })
  }

  return (news) => {
    const { state, detail } = news
    const node = { chain: String(news.chainId), node: String(news.position) }
    serving.set(node, state === 'serving' ? 1 : 0)
    if (state === 'serving') return void log.info(node, 'chain node serves')
    dropped.inc({ ...node, reason: state })
    log[alarming.has(state) ? 'error' : 'warn']({ ...node, reason: state, detail }, 'chain node is passed over')
    if (alarming.has(state)) raise(news).catch((err: unknown) => { log.error({ ...node, err }, 'nobody could be told of a chain node') })
  }
}
