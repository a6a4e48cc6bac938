/** Whether a token still counts, asked by a program, and tokens that are given back. */
import { until } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { buildHouse, signIn, tokensIn, type Answer, type TestGateway, type Tokens } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'
import { assertRefusedSoon } from './refused-soon.ts'

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const house = await buildHouse(t)
const gateway = await house.open()
const other = await house.open()
const { user: userOf, openWithSecret, revocations } = await openUseCases(house)
const sessionOf = ({ refresh }: Tokens): string => refresh.split('.')[1] ?? ''

const operator = await signIn(gateway, newAccount())
await house.mongo.db.collection<{ _id: string }>('users').updateOne({ _id: operator.userId }, { $set: { roles: ['user', 'operator'] }, $inc: { version: 1 } })
await house.redis.flush()

const introspect = (token: string, at: TestGateway = gateway): Promise<Answer> =>
  at.send('POST', '/api/v1/auth/introspect', { token: operator.access, body: { token } })
const form = (path: string, raw: string, token?: string): Promise<Answer> =>
  gateway.send('POST', path, { raw, headers: { 'content-type': 'application/x-www-form-urlencoded' }, ...token !== undefined && { token } })
const inactive = { active: false }

async function openSecret () {
  const { userId } = await signIn(gateway, newAccount())
  const user = await userOf(userId)
  const [identity] = user.identities
  if (identity === undefined) throw new Error('no identity')
  return { userId, ...await openWithSecret({ user, identity }, { ip: '192.0.2.1', userAgent: 'curl/8', requestId: 'req_test' }) }
}

t.before(async () => { await until(async () => (await introspect('x')).status === 200, { what: 'the role to be seen' }) })

t.test('a token of each kind is told with its user, session and life', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const { secret, session, userId } = await openSecret()
  const common = { active: true, iss: 'http://gateway.test:8000', aud: 'http://gateway.test:8000', iat: Number, exp: Number }

  const access = (await introspect(tokens.access)).json
  t.match(access, { ...common, token_type: 'bearer', sub: tokens.userId, sid: sessionOf(tokens) })
  t.ok(Number(access['exp']) - Number(access['iat']) <= 900)
  t.match((await introspect(tokens.refresh)).json, { ...common, token_type: 'refresh_token', sub: tokens.userId, sid: sessionOf(tokens) })
  t.match((await introspect(secret)).json, { ...common, token_type: 'session_secret', sub: userId, sid: session.id })
})

t.test('whatever is no good is told as exactly inactive', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const second = tokensIn((await gateway.send('POST', '/api/v1/auth/refresh', { body: { refresh_token: tokens.refresh } })).json)

  for (const token of ['x', tokens.access.slice(0, -1), `${tokens.access}A`, tokens.refresh, `${second.refresh.slice(0, -1)}`, `sess_${'A'.repeat(43)}`, 'eyJhbGciOiJub25lIn0.e30.']) {
    const { status, json } = await introspect(token)
    t.equal(status, 200)
    t.strictSame(json, inactive)
  }
  t.match((await introspect(second.refresh)).json, { active: true })
})

t.test('a session that was ended is told here at once and by another process within a second', async (t) => {
  const one = await signIn(gateway, newAccount())
  const all = await signIn(gateway, newAccount())
  const { secret, userId } = await openSecret()
  const tokens = { 'an access token': one.access, 'a refresh token': one.refresh, 'a token of all': all.access, 'a refresh token of all': all.refresh, 'a session secret': secret }
  const isActive = async (token: string, at: TestGateway): Promise<boolean> => (await introspect(token, at)).json['active'] === true
  for (const [name, token] of Object.entries(tokens)) t.ok(await isActive(token, other), name)

  await revocations.revoke({ userId, reason: 'test', requestId: 'req_test' })
  await gateway.send('POST', '/api/v1/auth/logout', { token: one.access })
  await gateway.send('POST', '/api/v1/sessions/revoke', { token: all.access, body: { scope: 'all' } })

  const given = [one.access, one.refresh, all.access, all.refresh]
  t.strictSame(await Promise.all(given.map((token) => isActive(token, gateway))), given.map(() => false))
  await assertRefusedSoon(t, house, other, Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name, () => isActive(token, other)])))
})

t.test('only operators and keys with the scope may ask; a form is taken like JSON, each field once', async (t) => {
  const { access, refresh } = await signIn(gateway, newAccount())
  t.equal((await gateway.send('POST', '/api/v1/auth/introspect', { body: { token: access } })).status, 401)
  t.equal((await gateway.send('POST', '/api/v1/auth/introspect', { token: access, body: { token: access } })).status, 403)
  const made = await gateway.send('POST', '/api/v1/api-keys', { token: operator.access, body: { name: 'resource server', scopes: ['tokens:introspect'] } })
  t.match((await gateway.send('POST', '/api/v1/auth/introspect', { token: String(made.json['key']), body: { token: access } })).json, { active: true })

  t.match((await form('/api/v1/auth/introspect', `token=${encodeURIComponent(refresh)}&token_type_hint=refresh_token&client_id=app`, operator.access)).json, { active: true, token_type: 'refresh_token' })
  t.equal((await form('/api/v1/auth/introspect', `token=${refresh}&token=${access}`, operator.access)).status, 400)
  t.equal((await form('/api/v1/auth/introspect', 'token_type_hint=x', operator.access)).status, 422)
  t.equal((await form('/api/v1/auth/refresh', `refresh_token=${refresh}`)).status, 415, 'forms are taken nowhere else')
})

t.test('a token that is given back ends its session, and any other text is answered alike', async (t) => {
  const path = '/api/v1/auth/revoke'
  const byAccess = await signIn(gateway, newAccount())
  const byRefresh = await signIn(gateway, newAccount())
  await gateway.send('POST', '/api/v1/auth/refresh', { body: { refresh_token: byRefresh.refresh } })
  const { secret } = await openSecret()

  t.equal((await gateway.send('POST', path, { body: { token: byAccess.access, token_type_hint: 'access_token' } })).status, 200)
  t.equal((await form(path, `token=${byRefresh.refresh}`)).status, 200)
  t.equal((await gateway.send('POST', path, { body: { token: secret } })).status, 200)
  for (const token of ['x', byAccess.access, `${byRefresh.refresh}0`]) {
    const { status, text } = await gateway.send('POST', path, { body: { token } })
    t.equal(status, 200)
    t.equal(text, '')
  }

  for (const token of [byAccess.access, byAccess.refresh, byRefresh.access, secret]) t.strictSame((await introspect(token)).json, inactive)
})
