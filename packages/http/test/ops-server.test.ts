import t, { type Test } from 'tap'
import { startOpsServer, type OpsServerOptions } from '../src/index.ts'
import { observe } from './open-server.ts'

const start = async (test: Test, options: Partial<OpsServerOptions> = {}) => {
  const observed = observe()
  const server = await startOpsServer({
    host: '127.0.0.1',
    port: 0,
    log: observed.log,
    metrics: observed.metrics,
    health: async () => ({ healthy: true, body: { status: 'healthy' } }),
    ready: async () => ({ ready: true, reasons: [] }),
    ...options
  })
  test.teardown(() => server.close())
  const get = async (path: string, headers = {}) => {
    const response = await fetch(`${server.url}${path}`, { headers })
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
  }
  return { ...observed, server, get }
}

void t.test('health, readiness and metrics are answered', async (t) => {
  const { get } = await start(t)

  t.match(await get('/health'), { status: 200, text: '{"status":"healthy"}' })
  t.match(await get('/ready'), { status: 200, text: '{"ready":true,"reasons":[]}' })
  t.match(await get('/metrics'), { status: 200, type: /^text\/plain; version=0\.0\.4/, text: /build_info\{sha="dev"/ })
  t.match(await get('/other'), { status: 404, type: /problem\+json/ })
})

void t.test('unwell and not ready are 503, with the reasons', async (t) => {
  const { get } = await start(t, {
    health: async () => ({ healthy: false, body: { status: 'unhealthy', database: 'disconnected' } }),
    ready: async () => ({ ready: false, reasons: ['indexes are missing'] })
  })

  t.match(await get('/health'), { status: 503, text: /"database":"disconnected"/ })
  t.match(await get('/ready'), { status: 503, text: '{"ready":false,"reasons":["indexes are missing"]}' })
})

void t.test('a check that throws or hangs is a failed check, and says nothing of why', async (t) => {
  const { get, logs } = await start(t, {
    health: async () => { throw new Error('mongodb://user@10.0.0.1 is down') },
    ready: () => new Promise(() => undefined),
    checkTimeoutMs: 100
  })

  t.match(await get('/health'), { status: 503, text: '{"status":"unhealthy"}' })
  t.match(await get('/ready'), { status: 503, text: '{"ready":false,"reasons":["the check failed"]}' })
  t.equal(logs.lines().filter(({ msg }) => msg === 'health check failed').length, 2)
})

void t.test('metrics want the key when there is one, probes do not', async (t) => {
  const { get } = await start(t, { metricsApiKey: 'k'.repeat(32) })

  t.equal((await get('/metrics')).status, 401)
  t.equal((await get('/metrics', { authorization: `Bearer ${'k'.repeat(31)}` })).status, 401)
  t.equal((await get('/metrics', { authorization: `Bearer ${'k'.repeat(32)}` })).status, 200)
  t.equal((await get('/metrics', { 'x-api-key': 'k'.repeat(32) })).status, 200)
  t.equal((await get('/health')).status, 200)
})

void t.test('a port that is taken is refused at start', async (t) => {
  const { server } = await start(t)

  await t.rejects(start(t, { port: Number(new URL(server.url).port) }), { code: 'EADDRINUSE' })
})
