/** The client of the configured nodes, against servers that behave as nodes should not. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { createMetrics, defineEnvironment, readEnvironment } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t from 'tap'
import { createEvmRpcs, type EvmRpcsOptions } from '../../src/chains/evm-rpcs.ts'
import { RpcFault, RpcRefusal } from '../../src/chains/rpc-fault.ts'
import { walletConfigFrom, walletRules, walletVariables } from '../../src/wallet-environment.ts'

interface Seen { readonly headers: IncomingMessage['headers'], readonly path: string, readonly body: { method: string, params: unknown[] } }
type Answering = (response: ServerResponse, seen: Seen) => void

const key = 'k3yOfAProviderThatNobodyMaySee'

/** A node whose every answer is given by `answer`. */
async function startNode (answer: Answering) {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => { text += chunk.toString() })
    request.on('end', () => {
      const one = { headers: request.headers, path: String(request.url), body: JSON.parse(text) as Seen['body'] }
      seen.push(one)
      answer(response, one)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { seen, url: `http://127.0.0.1:${port}/v2/${key}` }
}

const says = (body: unknown, status = 200, headers = {}): Answering => (response) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body))
}
const result = (value: unknown) => ({ jsonrpc: '2.0', id: 1, result: value })

const ask = async (url: string, method = 'eth_getCode', params: unknown[] = ['0xaa', 'latest'], options: Partial<EvmRpcsOptions> = {}): Promise<unknown> =>
  await createEvmRpcs({ urls: new Map([[1, url]]), ...options }).rpcOf(1)?.request({ method, params })

/** How it failed, with everything that a log could see of it searched for the address. */
async function troubleOf (asking: Promise<unknown>): Promise<string> {
  try {
    return `an answer: ${String(await asking)}`
  } catch (error) {
    const visible = [error, (error as Error).cause].map((one) => `${String(one)} ${one instanceof Error ? one.stack : ''} ${JSON.stringify(one)} ${JSON.stringify(Object.getOwnPropertyDescriptors(one ?? {}))}`).join()
    if (visible.includes(key) || visible.includes('127.0.0.1')) throw new Error('the error tells the address', { cause: error })
    return error instanceof RpcFault ? error.trouble : (error as Error).name
  }
}

t.test('a chain that is not configured has no client', async (t) => {
  const { rpcOf } = createEvmRpcs({ urls: new Map([[1, 'http://127.0.0.1:9']]) })
  for (const chain of [2, 0, NaN, -1, '1' as never]) t.equal(rpcOf(chain), undefined)
  t.equal(rpcOf(1), rpcOf(1))
})

t.test('three questions pass, rebuilt: no other method, block, value, override or gas', async (t) => {
  const node = await startNode((response, { body }) => { says(result(body.method))(response, undefined as never) })
  const hostile = [{ from: '0x01', to: '0x02', data: '0x03', value: '0xff', gasPrice: '0x1', nonce: '0x1', gas: '0xffffffffff' }, 'pending', { '0x02': { code: '0x00' } }]
  t.equal(await ask(node.url, 'eth_chainId', [1, 2, 3]), 'eth_chainId')
  t.equal(await ask(node.url, 'eth_getCode', ['0xaa', 'earliest', 'more']), 'eth_getCode')
  t.equal(await ask(node.url, 'eth_call', hostile, { gasCap: 255 }), 'eth_call')
  for (const [gas, sent] of [['0x10', '0x10'], ['0xff', '0xff'], [undefined, '0xff'], ['x', '0xff'], ['-0x1', '0xff'], ['0x0', '0xff'], [2.5, '0x2'], [Infinity, '0xff']]) {
    await ask(node.url, 'eth_call', [{ data: '0x', gas }], { gasCap: 255 })
    t.match(node.seen.at(-1)?.body.params, [{ gas: sent }, 'latest'])
  }
  await ask(node.url, 'eth_call', [null])
  t.strictSame(node.seen.at(-1)?.body.params, [{ gas: '0x989680' }, 'latest'])
  t.strictSame(node.seen.slice(0, 3).map(({ body: { params } }) => params), [[], ['0xaa', 'latest'], [{ from: '0x01', to: '0x02', data: '0x03', gas: '0xff' }, 'latest']])

  const before = node.seen.length
  for (const method of ['eth_sendRawTransaction', 'eth_sendTransaction', 'eth_accounts', 'debug_traceCall', 'anvil_setCode', 'ETH_CALL', 'constructor', '__proto__', '', null, {}]) {
    t.equal(await troubleOf(ask(node.url, method as string)), 'not allowed')
  }
  t.equal(node.seen.length, before)
})

t.test('an error of the node arrives with its code and data, without addresses and keys', async (t) => {
  const error = { code: 3, message: 'execution reverted: no', data: '0x08c379a0' }
  for (const status of [200, 400, 500]) {
    const node = await startNode(says({ jsonrpc: '2.0', id: 1, error }, status))
    await t.rejects(ask(node.url), new RpcRefusal(3, error.message, error.data))
  }
  const telling = await startNode(says({ jsonrpc: '2.0', id: null, error: { code: -32000, message: `key ${key} at https://node.test/${key} is over its limit\n` } }))
  t.equal(await troubleOf(ask(telling.url)), 'RpcRefusal')
  await t.rejects(ask(telling.url), { code: -32000, message: 'key [cut] at [cut] is over its limit\n' })
})

t.test('what is no answer of JSON-RPC is none', async (t) => {
  const bodies: unknown[] = [
    '', 'no json', '<html>', 'null', '[]', '1', '"0x"', {}, { result: '0x' }, { jsonrpc: '1.0', id: 1, result: '0x' }, { jsonrpc: '2.0', id: 2, result: '0x' }, { jsonrpc: '2.0', result: '0x' }, { jsonrpc: '2.0', id: 1 },
    { jsonrpc: '2.0', id: 1, error: null }, { jsonrpc: '2.0', id: 1, error: 'reverted' }, { jsonrpc: '2.0', id: 1, error: { code: '3', message: 'execution reverted' } }, '['.repeat(60_000)
  ]
  for (const body of bodies) {
    const node = await startNode(says(body))
    t.equal(await troubleOf(ask(node.url)), 'bad answer', String(body).slice(0, 20))
  }
  for (const status of [401, 404, 429, 502]) t.equal(await troubleOf(ask((await startNode(says(result('0x'), status))).url)), 'bad answer')
  t.equal(await ask((await startNode(says(result(null)))).url), null)
})

t.test('nobody is sent elsewhere', async (t) => {
  const inside = await startNode(says(result('0x')))
  for (const status of [301, 302, 303, 307, 308]) t.equal(await troubleOf(ask((await startNode(says('', status, { location: inside.url }))).url)), 'unreachable')
  t.equal(inside.seen.length, 0)
})

t.test('an answer is cut off where it grows too large, whatever it says of its length', async (t) => {
  const large = JSON.stringify(result(`0x${'00'.repeat(5_000_000)}`))
  let sent = 0
  const endless: Answering = (response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('0'.repeat(65_536))) sent += 65_536
      response.once('drain', more)
    }
    more()
  }
  for (const answer of [says(large), says(gzipSync(large), 200, { 'content-encoding': 'gzip' }), endless]) {
    t.equal(await troubleOf(ask((await startNode(answer)).url)), 'response is too large')
  }
  t.ok(sent < 50_000_000, `${sent} bytes were taken`)
  const exact = JSON.stringify(result('0x'))
  t.equal(await ask((await startNode(says(exact))).url, undefined, undefined, { maxResponseBytes: exact.length }), '0x')
  t.equal(await troubleOf(ask((await startNode(says(exact))).url, undefined, undefined, { maxResponseBytes: exact.length - 1 })), 'response is too large')
})

t.test('a node that is away, hangs up or is silent is trouble, in time', async (t) => {
  t.equal(await troubleOf(ask(`http://127.0.0.1:9/${key}`)), 'unreachable')
  t.equal(await troubleOf(ask((await startNode((response) => { response.destroy() })).url)), 'unreachable')
  t.equal(await troubleOf(ask((await startNode((response) => { response.writeHead(200, { 'content-length': '100' }).write('{'); setImmediate(() => response.destroy()) })).url)), 'unreachable')
  const silences: Answering[] = [() => {}, (response) => { response.writeHead(200).flushHeaders() }, (response) => { response.writeHead(200).write('{') }]
  for (const silence of silences) {
    const node = await startNode(silence)
    const started = performance.now()
    t.equal(await troubleOf(ask(node.url, undefined, undefined, { timeoutMs: 50 })), 'timeout')
    t.ok(performance.now() - started >= 45)
  }
  const never = { fetch: (async () => await new Promise(() => {})) as typeof fetch, timeoutMs: 20 }
  t.equal(await troubleOf(ask('http://node.test', undefined, undefined, never)), 'timeout', 'a fetch that does not heed its signal')
  t.equal(await troubleOf(ask('http://node.test', undefined, undefined, { fetch: () => { throw new Error(key) } })), 'unreachable')
})

t.test('as many are asked at once as may, some wait, the rest is refused at once, and each chain has its own', async (t) => {
  const held: ServerResponse[] = []
  const slow = await startNode((response) => { held.push(response) })
  const quick = await startNode(says(result('0x')))
  const metrics = createMetrics({ service: 'auth-gateway', sha: 'test' })
  const { rpcOf } = createEvmRpcs({ urls: new Map([[1, slow.url], [2, quick.url]]), maxInFlight: 2, queueLimit: 1, timeoutMs: 60_000, metrics })
  const question = { method: 'eth_getCode', params: ['0xaa'] }
  const asked = Array.from({ length: 3 }, async () => await rpcOf(1)?.request(question))

  await until(() => held.length === 2, { what: 'two questions to arrive' })
  t.equal(await troubleOf(rpcOf(1)?.request(question) as Promise<unknown>), 'too many wait')
  t.equal(await rpcOf(2)?.request(question), '0x')
  t.equal(held.length, 2)
  for (let answered = 0; answered < 3; answered += 1) {
    await until(() => held.length > answered, { what: 'the next question' })
    says(result('0x'))(held[answered] as ServerResponse, undefined as never)
  }
  t.strictSame(await Promise.all(asked), ['0x', '0x', '0x'])
  t.match(await metrics.text(), /rpc_request_duration_seconds_count\{chain="1",method="eth_getCode",outcome="too many wait"\} 1/)
  t.match(await metrics.text(), /rpc_request_duration_seconds_count\{chain="1",method="eth_getCode",outcome="ok"\} 3/)
})

t.test('who waited too long is not asked for any more', async (t) => {
  const held: ServerResponse[] = []
  const node = await startNode((response) => { held.push(response) })
  const rpc = createEvmRpcs({ urls: new Map([[1, node.url]]), maxInFlight: 1, queueLimit: 5, timeoutMs: 50 }).rpcOf(1)
  const question = { method: 'eth_chainId', params: [] }
  t.strictSame(await Promise.all([1, 2, 3].map(async () => await troubleOf(rpc?.request(question) as Promise<unknown>))), ['timeout', 'timeout', 'timeout'])
  t.equal(await troubleOf(rpc?.request(question) as Promise<unknown>), 'timeout', 'the place is free again')
  t.ok(node.seen.length <= 2)
})

t.test('user and password of an address go into a header', async (t) => {
  const node = await startNode(says(result('0x')))
  const url = new URL(node.url)
  url.username = 'us er'
  url.password = 'p@ss'
  t.equal(await ask(url.href), '0x')
  t.equal(node.seen[0]?.headers.authorization, `Basic ${Buffer.from('us er:p@ss').toString('base64')}`)
  t.equal(node.seen[0]?.path, `/v2/${key}`)
  t.throws(() => createEvmRpcs({ urls: new Map([[1, 'http://']]) }), { message: 'Invalid URL' })
})

t.test('the environment names nodes by chain, and fills in keys of providers', async (t) => {
  const environment = defineEnvironment(walletVariables, walletRules)
  const urlsOf = (given: Record<string, string>) => walletConfigFrom(readEnvironment(environment, given)).evmRpcUrls
  t.equal(urlsOf({}).size, 0)
  t.strictSame([...urlsOf({
    EVM_RPC_URLS: '{"1":"https://node.test/v2/${ALCHEMY_API_KEY}","10":"https://node.test/v3/${INFURA_PROJECT_ID}"}', ALCHEMY_API_KEY: 'alchemy-key', INFURA_PROJECT_ID: 'infura-id'
  })], [[1, 'https://node.test/v2/alchemy-key'], [10, 'https://node.test/v3/infura-id']])
  const wrong: [string, RegExp][] = [
    ['{"1":"https://node.test/${ALCHEMY_API_KEY}"}', /ALCHEMY_API_KEY is used by EVM_RPC_URLS and not set/], ['{"1":"https://[secret"}', /EVM_RPC_URLS has no URL for chain 1/], ['{"1":"ftp://secret.test"}', /EVM_RPC_URLS/],
    ['{"one":"https://secret.test"}', /EVM_RPC_URLS/], ['{"01":"https://secret.test"}', /EVM_RPC_URLS/], ['["https://secret.test"]', /EVM_RPC_URLS/], ['{"1":["https://secret.test"]}', /EVM_RPC_URLS/], ['https://secret.test', /EVM_RPC_URLS/]
  ]
  const inProduction = (url: string) => urlsOf({ NODE_ENV: 'production', EVM_RPC_URLS: JSON.stringify({ 1: url }) })
  t.equal(inProduction('http://geth:8545').size, 1)
  t.throws(() => inProduction('http://node.example.com'), { message: /EVM_RPC_URLS must be https, or a private network's, in production/ })
  for (const [text, fault] of wrong) {
    t.throws(() => urlsOf({ EVM_RPC_URLS: text }), { message: fault })
    try { urlsOf({ EVM_RPC_URLS: text }) } catch (error) { t.notMatch(String(error), /secret/) }
  }
})
