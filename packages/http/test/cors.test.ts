import t from 'tap'
import { originOf } from '../src/cors.ts'
import { openServer } from './open-server.ts'

const listed = 'https://app.example.com'

void t.test('the matrix of origins: listed ones get credentials, all others get no CORS headers and no fault', async (t) => {
  const { app } = await openServer(t, { corsOrigins: [`${listed}/`, 'http://localhost:3000'] })
  app.post('/', async () => ({ ok: true }))
  const call = (method: 'POST' | 'OPTIONS', origin?: string) => app.inject({
    method, url: '/', headers: { ...origin && { origin }, ...method === 'OPTIONS' && { 'access-control-request-method': 'POST' } }
  })

  for (const origin of [listed, 'http://localhost:3000']) {
    const answer = await call('POST', origin)
    t.equal(answer.statusCode, 200)
    t.match(answer.headers, { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: /Origin/, 'access-control-expose-headers': /x-request-id/ })
    const preflight = await call('OPTIONS', origin)
    t.equal(preflight.statusCode, 204)
    t.match(preflight.headers, { 'access-control-allow-origin': origin, 'access-control-allow-methods': /POST/, 'access-control-allow-headers': /idempotency-key/, 'access-control-max-age': '600' })
  }
  for (const origin of [undefined, 'null', 'https://evil.example.com', 'https://app.example.com.evil.com', 'http://app.example.com', 'https://app.example.com:8443', 'nonsense']) {
    const answer = await call('POST', origin)
    t.equal(answer.statusCode, 200, `${origin} is served; its browser keeps the answer from it`)
    t.notOk(Object.keys(answer.headers).some((name) => name.startsWith('access-control')), String(origin))
    const preflight = await call('OPTIONS', origin)
    t.ok(preflight.statusCode < 500)
    t.notOk(Object.keys(preflight.headers).some((name) => name.startsWith('access-control')), String(origin))
  }
})

void t.test('refusals carry the CORS headers too, so that the page can read them', async (t) => {
  const { app } = await openServer(t, { corsOrigins: [listed] })

  t.match((await app.inject({ url: '/nowhere', headers: { origin: listed } })).headers, { 'access-control-allow-origin': listed })
})

void t.test('what is no origin does not get onto the list', async (t) => {
  for (const entry of ['*', 'null', '', 'app.example.com', 'https://app.example.com/path', 'https://user@app.example.com', 'file:///']) {
    t.throws(() => originOf(entry), /is not an origin/, entry)
  }
  t.equal(originOf('HTTPS://App.Example.com:443/'), listed)
  await t.rejects(openServer(t, { corsOrigins: ['*'] }), /is not an origin/)
})
