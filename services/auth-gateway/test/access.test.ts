/** Every route of the contract, called as every kind of caller; API keys; roles; the audit. */
import {
  beginFactorWipe, beginPasskey, beginPasskeySignIn, beginPasskeyStepUp, beginSms, beginTotp, cancelSignature, cancelTransaction, challengeSignature, challengeTransaction, confirmFactorWipe, countMoves, disableWallet, explainPolicy, getSignature, getTransaction, getWallet, listFactors, listSignatures, listTransactions, listWallets, makeRecoveryCodes, permitOfAda, Problem, problems, readApprovals, readPolicies, readWalletAudit, removeFactor, routes, scopes, speedUpTransaction, TransactionView, type Route, type Scope, type SignatureView, type TransactionState
} from '@countersign/contracts'
import { handle } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { Identity } from '../src/users/identity.ts'
import { alteredFormsOf, countAccepted, fitsHeader } from './altered-forms.ts'
import { buildHouse, proofOf, signIn, type Answer, type Given, type TestGateway, type Tokens } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'

const house = await buildHouse(t)
const gateway = await house.open()
const other = await house.open()
const { user: userOf, openWithSecret } = await openUseCases(house)
const enrolled = new Set<string>()
const factor = { id: 'fct_01HZZZZZZZZZZZZZZZZZZZZZZZ', kind: 'email_code' as const, label: 'a***@e***.com', shown: true, sends: true, proved_at: '2030-01-01T00:00:00Z' }
const notThere = (): never => { throw new Problem(problems.notFound) }
/** What signer-service has, and how it was asked how far that is. */
const shown = new Map<string, TransactionView>()
const signatures = new Map<string, SignatureView>()
const looks: string[][] = []
const countShown = (ids: string[]): Promise<{ moves: { id: string, moves: number }[] }> => {
  looks.push(ids)
  return Promise.resolve({ moves: ids.map((id) => ({ id, moves: (shown.get(id) ?? signatures.get(id))?.history.length ?? 0 })) })
}
await house.answerFor('otp-service', [
  handle(beginFactorWipe, () => Promise.resolve({ challenge: null })),
  handle(confirmFactorWipe, () => Promise.resolve({ receipt: null })),
  handle(beginTotp, notThere), handle(beginSms, notThere), handle(makeRecoveryCodes, notThere), handle(removeFactor, notThere),
  handle(beginPasskey, notThere), handle(beginPasskeyStepUp, notThere), handle(beginPasskeySignIn, notThere),
  handle(listFactors, ({ user_id: id }) => Promise.resolve({ factors: enrolled.has(id) ? [factor] : [] }))
])
await house.answerFor('signer-service', [
  handle(readApprovals, notThere), handle(readPolicies, notThere), handle(explainPolicy, notThere),
  handle(getTransaction, ({ id }) => Promise.resolve(shown.get(id) ?? notThere())), handle(countMoves, ({ ids }) => countShown(ids)), handle(challengeTransaction, notThere), handle(cancelTransaction, notThere), handle(speedUpTransaction, notThere),
  handle(getSignature, ({ id }) => Promise.resolve(signatures.get(id) ?? notThere())), handle(challengeSignature, notThere), handle(cancelSignature, notThere), handle(listSignatures, () => Promise.resolve({ data: [], next_cursor: null })),
  handle(listTransactions, () => Promise.resolve({ data: [], next_cursor: null })),
  handle(getWallet, notThere), handle(disableWallet, notThere),
  handle(listWallets, () => Promise.resolve({ data: [], next_cursor: null })),
  handle(readWalletAudit, () => Promise.resolve({ data: [], checkpoint: null, next_cursor: null }))
])

const newUser = (): Promise<Tokens> => signIn(gateway, privateKeyToAccount(generatePrivateKey()))
const sessions = house.mongo.db.collection<{ _id: string }>('sessions')
const users = house.mongo.db.collection<{ _id: string }>('users')
const keys = house.mongo.db.collection<{ _id: string }>('api_keys')
const sessionOf = ({ refresh }: Tokens): string => refresh.split('.')[1] ?? ''

async function withRole (role: 'operator' | 'admin'): Promise<Tokens> {
  const tokens = await newUser()
  await users.updateOne({ _id: tokens.userId }, { $set: { roles: ['user', role] }, $inc: { version: 1 } })
  return tokens
}
async function withFactor (): Promise<Tokens> {
  const tokens = await newUser()
  enrolled.add(tokens.userId)
  await users.updateOne({ _id: tokens.userId }, { $set: { hasFactor: true } })
  return tokens
}
async function stale (): Promise<Tokens> {
  const tokens = await newUser()
  await sessions.updateOne({ _id: sessionOf(tokens) }, [{ $set: { createdAt: { $subtract: ['$$NOW', 700_000] } } }])
  return tokens
}
async function openSecret (): Promise<string> {
  const user = await userOf((await newUser()).userId)
  return (await openWithSecret({ user, identity: user.identities[0] as Identity }, { ip: '192.0.2.1', userAgent: 'curl/8', requestId: 'req_test' })).secret
}
const makeKey = (tokens: Tokens, body: object = {}): Promise<Answer> =>
  gateway.send('POST', '/api/v1/api-keys', { token: tokens.access, body: { name: 'test', scopes: ['profile:read'], ...body } })
const keyOf = async (tokens: Tokens, body?: object): Promise<{ id: string, key: string }> => {
  const { status, json, text } = await makeKey(tokens, body)
  if (status !== 201) throw new Error(text)
  return { id: String(json['id']), key: String(json['key']) }
}

/** A path whose parameters have the right form and name nothing. */
const pathOf = ({ path, params }: Route): string => path.replace(/:(\w+)/g, (_whole, name: string) => {
  const prefix = /^\^([a-z]+)_/.exec(String((params?.properties[name] as { pattern?: string } | undefined)?.pattern ?? ''))?.[1]
  return prefix === undefined ? 'none' : `${prefix}_${'0'.repeat(26)}`
})
/** Absent: none. */
type Credential = Pick<Given, 'token' | 'headers'> | undefined
const call = (route: Route, credential?: Credential, body: unknown = { none: 'of the fields' }): Promise<Answer> =>
  gateway.send(route.method, pathOf(route), { ...credential, ...route.body !== undefined && { body } })

/** What the door says, or `in` when the request got past it: what any other refusal of a caller says is no entry either. */
const atTheDoor = ({ status, json }: Answer): string => [401, 403, 429].includes(status) || status >= 500 ? String(json['type'] ?? status).replace('/problems/', '') : 'in'

type Caller = 'nobody' | 'somebody who has proved nothing yet' | 'a forged token' | 'a user' | 'a user by secret' | 'a user by cookie' | 'a user\'s cookie from a strange page' | 'a user whose proof is old' | 'a user with a factor' | 'an operator' | 'an admin' | 'a closed session' | 'a closed session\'s secret' | 'a key with every scope of a user' | 'the same in its own header' | 'a key with no scope for it' | 'an operator\'s key' | 'a revoked key' | 'an expired key'

/** Who might be kept out of a route that is open to anyone. */
const strangers: readonly Caller[] = ['nobody', 'a forged token', 'a user\'s cookie from a strange page', 'a closed session', 'a revoked key']
const userScopes: Scope[] = ['profile:read', 'identities:read', 'sessions:read', 'transactions:read', 'transactions:write']

function expected ({ method, caller, role, fresh, stepUp, scope }: Route, who: Caller): string {
  if (caller === 'anyone') return 'in'
  const byKey = (held: readonly Scope[]): string => scope !== undefined && held.includes(scope) ? 'in' : 'insufficient-scope'
  switch (who) {
    case 'nobody': case 'somebody who has proved nothing yet': case 'a forged token': case 'a closed session': case 'a closed session\'s secret': case 'a revoked key': case 'an expired key': return 'unauthorized'
    case 'a user\'s cookie from a strange page': return method !== 'GET' ? 'origin-refused' : role === undefined ? 'in' : 'role-required'
    case 'a user': case 'a user by secret': case 'a user by cookie': return role === undefined ? 'in' : 'role-required'
    case 'a user whose proof is old': return role !== undefined ? 'role-required' : fresh !== undefined ? 'fresh-proof-required' : 'in'
    case 'a user with a factor': return role !== undefined ? 'role-required' : stepUp !== undefined ? 'step-up-required' : 'in'
    case 'an operator': return role === 'admin' ? 'role-required' : 'in'
    case 'an admin': return 'in'
    case 'a key with every scope of a user': case 'the same in its own header': return byKey(userScopes)
    case 'a key with no scope for it': return byKey(scope === 'profile:read' ? ['identities:read'] : ['profile:read'])
    case 'an operator\'s key': return byKey(scopes)
  }
}

t.test('a session whose proof is old begins no first factor, by whichever route: that would open every other door', async (t) => {
  const begins = routes.filter(({ method, path }) => method === 'POST' && /^\/api\/v1\/me\/(email|factors\/.+)$/.test(path) && !path.endsWith('/confirm'))
  t.ok(begins.length >= 3, begins.map(({ path }) => path).join())
  const { access } = await stale()
  for (const route of begins) t.equal(atTheDoor(await call(route, { token: access })), 'fresh-proof-required', route.path)
})

t.test('every route answers every kind of caller as the table says', async (t) => {
  const [keyUser, operator] = [await newUser(), await withRole('operator')]
  const wide = await keyOf(keyUser, { scopes: userScopes })
  const profile = await keyOf(keyUser)
  const identities = await keyOf(keyUser, { scopes: ['identities:read'] })
  const operators = await keyOf(operator, { scopes })
  const revoked = await keyOf(keyUser)
  await gateway.send('DELETE', `/api/v1/api-keys/${revoked.id}`, { token: keyUser.access })
  const expired = await keyOf(keyUser, { expires_in_days: 1 })
  await keys.updateOne({ _id: expired.id }, [{ $set: { expiresAt: { $subtract: ['$$NOW', 1] } } }])
  const closed = await newUser()
  await gateway.send('POST', '/api/v1/auth/logout', { token: closed.access })

  const lasting = { user: await newUser(), stale: await stale(), factor: await withFactor(), operator: await withRole('operator'), admin: await withRole('admin') }
  /** A route that needs no body does its work, and may close the session that calls it: there each call has its own. */
  const forOnce = ({ method, body }: Route): boolean => method !== 'GET' && body === undefined
  const lastingSecret = await openSecret()
  const secretFor = async (route: Route): Promise<string> => forOnce(route) ? await openSecret() : lastingSecret
  const closedSecret = await openSecret()
  t.equal((await gateway.send('POST', '/api/v1/auth/logout', { headers: { 'x-session-id': closedSecret } })).status, 204)
  const { json: challenge } = await gateway.send('POST', '/api/v1/auth/evm/challenge', { body: { address: privateKeyToAccount(generatePrivateKey()).address } })
  const bearer = async (tokens: Tokens | Promise<Tokens>): Promise<Credential> => ({ token: (await tokens).access })
  const credentialFor: Record<Caller, (route: Route) => Promise<Credential>> = {
    nobody: () => Promise.resolve(undefined),
    'somebody who has proved nothing yet': () => Promise.resolve({ token: String(challenge['challenge_id']), headers: { 'x-session-id': String(challenge['nonce']) } }),
    'a forged token': () => Promise.resolve({ token: `${keyUser.access.slice(0, -6)}AAAAAA` }),
    'a user': (route) => bearer(forOnce(route) ? newUser() : lasting.user),
    'a user by secret': async (route) => ({ headers: { 'x-session-id': await secretFor(route) } }),
    'a user by cookie': async (route) => ({ headers: { cookie: `sessionId=${await secretFor(route)}`, origin: 'http://gateway.test:8000' } }),
    'a user\'s cookie from a strange page': async (route) => ({ headers: { cookie: `sessionId=${await secretFor(route)}`, origin: 'https://evil.example' } }),
    'a user whose proof is old': (route) => bearer(forOnce(route) ? stale() : lasting.stale),
    'a user with a factor': (route) => bearer(forOnce(route) ? withFactor() : lasting.factor),
    'an operator': (route) => bearer(forOnce(route) ? withRole('operator') : lasting.operator),
    'an admin': (route) => bearer(forOnce(route) ? withRole('admin') : lasting.admin),
    'a closed session': () => bearer(closed),
    'a closed session\'s secret': () => Promise.resolve({ headers: { 'x-session-id': closedSecret } }),
    'a key with every scope of a user': () => Promise.resolve({ token: wide.key }),
    'the same in its own header': () => Promise.resolve({ headers: { 'x-api-key': wide.key } }),
    'a key with no scope for it': ({ scope }) => Promise.resolve({ token: scope === 'profile:read' ? identities.key : profile.key }),
    'an operator\'s key': () => Promise.resolve({ token: operators.key }),
    'a revoked key': () => Promise.resolve({ token: revoked.key }),
    'an expired key': () => Promise.resolve({ token: expired.key })
  }
  for (const route of routes) {
    const callers = (Object.keys(credentialFor) as Caller[]).filter((who) => route.caller !== 'anyone' || strangers.includes(who))
    // A second proof is asked for once it is known of what.
    const example = (route.body as { examples?: unknown[] } | undefined)?.examples?.[0]
    const seen = await Promise.all(callers.map(async (who) =>
      [who, atTheDoor(await call(route, await credentialFor[who](route), who === 'a user with a factor' && route.stepUp !== undefined ? example : undefined))]))
    t.strictSame(seen, callers.map((who) => [who, expected(route, who)]), `${route.method} ${route.path}`)
  }
})

t.test('a proof that is too old is told as RFC 9470 says, and a missing scope as RFC 6750 does', async (t) => {
  const old = await gateway.send('POST', '/api/v1/api-keys', { token: (await stale()).access, body: { name: 'x', scopes: ['profile:read'] } })
  t.equal(old.status, 401)
  t.match(old.headers.get('www-authenticate') ?? '', /error="insufficient_user_authentication", max_age="600"/)

  const { key } = await keyOf(await newUser(), { scopes: ['identities:read'] })
  const narrow = await gateway.send('GET', '/api/v1/me', { token: key })
  t.equal(narrow.status, 403)
  t.match(narrow.headers.get('www-authenticate') ?? '', /error="insufficient_scope"/)
})

t.test('a refreshed token does not make an old proof fresh', async (t) => {
  const tokens = await stale()
  const renewed = await gateway.send('POST', '/api/v1/auth/refresh', { body: { refresh_token: tokens.refresh } })

  t.equal(renewed.status, 200)
  t.equal((await gateway.send('POST', '/api/v1/api-keys', { token: String(renewed.json['access_token']), body: { name: 'x', scopes: ['profile:read'] } })).status, 401)
})

t.test('a key is shown once, kept as a hash, and told apart by its end', async (t) => {
  const tokens = await newUser()
  const made = await makeKey(tokens, { name: 'nightly', scopes: userScopes })

  const key = String(made.json['key'])
  t.match(key, /^sk_test_[0-9a-f]{64}$/)
  t.equal(made.headers.get('cache-control'), 'no-store')
  t.match((await gateway.send('GET', '/api/v1/me', { token: key })).json, { id: tokens.userId })
  t.match((await gateway.send('GET', '/api/v1/me', { headers: { 'x-api-key': key } })).json, { id: tokens.userId })
  t.strictSame((await gateway.send('GET', '/api/v1/transactions', { token: key })).json['data'], [])
  const list = await gateway.send('GET', '/api/v1/api-keys', { token: tokens.access })
  t.match(list.json, { data: [{ name: 'nightly', shown: `sk_test_…${key.slice(-4)}`, revoked_at: null }] })
  t.notMatch(list.text, key.slice(8))
  t.notMatch(JSON.stringify(await keys.find().toArray()), key.slice(8))
  t.notMatch(house.logs.text(), key.slice(8))
  const forms = [key.replace('test', 'live'), ...alteredFormsOf(key).filter(fitsHeader)]
  t.equal(await countAccepted(forms, async (form) => (await gateway.send('GET', '/api/v1/me', { headers: { 'x-api-key': form } })).status !== 401), 0, 'no cut of it, and none with a bit turned over')
})

t.test('a key that another process has just taken is refused there within a second, whatever ended it', async (t) => {
  const read = (key: string): Promise<boolean> => other.send('GET', '/api/v1/me', { token: key }).then(({ status }) => status === 200)
  const endings: Record<string, (tokens: Tokens, id: string) => Promise<Answer>> = {
    'deleted': ({ access }, id) => gateway.send('DELETE', `/api/v1/api-keys/${id}`, { token: access }),
    'rotated without overlap': ({ access }, id) => gateway.send('POST', `/api/v1/api-keys/${id}/rotate`, { token: access, body: { overlap_hours: 0 } })
  }
  for (const [name, end] of Object.entries(endings)) {
    const tokens = await newUser()
    const { id, key } = await keyOf(tokens)
    t.ok(await read(key), name)
    t.ok((await end(tokens, id)).status < 300, name)
    const answeredAt = performance.now()
    let lastMs = 0
    await until(async () => {
      const beganMs = performance.now() - answeredAt
      if (!await read(key)) return true
      lastMs = beganMs
      return false
    }, { what: 'the other process to refuse the key' })
    // What the other process knows of a key it read itself, a second before at most: no machine is too slow for that.
    t.ok(lastMs <= 1_000, `${name}: the last use that was let in began ${Math.round(lastMs)} ms after the answer`)
    t.notOk(await read(key))
  }
})

t.test('a production gateway makes live keys and takes no test key; any other makes test keys and takes both', async (t) => {
  const production = await house.open({}, { strict: true })
  const tokens = await newUser()
  const make = async (at: TestGateway, mode?: string): Promise<string> =>
    String((await at.send('POST', '/api/v1/api-keys', { token: tokens.access, body: { name: 'test', scopes: ['profile:read'], ...mode !== undefined && { mode } } })).json['key'])
  const taken = async (key: string): Promise<number[]> => await Promise.all([gateway, production].map(async (at) => (await at.send('GET', '/api/v1/me', { token: key })).status))

  const [usual, live, usualThere, testThere] = [await make(gateway), await make(gateway, 'live'), await make(production), await make(production, 'test')]

  t.match(usual, /^sk_test_/)
  t.match(live, /^sk_live_[0-9a-f]{64}$/)
  t.match(usualThere, /^sk_live_[0-9a-f]{64}$/)
  t.match(testThere, /^sk_test_/)
  t.strictSame(await Promise.all([usual, live, usualThere, testThere].map(taken)), [[200, 401], [200, 200], [200, 200], [200, 401]])
})

t.test('the last use of a key is told, by the clock of the database, and a refused one is no use', async (t) => {
  const tokens = await newUser()
  const { key } = await keyOf(tokens)
  const lastUse = async (): Promise<unknown> => ((await gateway.send('GET', '/api/v1/api-keys', { token: tokens.access })).json['data'] as { last_used_at: unknown }[])[0]?.last_used_at
  t.equal(await lastUse(), null)
  const { localTime: before } = await house.mongo.db.command({ hello: 1 }) as { localTime: Date }

  t.equal((await other.send('GET', '/api/v1/me', { token: `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}` })).status, 401)
  t.equal(await lastUse(), null)
  t.equal((await other.send('GET', '/api/v1/me', { token: key })).status, 200)
  const at = await until(lastUse, { what: 'the use to be noted' })
  t.ok(Date.parse(String(at)) >= before.getTime(), String(at))
})

t.test('a scope is no wider than its maker, also when the maker is made smaller', async (t) => {
  t.match((await makeKey(await newUser(), { scopes: ['audit:read'] })).json, { status: 403, type: '/problems/role-required' })

  const operator = await withRole('operator')
  const { key } = await keyOf(operator, { scopes: ['audit:read'] })
  t.equal((await gateway.send('GET', '/api/v1/audit/identity', { token: key })).status, 200)
  await users.updateOne({ _id: operator.userId }, { $set: { roles: ['user'] }, $inc: { version: 1 } })
  t.match((await other.send('GET', '/api/v1/audit/identity', { token: key })).json, { status: 403 })
})

t.test('a key is used from its networks alone, no oftener than it may, and in no other mode', async (t) => {
  const tokens = await newUser()
  const here = await keyOf(tokens, { networks: ['127.0.0.0/8', '2001:db8::/32'] })
  const elsewhere = await keyOf(tokens, { networks: ['192.0.2.0/24'] })
  t.equal((await gateway.send('GET', '/api/v1/me', { token: here.key })).status, 200)
  t.equal((await gateway.send('GET', '/api/v1/me', { token: elsewhere.key })).status, 401)
  t.match((await makeKey(tokens, { networks: ['10.0.0.0/33'] })).json, { status: 422, faults: [{ path: 'body/networks/0' }] })

  const slow = await keyOf(tokens, { max_per_minute: 5 })
  const answers = await Promise.all(Array.from({ length: 40 }, () => gateway.send('GET', '/api/v1/me', { token: slow.key })))
  t.equal(answers.filter(({ status }) => status === 200).length, 5)
  t.equal(answers.filter(({ status }) => status === 429).length, 35)
})

t.test('a rotated key and its successor overlap, and a key is rotated once however often it is asked at once', async (t) => {
  const tokens = await newUser()
  const { id, key } = await keyOf(tokens)
  const rotate = (overlap: number, from = id): Promise<Answer> => gateway.send('POST', `/api/v1/api-keys/${from}/rotate`, { token: tokens.access, body: { overlap_hours: overlap } })

  const answers = await Promise.all(Array.from({ length: 10 }, () => rotate(1)))

  const made = answers.filter(({ status }) => status === 201)
  t.equal(made.length, 1)
  t.equal(answers.filter(({ status }) => status === 409).length, 9)
  const successor = String(made[0]?.json['key'])
  t.equal((await gateway.send('GET', '/api/v1/me', { token: key })).status, 200)
  t.equal((await gateway.send('GET', '/api/v1/me', { token: successor })).status, 200)
  t.equal((await rotate(0, String(made[0]?.json['id']))).status, 201)
  t.equal((await other.send('GET', '/api/v1/me', { token: successor })).status, 401, 'no overlap wanted')
})

t.test('nobody touches another user\'s keys, and an account has no more than fifty', async (t) => {
  const [mine, theirs] = [await newUser(), await newUser()]
  const { id, key } = await keyOf(theirs)
  t.equal((await gateway.send('DELETE', `/api/v1/api-keys/${id}`, { token: mine.access })).status, 404)
  t.equal((await gateway.send('POST', `/api/v1/api-keys/${id}/rotate`, { token: mine.access, body: {} })).status, 404)
  t.equal((await gateway.send('GET', '/api/v1/me', { token: key })).status, 200)

  // Some of so many at once may be told to come back; what counts is that none gets past the limit.
  await Promise.all(Array.from({ length: 55 }, () => makeKey(mine)))
  let last = 201
  for (let tries = 0; tries < 60 && last !== 409; tries++) last = (await makeKey(mine)).status
  t.equal(last, 409)
  t.equal(await keys.countDocuments({ userId: mine.userId }), 50)
})

t.test('an administrator sets roles, and the last one stays', async (t) => {
  await users.updateMany({ roles: 'admin' } as object, { $set: { roles: ['user'] } })
  const [admin, user] = [await withRole('admin'), await newUser()]
  const set = (id: string, roles: string[]): Promise<Answer> => gateway.send('PUT', `/api/v1/users/${id}/roles`, { token: admin.access, body: { roles } })

  t.strictSame((await set(user.userId, ['operator'])).json, { id: user.userId, roles: ['operator', 'user'] })
  t.equal((await set(admin.userId, [])).status, 409)
  t.equal((await set('usr_00000000000000000000000000', [])).status, 404)
  t.equal((await set(user.userId, ['root'])).status, 422)
})

t.test('operators page through what happened, by cursors that nobody can make up', async (t) => {
  const operator = await withRole('operator')
  const tokens = await newUser()
  const proof = await proofOf(gateway, privateKeyToAccount(generatePrivateKey()))
  await gateway.send('POST', '/api/v1/auth/evm/verify', { body: { ...proof, signature: `0x${'11'.repeat(64)}1b` } })
  const read = (query: string): Promise<Answer> => gateway.send('GET', `/api/v1/audit/identity?${query}`, { token: operator.access })

  t.match((await read(`subject=${tokens.userId}&event=user.created`)).json, { data: [{ event: 'user.created', facts: { kind: 'evm' } }], next_cursor: null })
  t.match((await read('event=sign_in.failed&limit=1')).json, { data: [{ facts: { method: 'evm', reason: /signature/ } }] })
  const first = await read('limit=2')
  const second = await read(`limit=2&cursor=${String(first.json['next_cursor'])}`)
  const ids = [first, second].flatMap(({ json }) => (json['data'] as { id: string }[]).map(({ id }) => id))
  t.equal(new Set(ids).size, 4)
  t.strictSame(ids, [...ids].sort().reverse())
  t.equal((await read(`limit=2&event=user.created&cursor=${String(first.json['next_cursor'])}`)).status, 422, 'of another list')
  t.equal((await read('cursor=bm90LWEtY3Vyc29y')).status, 422)
})

t.test('a role that was taken away opens nothing, whatever copies say', async (t) => {
  const admin = await withRole('admin')
  await withRole('admin')
  t.equal((await gateway.send('GET', '/api/v1/audit/identity', { token: admin.access })).status, 200)

  await users.updateOne({ _id: admin.userId }, { $set: { roles: ['user'] }, $inc: { version: 1 } })

  t.equal((await gateway.send('GET', '/api/v1/audit/identity', { token: admin.access })).status, 403)
  t.equal((await gateway.send('PUT', `/api/v1/users/${admin.userId}/roles`, { token: admin.access, body: { roles: ['admin'] } })).status, 403)
})

t.test('a request that came through the door before its session was revoked leaves nothing behind', async (t) => {
  const tokens = await newUser()
  const body = JSON.stringify({ name: 'late', scopes: ['profile:read'] })
  const { request } = await import('node:http')
  const answered = new Promise<number>((resolve, reject) => {
    const call = request(new URL('/api/v1/api-keys', gateway.url), {
      method: 'POST', headers: { authorization: `Bearer ${tokens.access}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), expect: '100-continue' }
    }, (answer) => { answer.resume(); resolve(answer.statusCode ?? 0) })
    call.on('error', reject)
    // The server asks for the body once the headers are in; the door has been passed when it has asked the session's state.
    call.on('continue', () => {
      call.write(body.slice(0, -1))
      void until(async () => await house.mongo.db.collection('audit').countDocuments({ event: 'session.opened', actor: tokens.userId }) === 1, { what: 'the sign-in' })
        .then(() => gateway.send('GET', '/api/v1/me', { token: tokens.access }))
        .then(() => gateway.send('POST', '/api/v1/sessions/revoke', { token: tokens.access, body: { scope: 'all' } }))
        .then(() => call.end(body.slice(-1)), reject)
    })
    call.flushHeaders()
  })

  t.equal(await answered, 401)
  t.equal(await keys.countDocuments({ userId: tokens.userId }), 0)
})

t.test('a key that works is listed before any number of revoked ones', async (t) => {
  const tokens = await newUser()
  const { id } = await keyOf(tokens)
  const document = await keys.findOne({ _id: id }) as unknown as Record<string, unknown>
  await keys.insertMany(Array.from({ length: 300 }, (_unused, i) => ({ ...document, _id: `key_${i}`, mac: `${i}`, createdAt: new Date(Date.now() + 60_000 + i), revokedAt: new Date() })))

  t.match((await gateway.send('GET', '/api/v1/api-keys', { token: tokens.access })).json, { data: [{ id }] })
})

t.test('whoever waits for the next move of a transaction or a signature is answered with it; a hundred ask no oftener than one, and who goes away waits no longer', async (t) => {
  const { access } = await newUser()
  const put = (id: string, state: TransactionState, moves: number): void => {
    shown.set(id, { ...(TransactionView as unknown as { examples: [TransactionView] }).examples[0], id, state, history: Array.from({ length: moves }, () => ({ state, at: '2030-01-01T00:00:00.000Z' })) } as TransactionView)
  }
  const [still, moving, over] = [newId('tx'), newId('tx'), newId('tx')]
  put(still, 'approved', 3)
  put(moving, 'approved', 3)
  put(over, 'confirmed', 8)
  const read = async (id: string, query = ''): Promise<Answer> => await gateway.send('GET', `/api/v1/transactions/${id}${query}`, { token: access })
  t.match((await read(over, '?wait=30')).json, { state: 'confirmed' }, 'it will not move')
  t.match((await read(still, '?wait=30&seen=2')).json, { state: 'approved' }, 'it has moved')
  t.equal((await read(still, '?wait=31')).status, 422)
  t.equal((await read(newId('tx'), '?wait=30')).status, 404)
  t.strictSame(looks, [], 'nobody waited')
  t.match((await read(still, '?wait=1')).json, { state: 'approved' }, 'as it is when the time is over')

  const leaving = new AbortController()
  const left = fetch(new URL(`/api/v1/transactions/${still}?wait=30`, gateway.url), { headers: { authorization: `Bearer ${access}` }, signal: leaving.signal }).then(() => 'answered', () => 'left')
  const waiting = Array.from({ length: 100 }, async () => await read(moving, '?wait=30'))
  await until(() => looks.some((ids) => ids.includes(still) && ids.includes(moving)), { what: 'one look for both' })
  leaving.abort()
  t.equal(await left, 'left')
  await until(() => looks.at(-1)?.join() === moving, { what: 'nobody to ask for what one has left' })
  put(moving, 'assigned', 4)
  const answers = await Promise.all(waiting)
  t.ok(answers.every(({ json }) => json['state'] === 'assigned'))
  const asked = looks.length
  t.match((await read(over)).json, { state: 'confirmed' })
  t.ok(looks.every((ids) => new Set(ids).size === ids.length), 'each id once')
  t.ok(looks.length - asked <= 1, 'nobody looks when nobody waits')

  const permit = newId('sig')
  signatures.set(permit, { ...permitOfAda, id: permit } as unknown as SignatureView)
  const next = gateway.send('GET', `/api/v1/signatures/${permit}?wait=30&seen=${permitOfAda.history.length}`, { token: access })
  next.catch(() => undefined)
  await until(() => looks.at(-1)?.join() === permit, { what: 'the signature to be looked at' })
  signatures.set(permit, { ...permitOfAda, id: permit, state: 'cancelled', history: [...permitOfAda.history, { state: 'cancelled', at: '2030-01-01T00:00:00.000Z' }] } as unknown as SignatureView)
  t.match((await next).json, { state: 'cancelled' }, 'and of a signature')

  const third = await house.open()
  const last = third.send('GET', `/api/v1/transactions/${still}?wait=30`, { token: access })
  last.catch(() => undefined)
  await until(() => looks.at(-1)?.join() === still, { what: 'the last one to wait' })
  await third.stop()
  t.match((await last).json, { state: 'approved' }, 'a process that stops answers whoever waits')
})
