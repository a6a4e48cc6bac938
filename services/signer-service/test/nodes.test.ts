/** What a chain's nodes are asked, how their answers are found, and which of them is believed. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createMetrics } from '@countersign/runtime'
import { until, type TestContext } from '@countersign/testing'
import { badAnswer, toChainFault, wrongChain } from '../src/chain/chain-fault.ts'
import { createChainNode, type ChainNode } from '../src/chain/chain-node.ts'
import { tipsFrom } from '../src/chain/fee-history.ts'
import { createNodePool, type NodeNews } from '../src/chain/node-pool.ts'
import { createRpcClient } from '../src/chain/rpc-client.ts'
import { atSpeed } from '../src/lanes/fees.ts'
import { readMarket } from '../src/lanes/read-market.ts'
import { createSignLimit } from '../src/wallets/sign-limit.ts'

interface Asked { readonly id: number, readonly method: string, readonly params: readonly unknown[] }
interface Answer { readonly status?: number, readonly body: unknown }

/** A node that says what it is told to; a body that is undefined breaks the connection, and one that never comes leaves it open. */
async function startNode (t: TestContext, answer: (asked: Asked | Asked[]) => Answer | Promise<Answer>) {
  const bodies: (Asked | Asked[])[] = []
  const headers: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => { text += chunk.toString() })
    request.on('end', () => {
      const asked = JSON.parse(text) as Asked | Asked[]
      bodies.push(asked)
      headers.push(request.headers)
      void Promise.resolve(answer(asked)).then(({ status = 200, body }) => {
        if (body === undefined) response.destroy()
        else response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body))
      })
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, headers }
}

const echo = ({ id, method }: Asked): object => ({ jsonrpc: '2.0', id, result: `${method} done` })
const never = new Promise<never>(() => {})
const faultOf = async (asking: Promise<unknown>, method = 'eth_blockNumber') => {
  const error: unknown = await asking.then(() => { throw new Error('it was answered') }, (thrown: unknown) => thrown)
  return toChainFault(method, error)
}

t.test('what is asked in one turn goes as one batch, and each answer is found by its id, in whatever order', async (t) => {
  const node = await startNode(t, (asked) => ({ body: [asked].flat().map(echo).reverse() }))
  const client = createRpcClient({ url: node.url, timeoutMs: 5_000 })
  t.strictSame(await Promise.all(['a', 'b', 'c'].map((method) => client.ask(method, []))), ['a done', 'b done', 'c done'])
  t.equal(node.bodies.length, 1)
  const [batch] = node.bodies as [Asked[]]
  t.equal(new Set(batch.map(({ id }) => id)).size, 3)
  t.ok(client.takesBatches())
  node.bodies.length = 0
  await Promise.all(Array.from({ length: 120 }, (_none, index) => client.ask('many', [index])))
  t.strictSame(node.bodies.map((body) => [body].flat().length).sort((a, b) => a - b), [20, 50, 50], 'providers refuse more')
})

t.test('an answer to somebody else, none, an error and a silence are told apart', async (t) => {
  const node = await startNode(t, (asked) => ({
    body: [asked].flat().flatMap(({ id, method }): object[] => ({
      fine: [{ id, result: 7 }], nothing: [{ id, result: null }], missing: [], empty: [{ id }],
      refused: [{ id, error: { code: -32000, message: 'nonce too low' } }], stranger: [{ id: id + 1_000, result: 'not yours' }]
    })[method] ?? [])
  }))
  const client = createRpcClient({ url: node.url, timeoutMs: 5_000 })
  const outcomes = await Promise.allSettled(['fine', 'nothing', 'missing', 'empty', 'refused', 'stranger'].map((method) => client.ask(method, [])))
  t.match(outcomes.map((one) => one.status === 'fulfilled' ? one.value : toChainFault('eth_sendRawTransaction', one.reason)), [
    7, null, { code: 'unreachable', mayHaveMovedMoney: true }, { code: 'unreachable' }, { code: 'nonce_too_low', answered: true }, { code: 'unreachable', answered: false }
  ])
})

t.test('a node that takes no batches is asked one by one from then on; a send of the refused batch is not repeated', async (t) => {
  for (const refusal of [{ status: 400, body: { error: 'no arrays' } }, { body: { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'batch requests are not supported' } } }]) {
    const node = await startNode(t, (asked) => Array.isArray(asked) ? refusal : { body: echo(asked) })
    const client = createRpcClient({ url: node.url, timeoutMs: 5_000 })
    const [question, send] = await Promise.allSettled([client.ask('eth_chainId', []), client.ask('eth_sendRawTransaction', ['0x02'])])
    t.match(question, { status: 'fulfilled', value: 'eth_chainId done' })
    t.match(send.status === 'rejected' && toChainFault('eth_sendRawTransaction', send.reason), { mayHaveMovedMoney: true, answered: false }, 'nothing proves that it was not carried out')
    t.equal(client.takesBatches(), false)
    await Promise.all([client.ask('a', []), client.ask('b', [])])
    t.equal(node.bodies.filter((body) => Array.isArray(body)).length, 1)
    t.equal(node.bodies.filter((body) => [body].flat().some(({ method }) => method === 'eth_sendRawTransaction')).length, 1)
  }
})

t.test('a busy node is not taken for one without batches', async (t) => {
  const node = await startNode(t, () => ({ status: 503, body: { error: 'try later' } }))
  const client = createRpcClient({ url: node.url, timeoutMs: 5_000 })
  const both = await Promise.all(['a', 'b'].map(async (method) => await faultOf(client.ask(method, []))))
  t.match(both, [{ code: 'unreachable' }, { code: 'unreachable' }])
  t.ok(client.takesBatches())
  t.match(await faultOf(client.ask('a', [])), { code: 'unreachable', retryable: true })
})

t.test('simulations travel apart, and one that is slow is found out alone', async (t) => {
  const slow = (asked: Asked | Asked[]): boolean => [asked].flat().some(({ params: [kind] }) => kind === 'endless')
  const node = await startNode(t, (asked) => slow(asked) ? never : { body: Array.isArray(asked) ? asked.map(echo) : echo(asked) })
  const client = createRpcClient({ url: node.url, timeoutMs: 400 })
  const [head, quick, endless] = await Promise.allSettled([client.ask('eth_blockNumber', []), client.ask('eth_estimateGas', ['quick']), client.ask('eth_estimateGas', ['endless'])])
  t.match(head, { value: 'eth_blockNumber done' })
  t.match(quick, { value: 'eth_estimateGas done' })
  t.match(endless.status === 'rejected' && toChainFault('eth_estimateGas', endless.reason), { code: 'timeout', answered: false })
})

t.test('what is no JSON, and a connection that breaks, say nothing', async (t) => {
  for (const body of ['<html>bad gateway</html>', undefined]) {
    const node = await startNode(t, () => ({ body }))
    t.match(await faultOf(createRpcClient({ url: node.url, timeoutMs: 5_000 }).ask('eth_sendRawTransaction', ['0x02']), 'eth_sendRawTransaction'), { code: 'unreachable', mayHaveMovedMoney: true })
  }
  const node = await startNode(t, () => never)
  t.match(await faultOf(createRpcClient({ url: node.url, timeoutMs: 200 }).ask('eth_sendRawTransaction', ['0x02']), 'eth_sendRawTransaction'), { code: 'timeout', mayHaveMovedMoney: true })
  await until(() => node.bodies.length === 1, { what: 'the one request', timeoutMs: 5_000 })
})

t.test('a name and a password in the URL travel in a header', async (t) => {
  const node = await startNode(t, (asked) => ({ body: echo(asked as Asked) }))
  const url = new URL(node.url)
  url.username = 'reader'
  url.password = 'p@ss'
  await createRpcClient({ url: url.href, timeoutMs: 5_000 }).ask('eth_chainId', [])
  t.equal(node.headers[0]?.authorization, `Basic ${Buffer.from('reader:p@ss').toString('base64')}`)
})

const gwei = 10n ** 9n
const inGwei = (value: number): string => `0x${(BigInt(value) * gwei).toString(16)}`
const history = (...blocks: [full: number, ...tips: number[]][]) => ({ gasUsedRatio: blocks.map(([full]) => full), reward: blocks.map(([, ...tips]) => tips.map(inGwei)) })

t.test('tips are medians of what full blocks took, and within reach of the advice', (t) => {
  t.strictSame(tipsFrom(history([0.5, 1, 2, 4], [0.9, 2, 3, 9], [0.4, 3, 4, 6]), 2n * gwei), { slow: 2n * gwei, average: 3n * gwei, fast: 6n * gwei })
  t.strictSame(tipsFrom(history([0.01, 50, 60, 70], [0.5, 1, 2, 3], [0, 0, 0, 0]), 2n * gwei), { slow: gwei, average: 2n * gwei, fast: 3n * gwei }, 'blocks with room show no price')
  t.strictSame(tipsFrom(history([0.01, 50, 60, 70]), 2n * gwei), { slow: 18n * gwei / 10n, average: 2n * gwei, fast: 3n * gwei }, 'where all have, the advice')
  t.strictSame(tipsFrom(history([0.5, 1, 20, 90]), gwei), { slow: gwei, average: 10n * gwei, fast: 10n * gwei }, 'what only we would pay does not climb for ever')
  t.strictSame(tipsFrom(history([0.5, 0, 1, 2]), 1n), { slow: 0n, average: gwei, fast: gwei })
  for (const answer of [undefined, null, [], {}, { gasUsedRatio: [0.5] }, { gasUsedRatio: [0.5], reward: [null] }, { gasUsedRatio: [0.5], reward: [['0x1']] }, { gasUsedRatio: [0.5], reward: [['0x1', '0x2', 'much']] }]) {
    t.throws(() => tipsFrom(answer, gwei), { name: 'ChainFault', code: 'unknown' }, JSON.stringify(answer))
  }
  t.end()
})

t.test('fees follow the chain\'s history, asked for once for each block; a node without one is asked for its advice', async (t) => {
  const answers: Record<string, object> = { eth_maxPriorityFeePerGas: { result: inGwei(2) }, eth_feeHistory: { result: history([0.5, 1, 3, 7]) }, eth_gasPrice: { result: inGwei(30) } }
  const server = await startNode(t, (asked) => {
    const all = [asked].flat().map(({ id, method }) => ({ id, ...answers[method] }))
    return { body: Array.isArray(asked) ? all : all[0] }
  })
  const node = createChainNode({ chainId: 1, url: server.url, timeoutMs: 5_000, metrics: createMetrics({ service: 'test', sha: 'test' }) })
  const head = (number: number) => ({ number, hash: `0x${String(number).repeat(64)}` as const, parentHash: '0x' as const, baseFee: 40n * gwei })
  const tip = async (number: number, speed: 'slow' | 'average' | 'fast') => atSpeed(await readMarket(node, { eip1559: true }, head(number)), speed)
  t.match(await Promise.all([tip(1, 'slow'), tip(1, 'average'), tip(1, 'fast')]), [{ baseFee: 40n * gwei, tip: gwei }, { tip: 3n * gwei }, { tip: 7n * gwei }])
  const asked = () => server.bodies.flat().filter(({ method }) => method === 'eth_feeHistory')
  t.match(asked(), [{ params: ['0xa', '0x1', [20, 50, 80]] }])
  await tip(2, 'fast')
  t.equal(asked().length, 2)
  answers['eth_feeHistory'] = { error: { code: -32601, message: 'the method eth_feeHistory does not exist/is not available' } }
  t.match(await Promise.all([tip(3, 'slow'), tip(3, 'fast')]), [{ tip: 18n * gwei / 10n }, { tip: 3n * gwei }])
  answers['eth_feeHistory'] = { error: { code: 429, message: 'too many requests' } }
  await t.rejects(tip(4, 'slow'), { code: 'rate_limited' }, 'a busy node says nothing of fees')
  answers['eth_feeHistory'] = { result: history([0.5, 1, 3, 7]) }
  t.match(await tip(4, 'slow'), { tip: gwei }, 'and its refusal is not remembered')
  t.match(atSpeed(await readMarket(node, { eip1559: false }, head(5)), 'fast'), { baseFee: 0n, tip: 45n * gwei }, 'a legacy chain has one price')
})

interface StandIn { head: number, chainId: number, down: boolean, /** From this block on it is on a chain of its own. */ forkedAt: number }

/** Nodes of one chain without a network, and what was told of them. */
function openPool (heads: readonly number[], weights: readonly (number | undefined)[] = []) {
  const stands = heads.map((head): StandIn => ({ head, chainId: 1, down: false, forkedAt: Infinity }))
  const nodes = stands.map((stand, index) => ({
    chainId: 1,
    chainIdThere: async () => stand.chainId,
    head: async () => {
      if (stand.down) throw badAnswer('eth_getBlockByNumber', 'nothing')
      return { number: stand.head }
    },
    block: async (at: number) => ({ number: at, hash: at >= stand.forkedAt ? `fork ${index}` : `block ${at}` })
  })) as unknown as ChainNode[]
  const time = { ms: 0 }
  const news: NodeNews[] = []
  const pool = createNodePool(nodes.map((node, index) => ({ node, ...weights[index] !== undefined && { weight: weights[index] } })), {
    chainId: 1, confirmations: 2, blockTimeMs: 1_000, report: (one) => { news.push(one) }, now: () => time.ms
  })
  /** @returns which node is asked, from 1. */
  const asked = async (name?: string, avoid?: number): Promise<number> =>
    nodes.indexOf((await pool.look({ ...name !== undefined && { name }, ...avoid !== undefined && { avoid: nodes[avoid - 1] } })).node) + 1
  return { pool, stands: stands as [StandIn, StandIn, StandIn], asked, news, time, states: () => news.splice(0).map(({ position, state }) => `${position} ${state}`) }
}

t.test('a node that is behind is passed over until it has caught up; one that contradicts what was final comes last', async (t) => {
  const { asked, stands: [first, second], states, time } = openPool([100, 100])
  t.equal(await asked(), 1)
  second.head = 102
  t.equal(await asked(), 1, 'two blocks are nothing')
  t.equal(await asked(undefined, 1), 2)
  second.head = 110
  t.equal(await asked(undefined, 1), 2)
  t.equal(await asked(), 2)
  t.strictSame(states(), ['1 serving', '2 serving'])
  time.ms += 60_000
  t.equal(await asked(), 2)
  first.head = 111
  time.ms += 60_000
  t.equal(await asked(), 1)
  first.head = 5
  second.head = 6
  t.equal(await asked(), 2, 'where all are behind, the one that is furthest')
  t.strictSame(states(), ['1 behind', '1 serving', '1 behind', '2 behind'])
})

t.test('a lane stays with the node that took over, and is not shown a shorter chain unless it stays shorter', async (t) => {
  const { asked, stands: [first, second], time, news } = openPool([100, 100])
  t.equal(await asked('lane'), 1)
  first.down = true
  t.equal(await asked('lane'), 2)
  first.down = false
  t.equal(await asked('lane'), 2, 'the first one is back, and may not have what was sent meanwhile')
  t.equal(await asked('another lane'), 1)
  time.ms += 60_000
  t.equal(await asked('lane'), 1)
  t.match(news.map(({ position, state }) => `${position} ${state}`), ['1 serving', '1 down', '2 serving', '1 serving'])

  first.head = 103
  t.equal(await asked('lane'), 1)
  first.down = true
  second.head = 102
  await t.rejects(asked('lane'), { code: 'behind', retryable: true }, 'one block less than this lane has seen')
  t.equal(await asked(), 2, 'who follows nothing takes it')
  second.head = 103
  t.equal(await asked('lane'), 2)
  second.head = 1
  await t.rejects(asked('lane'), { code: 'behind' })
  time.ms += 3_999
  await t.rejects(asked('lane'), { code: 'behind' })
  time.ms += 1
  t.equal(await asked('lane'), 2, 'a chain that went back is believed in the end')
  t.equal(await asked('lane'), 2)
})

t.test('each node has the share of the lanes that its weight gives it; one without weight is kept for need', async (t) => {
  const { asked, stands } = openPool([100, 100, 100], [3, 1, 0])
  const names = Array.from({ length: 400 }, (_none, index) => `eip155:1:wal_${index}`)
  const taken = await Promise.all(names.map(async (name) => await asked(name)))
  const ofFirst = taken.filter((node) => node === 1).length
  t.ok(ofFirst > 260 && ofFirst < 340, `${ofFirst} of 400`)
  t.notOk(taken.includes(3))
  const elsewhere = openPool([100, 100, 100], [3, 1, 0])
  t.strictSame(await Promise.all(names.map(async (name) => await elsewhere.asked(name))), taken, 'every process sends a lane to the same node')
  stands[0].down = stands[1].down = true
  t.equal(await asked('eip155:1:wal_0'), 3)
})

t.test('a node that serves another chain, or tells another history than most, is dropped and told of until it agrees', async (t) => {
  const { pool, asked, stands, states, news } = openPool([100, 100, 101])
  stands[0].forkedAt = 90
  await pool.compare()
  t.match(news, [{ position: 1, state: 'distrusted', detail: 'block 98 is fork 0 there and block 98 elsewhere' }, { position: 2, state: 'serving' }, { position: 3, state: 'serving' }])
  states()
  t.equal(await asked(), 2)
  t.equal(await asked(undefined, 2), 3)
  stands[0].head = 5_000
  t.equal(await asked('lane'), 2, 'what it counts is nothing to the others')
  stands[0].forkedAt = Infinity
  stands[0].head = 101
  await pool.compare()
  t.strictSame(states(), ['1 serving'])
  stands[2].forkedAt = 99
  await pool.compare()
  t.strictSame(states(), [], 'above what is final, nodes may differ for a while')

  stands[0].chainId = 7
  t.equal(await asked('another lane'), 2)
  t.match(news, [{ position: 1, state: 'wrong_chain', detail: wrongChain(1, 7).message }])

  const two = openPool([100, 4_000])
  two.stands[1].forkedAt = 50
  await two.pool.compare()
  t.strictSame(two.states(), ['1 serving', '2 distrusted'], 'of two the first is believed')
  two.stands[0].down = true
  await t.rejects(two.asked('lane'), { name: 'ChainFault' }, 'and the other one is not asked all the same')
})

t.test('while the shared limit of signatures cannot be asked, each process keeps to its own, and says so once', async (t) => {
  let away = false
  const [shared, own, said]: [number[], number[], string[]] = [[], [], []]
  const limit = createSignLimit({
    shared: { take: async (ms) => { if (away) throw new Error('Redis is away'); shared.push(ms); return shared.length < 2 } },
    own: { take: async (ms) => { own.push(ms); return false } },
    log: { warn: (_fields: object, text: string) => { said.push(text) } } as never
  })
  t.strictSame([await limit.take(7), await limit.take(8)], [true, false], 'a full limit is back-pressure, and no reason to go around it')
  away = true
  t.strictSame([await limit.take(9), await limit.take(9)], [false, false])
  t.strictSame([shared, own, said.length], [[7, 8], [9, 9], 1])
  away = false
  await limit.take(1)
  away = true
  await limit.take(1)
  t.equal(said.length, 2)
})
