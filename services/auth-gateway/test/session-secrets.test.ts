/** Sessions of callers that send a secret or cookies, and what a page of another origin can do with them. */
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { alteredFormsOf, countAccepted, fitsHeader } from './altered-forms.ts'
import { buildHouse, proofOf, signIn, tokensIn } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'
import { assertRefusedSoon } from './refused-soon.ts'

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const house = await buildHouse(t)
const listed = 'https://app.example.com'
const own = 'http://gateway.test:8000'
const gateway = await house.open({ CORS_ORIGINS: listed })
const other = await house.open()
const { user: userOf, openWithSecret, revocations } = await openUseCases(house)
const sessions = house.mongo.db.collection<{ _id: string }>('sessions')
const client = { ip: '192.0.2.1', userAgent: 'curl/8', requestId: 'req_test' }

async function openSecret (durationHours?: number) {
  const { userId } = await signIn(gateway, newAccount())
  const user = await userOf(userId)
  const [identity] = user.identities
  if (identity === undefined) throw new Error('no identity')
  return { userId, ...await openWithSecret({ user, identity }, client, { durationHours }) }
}
const withSecret = (secret: string, at = gateway) => at.send('GET', '/api/v1/me', { headers: { 'x-session-id': secret } })
const withCookie = (cookie: string, headers: Record<string, string> = {}, [method, path, body]: [string, string, unknown?] = ['GET', '/api/v1/me']) =>
  gateway.send(method, path, { headers: { cookie, ...headers }, ...body !== undefined && { body } })

t.test('a secret opens its session in header or cookie, and only its hash is kept', async (t) => {
  const { secret, session, userId, ttlSeconds } = await openSecret()

  t.match(secret, /^sess_[A-Za-z0-9_-]{43}$/)
  t.equal(ttlSeconds, 24 * 3600)
  t.match((await withSecret(secret)).json, { id: userId })
  t.match((await withCookie(`sessionId=${secret}`)).json, { id: userId })
  t.notMatch(JSON.stringify(await sessions.findOne({ _id: session.id })), secret.slice(5))
  t.notMatch(house.logs.text(), secret.slice(5))
  t.equal((await gateway.send('GET', `/api/v1/me?sessionId=${secret}`)).status, 401, 'never from the query')
  t.equal((await gateway.send('GET', '/api/v1/me', { headers: { authorization: 'Bearer x', 'x-session-id': secret } })).status, 401, 'the first credential counts')
  t.equal((await gateway.send('GET', '/api/v1/me', { headers: { 'x-session-id': 'x', cookie: `sessionId=${secret}` } })).status, 401)
})

t.test('every cut and every flipped bit of a secret is refused', async (t) => {
  const { secret } = await openSecret()

  t.equal(await countAccepted(alteredFormsOf(secret).filter(fitsHeader), async (form) => (await withSecret(form)).status !== 401), 0)
  t.equal((await withSecret(secret)).status, 200)
})

t.test('its life is what was asked for, within the limits', async (t) => {
  const { session, ttlSeconds } = await openSecret(2)
  t.equal(ttlSeconds, 7200)
  t.equal(session.expiresAt.getTime() - session.createdAt.getTime(), 7_200_000)
  for (const hours of [0, 0.5, 8761, NaN, Infinity]) {
    await t.rejects(openSecret(hours), { name: 'Problem', kind: { status: 422 } } as never, String(hours))
  }
})

t.test('a session that ends within half an hour says so with each answer', async (t) => {
  const { secret } = await openSecret(1)
  t.equal((await withSecret(secret)).headers.get('x-session-expires-soon'), null)

  const later = await house.open({ CLOCK_OFFSET_MS: String(45 * 60_000) })
  const { headers } = await withSecret(secret, later)
  t.equal(headers.get('x-session-expires-soon'), 'true')
  const left = Number(headers.get('x-session-expires-in'))
  t.ok(left > 60 && left <= 15 * 60, String(left))
})

t.test('a revoked secret is refused here at once and elsewhere within a second', async (t) => {
  const { secret, userId } = await openSecret()
  const second = await openSecret()
  t.equal((await withSecret(secret, other)).status, 200)
  t.equal((await withSecret(second.secret, other)).status, 200)

  await revocations.revoke({ userId, reason: 'test', requestId: 'req_test' })
  await gateway.send('POST', '/api/v1/auth/logout', { headers: { 'x-session-id': second.secret } })

  t.equal((await withSecret(second.secret)).status, 401, 'here at once')
  await assertRefusedSoon(t, house, other, {
    'a secret in the header': async () => (await withSecret(secret, other)).status === 200,
    'one that was logged out': async () => (await withSecret(second.secret, other)).status === 200,
    'in a cookie': async () => (await other.send('GET', '/api/v1/me', { headers: { cookie: `sessionId=${secret}` } })).status === 200,
    'on the path of the earlier API': async () => (await other.send('GET', '/api/wallet/wallets/all', { headers: { 'x-session-id': secret } })).status === 200
  })
})

t.test('with a cookie only listed pages change anything', async (t) => {
  const { secret } = await openSecret()
  const change = (headers: Record<string, string>) => withCookie(`sessionId=${secret}`, headers, ['POST', '/api/v1/sessions/revoke', { scope: 'others' }])

  const refused: Record<string, string>[] = [
    {}, { origin: 'https://evil.example' }, { origin: 'null' }, { origin: `${listed}.evil.example` }, { origin: 'http://app.example.com' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example', 'sec-fetch-site': 'same-site' }
  ]
  for (const headers of refused) {
    const answer = await change(headers)
    t.equal(answer.status, 403, JSON.stringify(headers))
    t.match(answer.json, { type: '/problems/origin-refused' })
  }
  const accepted: Record<string, string>[] = [{ origin: listed }, { origin: own }, { 'sec-fetch-site': 'same-origin' }, { origin: listed, 'sec-fetch-site': 'cross-site' }]
  for (const headers of accepted) {
    t.equal((await change(headers)).status, 200, JSON.stringify(headers))
  }
  t.equal((await withCookie(`sessionId=${secret}`, { origin: 'https://evil.example' })).status, 200, 'reading is the browser\'s to refuse')
  t.equal((await gateway.send('POST', '/api/v1/sessions/revoke', { headers: { 'x-session-id': secret, origin: 'https://evil.example' }, body: { scope: 'others' } })).status, 200, 'a header is no cookie')
  const out = await withCookie(`sessionId=${secret}`, { origin: listed }, ['POST', '/api/v1/auth/logout'])
  t.equal(out.status, 204)
  t.match(out.headers.get('set-cookie'), /^sessionId=; .*Expires=Thu, 01 Jan 1970/)
})

t.test('a browser keeps its refresh token in a cookie that scripts and other origins cannot use', async (t) => {
  const account = newAccount()
  const verify = async (headers: Record<string, string>) => await gateway.send('POST', '/api/v1/auth/evm/verify', { body: await proofOf(gateway, account), headers })

  t.equal((await verify({ 'x-token-delivery': 'cookie', origin: 'https://evil.example' })).status, 403)
  t.equal((await verify({ 'x-token-delivery': 'pigeon' })).status, 422)
  const signedIn = await verify({ 'x-token-delivery': 'cookie', origin: listed })
  t.equal(signedIn.status, 200)
  t.equal(signedIn.json['refresh_token'], undefined)
  const set = String(signedIn.headers.get('set-cookie'))
  for (const part of [/^__Host-csr=csr1\./, /; Path=\//, /; HttpOnly/, /; Secure/, /; SameSite=Strict/, /; Expires=/]) t.match(set, part)
  t.notMatch(set, /Domain/)
  const cookie = set.split(';')[0] ?? ''

  const refresh = (headers: Record<string, string>, body: unknown = {}) => withCookie(cookie, headers, ['POST', '/api/v1/auth/refresh', body])
  t.equal((await refresh({})).status, 403)
  t.equal((await refresh({ origin: 'https://evil.example' })).status, 403)
  const refreshed = await refresh({ origin: listed })
  t.equal(refreshed.status, 200)
  t.equal(refreshed.json['refresh_token'], undefined)
  t.match(refreshed.headers.get('set-cookie'), /^__Host-csr=csr1\.ses_[^.]+\.1\./)
  t.equal((await gateway.send('GET', '/api/v1/me', { token: tokensIn(refreshed.json).access })).status, 200)

  t.equal((await gateway.send('POST', '/api/v1/auth/refresh', { body: {}, headers: { origin: listed } })).status, 401, 'neither cookie nor body')
  const given = await refresh({ origin: 'https://evil.example' }, { refresh_token: tokensIn((await verify({})).json).refresh })
  t.equal(given.status, 200, 'a token in the body is no cookie')
  t.match(given.json, { refresh_token: /^csr1\./ })
  t.equal(given.headers.get('set-cookie'), null)

  const out = await gateway.send('POST', '/api/v1/auth/logout', { token: tokensIn(refreshed.json).access, headers: { cookie } })
  t.match(out.headers.get('set-cookie'), /^__Host-csr=; .*Secure/)
  t.equal((await refresh({ origin: listed })).status, 401)
})
