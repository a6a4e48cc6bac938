import t, { type Test } from 'tap'
import { defineRoute, Problem, problems } from '@countersign/contracts'
import { Type } from 'typebox'
import { addRoute, routesOf } from '../src/index.ts'
import { openServer } from './open-server.ts'

const transfer = defineRoute({
  method: 'POST',
  path: '/things/:id/transfers',
  operationId: 'transfer',
  tag: 'Things',
  summary: 'For these tests',
  caller: 'anyone',
  limit: 'general',
  params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
  query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })), dry: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
  body: Type.Object({
    code: Type.String({ pattern: '^[0-9]{6}$' }),
    amount: Type.Optional(Type.Integer()),
    to: Type.Optional(Type.Object({ name: Type.String() }, { additionalProperties: false }))
  }, { additionalProperties: false }),
  status: 201,
  reply: Type.Object({ id: Type.Integer(), limit: Type.Integer(), dry: Type.Optional(Type.Boolean()), note: Type.Union([Type.String(), Type.Null()]) }),
  problems: ['schemaViolation']
})

const openTransfer = async (t: Test) => {
  const { app, ...rest } = await openServer(t)
  const served: unknown[] = []
  addRoute(app, transfer, async ({ body, params, query }) => {
    served.push(body)
    return { id: params.id, limit: query.limit ?? 0, ...query.dry !== undefined && { dry: query.dry }, note: null, secret: 'never leaves' }
  })
  const post = (payload: unknown, url = '/things/7/transfers', headers = {}) => app.inject({
    method: 'POST', url, payload: typeof payload === 'string' ? payload : JSON.stringify(payload), headers: { 'content-type': 'application/json', ...headers }
  })
  return { ...rest, app, post, served }
}

void t.test('a valid request is served with typed text, defaults, and the schema\'s fields only', async (t) => {
  const { post } = await openTransfer(t)

  const response = await post({ code: '123456' }, '/things/7/transfers?dry=true')

  t.equal(response.statusCode, 201)
  t.strictSame(response.json(), { id: 7, limit: 20, dry: true, note: null })
})

void t.test('each schema fault is named by its path, and no value comes back or is logged', async (t) => {
  const { post, served, logs } = await openTransfer(t)
  const secret = 'hunter2-hunter2'
  const cases: [unknown, string][] = [
    [{ code: secret }, 'body/code'],
    [{}, 'body/code'],
    [{ code: '123456', amount: secret }, 'body/amount'],
    [{ code: '123456', amount: '5' }, 'body/amount'],
    [{ code: 123456 }, 'body/code'],
    [{ code: '123456', surprise: secret }, 'body/surprise'],
    [{ code: '123456', 'a/b~c': 1 }, 'body/a~1b~0c'],
    [{ code: '123456', to: { name: 'x', extra: secret } }, 'body/to/extra'],
    [{ code: '123456', to: {} }, 'body/to/name'],
    [[], 'body'],
    ['null', 'body'],
    ['"text"', 'body']
  ]

  for (const [payload, path] of cases) {
    const response = await post(payload)
    t.match(response.json(), { type: '/problems/schema-violation', status: 422, faults: [{ path, message: String }] }, JSON.stringify(payload))
    t.equal(response.json().faults.length, 1, JSON.stringify(response.json()))
    t.notMatch(response.body, secret)
  }
  t.notMatch(logs.text(), secret)
  t.strictSame(served, [])
})

void t.test('text in query and path is read strictly', async (t) => {
  const { post } = await openTransfer(t)
  const faultOf = async (url: string) => (await post({ code: '123456' }, url)).json().faults?.[0]?.path

  t.equal(await faultOf('/things/7/transfers?limit=1e1'), 'query/limit')
  t.equal(await faultOf('/things/7/transfers?limit=0x10'), 'query/limit')
  t.equal(await faultOf('/things/7/transfers?limit='), 'query/limit')
  t.equal(await faultOf('/things/7/transfers?limit=1000'), 'query/limit')
  t.equal(await faultOf('/things/7/transfers?limit=5&limit=6'), 'query/limit')
  t.equal(await faultOf('/things/7/transfers?dry=1'), 'query/dry')
  t.equal(await faultOf('/things/7/transfers?limti=5'), 'query/limti')
  t.equal(await faultOf('/things/7/transfers?__proto__=5'), 'query/__proto__')
  t.equal(await faultOf('/things/seven/transfers'), 'params/id')
  t.equal(await faultOf('/things/0/transfers'), 'params/id')
  t.equal(await faultOf('/things/7/transfers?limit=5'), undefined)
})

void t.test('a body that cannot be read is refused by what is wrong with it', async (t) => {
  const { app, post } = await openTransfer(t)
  const url = '/things/7/transfers'

  t.match((await post('{"code":')).json(), { type: '/problems/malformed-request', status: 400 })
  t.match((await post('{"code":"123456","__proto__":{"admin":true}}')).json(), { type: '/problems/malformed-request', status: 400 })
  t.match((await post('{"code":"123456","constructor":{"prototype":{"admin":true}}}')).json(), { type: '/problems/malformed-request', status: 400 })
  t.match((await post('')).json(), { status: 400 })
  t.match((await post('code=123456', url, { 'content-type': 'application/x-www-form-urlencoded' })).json(), { type: '/problems/unsupported-media-type', status: 415 })
  t.match((await post('{"code":"123456"}', url, { 'content-type': 'text/plain' })).json(), { status: 415 })
  t.match((await post('{"code":"123456"}', url, { 'content-type': 'nonsense' })).json(), { status: 415 })
  t.match((await app.inject({ method: 'POST', url, payload: Buffer.from('{"code":"123456"}') })).json(), { status: 415 })
  t.match((await app.inject({ method: 'POST', url })).json(), { type: '/problems/schema-violation', status: 422, faults: [{ path: 'body' }] })
  t.match((await post(JSON.stringify({ code: 'x'.repeat(70_000) }))).json(), { type: '/problems/payload-too-large', status: 413 })
})

void t.test('unknown addresses and methods, and paths that cannot be decoded, are problems too', async (t) => {
  const { app } = await openTransfer(t)

  for (const [method, url, status] of [['GET', '/nowhere', 404], ['DELETE', '/things/7/transfers', 404], ['GET', '/%ff', 400], ['POST', `/things/${'9'.repeat(101)}/transfers`, 404]] as const) {
    const response = await app.inject({ method, url })
    t.equal(response.statusCode, status, url)
    t.match(response.headers['content-type'], /^application\/problem\+json/)
    t.match(response.headers['x-request-id'], /^req_/)
    t.match(response.json(), { status, instance: `urn:request:${String(response.headers['x-request-id'])}` })
  }
})

void t.test('what was not expected says nothing to strangers and everything needed to the log', async (t) => {
  const { app, logs, metrics } = await openServer(t)
  const upstream = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:27017'), { statusCode: 404 })
  app.get('/broken', async () => { throw upstream })
  app.get('/strange', async () => { throw 'a string' })

  const response = await app.inject({ url: '/broken', headers: { 'x-request-id': 'from-the-caller.1' } })

  t.equal(response.statusCode, 500, 'a status on a foreign error speaks of another answer')
  const { type, title, status, detail } = problems.internal
  t.strictSame(response.json(), { type, title, status, detail, instance: 'urn:request:from-the-caller.1' })
  t.notMatch(response.body, /10\.1\.2\.3|stack/)
  t.match(logs.lines().find(({ msg }) => msg === 'request failed'), { requestId: 'from-the-caller.1', err: { message: /ECONNREFUSED/ }, route: '/broken' })
  t.equal((await app.inject('/strange')).statusCode, 500)
  t.match(await metrics.text(), /http_request_duration_seconds_count\{method="GET",route="\/broken",status="500"\} 1/)
})

void t.test('a problem is rendered with its extensions, Retry-After and WWW-Authenticate', async (t) => {
  const { app } = await openServer(t)
  app.get('/locked', async () => { throw new Problem(problems.factorLocked, { retry_after: 30.2, attempts_left: 0 }) })
  app.get('/stranger', async () => { throw new Problem(problems.unauthorized) })

  const locked = await app.inject('/locked')
  t.match(locked.json(), { status: 429, retry_after: 30.2, attempts_left: 0, detail: problems.factorLocked.detail })
  t.equal(locked.headers['retry-after'], '31')
  t.equal((await app.inject('/stranger')).headers['www-authenticate'], 'Bearer realm="test"')
})

void t.test('a request id is taken when it has the shape of one, and always answered', async (t) => {
  const { app } = await openServer(t)
  app.get('/', async (request) => ({ id: request.id }))
  const idFor = async (given?: string) => {
    const response = await app.inject({ url: '/', headers: given === undefined ? {} : { 'x-request-id': given } })
    t.equal(response.headers['x-request-id'], response.json().id)
    return response.json().id
  }

  t.equal(await idFor('abc_1.2-3'), 'abc_1.2-3')
  for (const given of [undefined, '', 'with space', 'x'.repeat(65), '<script>']) t.match(await idFor(given), /^req_[0-9A-Z]{26}$/)
})

void t.test('a session route runs the guard before the body is read, and hands its session to the handler', async (t) => {
  const route = defineRoute({ ...transfer, path: '/mine/:id', caller: 'session' })
  const { app } = await openServer(t, {
    sessionGuard: async ({ headers }) => {
      if (headers.authorization !== 'Bearer good') throw new Problem(problems.unauthorized)
      return { userId: 'usr_1' }
    }
  })
  const seen: string[] = []
  routesOf<{ userId: string }>(app)(route, async ({ session, params }) => {
    seen.push(session.userId)
    return { id: params.id, limit: 1, note: 'served' }
  })
  const post = (authorization: string, payload: string) =>
    app.inject({ method: 'POST', url: '/mine/1', payload, headers: { authorization, 'content-type': 'application/json' } })

  t.equal((await post('Bearer bad', '{')).statusCode, 401, 'strangers do not learn how the body is read')
  t.equal((await post('Bearer good', '{')).statusCode, 400)
  t.equal((await post('Bearer good', '{"code":"123456"}')).statusCode, 201)
  t.strictSame(seen, ['usr_1'])
})

void t.test('a session route on a server without a guard does not start', async (t) => {
  const { app } = await openServer(t)

  t.throws(() => addRoute(app, { ...transfer, caller: 'session' }, async () => ({ id: 1, limit: 1, note: null })), /no session guard/)
})

void t.test('a route without a reply answers 204, and a reply that breaks its schema is our fault', async (t) => {
  const { app } = await openServer(t)
  addRoute(app, defineRoute({ ...transfer, path: '/empty', params: undefined, query: undefined, body: undefined, status: 204, reply: undefined }), async () => undefined)
  addRoute(app, defineRoute({ ...transfer, method: 'GET', path: '/wrong', params: undefined, query: undefined, body: undefined, status: 200 }), async () => ({ note: null }) as never)

  const empty = await app.inject({ method: 'POST', url: '/empty' })
  t.equal(empty.statusCode, 204)
  t.equal(empty.body, '')
  t.match((await app.inject('/wrong')).json(), { status: 500, type: '/problems/internal' })
})

void t.test('answers carry the strict headers and stay out of caches', async (t) => {
  const { app } = await openServer(t)
  app.get('/', async () => ({}))

  t.match((await app.inject('/')).headers, {
    'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': /max-age/,
    'cache-control': 'no-store'
  })
})

void t.test('the metric names the template of the route and never what a stranger typed', async (t) => {
  const { app, metrics, post } = await openTransfer(t)
  await post({ code: '123456' })
  await app.inject('/secret-path-1')

  const text = await metrics.text()
  t.match(text, /http_request_duration_seconds_count\{method="POST",route="\/things\/:id\/transfers",status="201"\} 1/)
  t.match(text, /route="unmatched",status="404"/)
  t.notMatch(text, /secret-path/)
})

void t.test('the access log holds a line per request when asked for, without the query', async (t) => {
  const { app, logs } = await openServer(t, { accessLog: true })
  app.get('/seen', async () => ({}))

  await app.inject('/seen?token=abc')

  t.match(logs.lines().find(({ msg }) => msg === 'request served'), { method: 'GET', route: '/seen', status: 200, durationMs: Number, requestId: /^req_/ })
  t.notMatch(logs.text(), /token=abc/)
})
