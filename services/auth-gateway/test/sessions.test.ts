import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createHmac, createPublicKey, sign as signBytes, createPrivateKey } from 'node:crypto'
import { mailSealContext } from '@countersign/contracts'
import { keyFromText, open as openSeal } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { Redis } from 'ioredis'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSessionStates } from '../src/sessions/session-state.ts'
import { alteredFormsOf, countAccepted, fitsHeader } from './altered-forms.ts'
import { buildHouse, proofOf, signIn, tokensIn, type Answer, type Tokens } from './open-gateway.ts'
import { assertRefusedSoon } from './refused-soon.ts'

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const house = await buildHouse(t)
const gateway = await house.open()
const sessions = house.mongo.db.collection<{ _id: string }>('sessions')

const refresh = (token: string, at = gateway) => at.send('POST', '/api/v1/auth/refresh', { body: { refresh_token: token } })
const me = (token: string, at = gateway) => at.send('GET', '/api/v1/me', { token })
const sessionOf = ({ refresh: token }: Tokens): string => token.split('.')[1] ?? ''

/** A way to MongoDB of one gateway alone, that can be closed. */
async function startDatabaseDoor () {
  const { hostname, port, username, password } = new URL(house.mongo.uri)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
  }
  const server = createServer((caller) => {
    const callee = keep(connect(Number(port), hostname))
    keep(caller).pipe(callee).pipe(caller)
    caller.on('close', () => callee.destroy())
    callee.on('close', () => caller.destroy())
  })
  let at = 0
  const open = async (): Promise<void> => {
    await once(server.listen(at, '127.0.0.1'), 'listening')
    at = (server.address() as AddressInfo).port
  }
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  await open()
  t.teardown(close)
  return { uri: `mongodb://${username}:${password}@127.0.0.1:${at}/?authSource=admin&directConnection=true`, open, close }
}

t.test('a refresh token gives the next pair, and its parent the same successor while the answer may be lost', async (t) => {
  const first = await signIn(gateway, newAccount())

  const second = tokensIn((await refresh(first.refresh)).json)
  const again = tokensIn((await refresh(first.refresh)).json)

  t.not(second.refresh, first.refresh)
  t.equal(again.refresh, second.refresh)
  t.equal((await me(second.access)).status, 200)
})

t.test('twenty tabs, and a hundred, at two processes, that refresh at once all end with the one valid token', async (t) => {
  const other = await house.open()
  for (const tabs of [20, 100]) {
    const { refresh: token } = await signIn(gateway, newAccount())

    const answers = await Promise.all(Array.from({ length: tabs }, (_unused, i) => refresh(token, i % 2 === 0 ? gateway : other)))

    t.ok(answers.every(({ status }) => status === 200))
    const successors = new Set(answers.map(({ json }) => String(json['refresh_token'])))
    t.equal(successors.size, 1)
    t.equal((await refresh([...successors][0] ?? '')).status, 200)
  }
})

t.test('a token two generations old ends the session, raises an event and tells the user once', async (t) => {
  const first = await signIn(gateway, newAccount())
  await house.mongo.db.collection<{ _id: string }>('users').updateOne({ _id: first.userId }, { $set: { email: 'ada@example.com' } })
  const second = tokensIn((await refresh(first.refresh)).json)
  const third = tokensIn((await refresh(second.refresh)).json)

  const reused = await Promise.all(Array.from({ length: 5 }, () => refresh(first.refresh)))

  t.ok(reused.every(({ status }) => status === 401))
  t.equal((await refresh(third.refresh)).status, 401)
  t.equal((await me(third.access)).status, 401)
  t.equal(await house.mongo.db.collection('audit').countDocuments({ event: 'session.closed', subject: sessionOf(first), 'facts.reason': 'refresh_token_reused' }), 1)
  const mails = await house.mongo.db.collection('outbox').find({ queue: 'mail-gateway' }).toArray()
  t.equal(mails.length, 1)
  t.notMatch(JSON.stringify(mails), /ada@example\.com/, 'the mail travels sealed')
})

t.test('the parent presented after its grace ends the session', async (t) => {
  const first = await signIn(gateway, newAccount())
  await refresh(first.refresh)
  await sessions.updateOne({ _id: sessionOf(first) }, [{ $set: { rotatedAt: { $subtract: ['$rotatedAt', 31_000] } } }])

  t.equal((await refresh(first.refresh)).status, 401)
  t.match(await sessions.findOne({ _id: sessionOf(first) }), { state: 'revoked', endedReason: 'refresh_token_reused' })
})

t.test('every cut, every flipped bit and every changed character of a refresh token is refused and ends nothing', async (t) => {
  const { refresh: token } = await signIn(gateway, newAccount())
  const changed = Array.from(token, (character, index) => `${token.slice(0, index)}${character === 'A' ? 'B' : 'A'}${token.slice(index + 1)}`)

  t.equal(await countAccepted([...changed, ...alteredFormsOf(token)], async (form) => (await refresh(form)).status !== 401), 0)
  t.equal((await refresh(token)).status, 200)
})

t.test('every cut and every flipped bit of an access token is refused', async (t) => {
  const { access } = await signIn(gateway, newAccount())
  const signature = access.lastIndexOf('.')
  // Of the bits of what is signed one in sixteen: each of them is in the same hash.
  const forms = alteredFormsOf(access).filter(fitsHeader).filter((form, i) => form.slice(0, signature) === access.slice(0, signature) || i % 16 === 0)

  t.equal(await countAccepted(forms, async (form) => (await me(form)).status !== 401), 0)
  t.equal((await me(access)).status, 200)
})

t.test('after logout the token opens nothing here at once, elsewhere within a second, and does not refresh', async (t) => {
  const other = await house.open()
  const tokens = await signIn(gateway, newAccount())
  t.equal((await me(tokens.access, other)).status, 200, 'the other process has seen the session')

  t.equal((await gateway.send('POST', '/api/v1/auth/logout', { token: tokens.access })).status, 204)

  t.equal((await me(tokens.access)).status, 401)
  await assertRefusedSoon(t, house, other, { 'the access token': async () => (await me(tokens.access, other)).status === 200 })
  t.equal((await refresh(tokens.refresh)).status, 401)
  t.equal((await gateway.send('POST', '/api/v1/auth/logout', { token: tokens.access })).status, 401)
})

t.test('the life of a session that was closed is counted, in its place among the others', async (t) => {
  const counting = await house.open()
  const [short, long] = [await signIn(counting, newAccount()), await signIn(counting, newAccount())]
  await sessions.updateOne({ _id: sessionOf(long) }, [{ $set: { createdAt: { $subtract: ['$createdAt', 2 * 3_600_000] } } }])
  for (const { access } of [short, long]) t.equal((await counting.send('POST', '/api/v1/auth/logout', { token: access })).status, 204)

  const text = await (await fetch(`${counting.opsUrl}/metrics`)).text()
  const below = (bound: string): number => Number(new RegExp(`^wallet_session_duration_seconds_bucket\\{le="${bound.replace('+', '\\+')}"\\} (\\d+)$`, 'm').exec(text)?.[1])
  t.strictSame(['3600', '86400', '+Inf'].map(below), [1, 2, 2])
})

t.test('a session past its absolute life opens nothing', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  await sessions.updateOne({ _id: sessionOf(tokens) }, [{ $set: { expiresAt: '$createdAt' } }])
  await house.redis.flush()
  const fresh = await house.open()

  t.equal((await me(tokens.access, fresh)).status, 401)
  t.equal((await refresh(tokens.refresh, fresh)).status, 401)
})

t.test('an emptied Redis costs nobody the session', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const fresh = await house.open()
  await house.redis.flush()
  await house.mongo.db.command({ profile: 2, filter: 'unset' })

  const answers = await Promise.all(Array.from({ length: 50 }, () => me(tokens.access, fresh)))

  await house.mongo.db.command({ profile: 0 })
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(await house.mongo.db.collection('system.profile').countDocuments({ 'command.aggregate': 'sessions' }), 1, 'and MongoDB one question')
})

t.test('only the exact kind of token that this gateway issues is accepted', async (t) => {
  const { access } = await signIn(gateway, newAccount())
  const [header = '', payload = '', signature = ''] = access.split('.')
  const decode = (text: string): Record<string, unknown> => JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const privateKey = createPrivateKey({ key: { ...house.accessKey.privateJwk }, format: 'jwk' })
  const signed = (head: unknown, claims: unknown): string => {
    const input = `${encode(head)}.${encode(claims)}`
    return `${input}.${signBytes('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
  const resigned = (head: string): string => {
    const input = `${Buffer.from(head).toString('base64url')}.${payload}`
    return `${input}.${signBytes('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
  const hmacInput = `${encode({ ...decode(header), alg: 'HS256' })}.${payload}`
  t.equal((await me(signed(decode(header), decode(payload)))).status, 200, 'the forger of this test can sign')

  const forged: Record<string, string> = {
    'alg none': `${encode({ ...decode(header), alg: 'none' })}.${payload}.`,
    'alg None': `${encode({ ...decode(header), alg: 'None' })}.${payload}.${signature}`,
    'HS256 under the public key': `${hmacInput}.${createHmac('sha256', publicPem).update(hmacInput).digest('base64url')}`,
    'another type': signed({ ...decode(header), typ: 'JWT' }, decode(payload)),
    'no type': signed({ alg: 'ES256', kid: decode(header)['kid'] }, decode(payload)),
    'an embedded key': signed({ ...decode(header), jwk: house.accessKey.publicJwk }, decode(payload)),
    'a critical extension': signed({ ...decode(header), crit: ['b64'], b64: false }, decode(payload)),
    'a key by address': signed({ ...decode(header), jku: 'https://evil.test/jwks.json' }, decode(payload)),
    'a certificate': signed({ ...decode(header), x5c: ['MIIB'] }, decode(payload)),
    'a member twice': resigned(`{"alg":"none",${Buffer.from(header, 'base64url').toString().slice(1)}`),
    'a space before the algorithm': signed({ ...decode(header), alg: ' ES256' }, decode(payload)),
    'a space in the header': resigned(Buffer.from(header, 'base64url').toString().replace('{', '{ ')),
    'RS256': signed({ ...decode(header), alg: 'RS256' }, decode(payload)),
    'an unknown kid': signed({ ...decode(header), kid: 'x' }, decode(payload)),
    'another issuer': signed(decode(header), { ...decode(payload), iss: 'http://evil.test' }),
    'another audience': signed(decode(header), { ...decode(payload), aud: 'http://evil.test' }),
    'past its life': signed(decode(header), { ...decode(payload), iat: 1_000, exp: 2_000 }),
    'no expiry': signed(decode(header), { ...decode(payload), exp: undefined }),
    'no session': signed(decode(header), { ...decode(payload), sid: undefined }),
    'another user for the session': signed(decode(header), { ...decode(payload), sub: 'usr_00000000000000000000000000' }),
    'padding': `${header}.${payload}.${signature}=`,
    'a leading space': ` ${access}`,
    'no signature': `${header}.${payload}.`,
    'a refresh token': (await signIn(gateway, newAccount())).refresh
  }
  for (const [name, token] of Object.entries(forged)) t.equal((await me(token)).status, 401, name)
  t.equal((await gateway.send('GET', `/api/v1/me?access_token=${access}`)).status, 401, 'never from the query')
  t.equal((await gateway.send('GET', '/api/v1/me', { headers: { authorization: `Basic ${access}` } })).status, 401)
})

t.test('a sign-in from a device that is new to the user is mailed once, the first session excepted', async (t) => {
  const account = newAccount()
  const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
  const from = async (userAgent: string): Promise<void> => {
    const { status } = await gateway.send('POST', '/api/v1/auth/evm/verify', { body: await proofOf(gateway, account), headers: { 'user-agent': userAgent } })
    if (status !== 200) throw new Error(`sign-in answered ${status}`)
  }
  const outbox = house.mongo.db.collection<{ payload: { sealed: string, delivery_id: string, useful_until: string } }>('outbox')
  const before = await outbox.countDocuments()
  const mails = async (): Promise<number> => await outbox.countDocuments() - before

  const { userId } = await signIn(gateway, account)
  await house.mongo.db.collection<{ _id: string }>('users').updateOne({ _id: userId }, { $set: { email: 'ada@example.com' } })
  await signIn(gateway, account)
  t.equal(await mails(), 0, 'the first session, and the same device again')

  await Promise.all(Array.from({ length: 5 }, () => from(firefox)))
  await from(firefox.replaceAll('140.0', '141.0'))
  t.equal(await mails(), 1, 'however many at once, and an update is no new device')
  const row = (await outbox.find().sort({ _id: -1 }).limit(1).toArray())[0]
  if (row === undefined) throw new Error('no row')
  const content = JSON.parse(openSeal({ key: keyFromText(house.parts().config.mailSealKey), sealed: row.payload.sealed, associated: mailSealContext('mail-gateway', row.payload) }).toString()) as unknown
  t.match(content, { template: 'new_device', to: 'ada@example.com', parameters: { device: 'Firefox on Windows', ip: '127.0.0.1', method: 'Ethereum wallet' } })

  await house.mongo.db.collection('devices').updateMany({ userId }, [{ $set: { seenAt: { $subtract: ['$$NOW', 91 * 86_400_000] } } }])
  await from(firefox)
  t.equal(await mails(), 2, 'after so long it is as new')
  t.notMatch(JSON.stringify(await house.mongo.db.collection('devices').find({ userId }).toArray()), /127\.0|Firefox/)
})

t.test('ended sessions are marked and kept', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  await sessions.updateOne({ _id: sessionOf(tokens) }, [{ $set: { expiresAt: '$createdAt' } }])
  await house.open({ SESSION_CLEANUP_INTERVAL: '1000' })

  await until(async () => (await sessions.findOne({ _id: sessionOf(tokens), state: 'expired' })) !== null, { what: 'the cleanup' })
  t.ok(house.logs.lines().some(({ msg }) => msg === 'Session cleanup'))
})

t.test('with Redis down sessions are still checked, sign-in answers 503, and both recover', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  await house.redis.kill()
  try {
    t.equal((await me(tokens.access)).status, 200)
    const challenge = await gateway.send('POST', '/api/v1/auth/evm/challenge', { body: { address: newAccount().address } })
    t.equal(challenge.status, 503)
    t.ok(Number(challenge.headers.get('retry-after')) > 0)
  } finally {
    await house.redis.restart()
  }
  await until(async () => (await signIn(gateway, newAccount())).access !== '', { timeoutMs: 15_000, what: 'sign-in to work again' })
})

t.test('a session closed while Redis is away stays closed when Redis comes back with older data', async (t) => {
  const other = await house.open()
  const tokens = await signIn(gateway, newAccount())
  t.equal((await me(tokens.access, other)).status, 200)
  await house.redis.kill()
  try {
    t.equal((await gateway.send('POST', '/api/v1/auth/logout', { token: tokens.access })).status, 204)
    t.equal((await me(tokens.access)).status, 401)
    await assertRefusedSoon(t, house, other, { 'the access token, without Redis': async () => (await me(tokens.access, other)).status === 200 })
  } finally {
    await house.redis.restart()
  }
  await until(async () => (await gateway.send('GET', '/health')).json['redis'] === 'connected', { what: 'Redis' })
  t.equal((await me(tokens.access)).status, 401)
  t.equal((await me(tokens.access, other)).status, 401)
  t.equal((await me(tokens.access, await house.open())).status, 401, 'a fresh process knows as well')
})

t.test('a process that could not read for long which sessions have ended believes no copy of one', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const id = tokens.refresh.split('.')[1] ?? ''
  const redis = new Redis(house.redis.url)
  t.teardown(() => redis.quit())
  let [blind, asked] = [false, 0]
  const stored = { id, userId: tokens.userId, epoch: 0, method: 'evm' as const, identityId: 'x', createdAt: new Date(), expiresAt: new Date(Date.now() + 3_600_000) }
  const states = createSessionStates({
    redis,
    sessions: { findLive: () => { asked++; return Promise.resolve(blind ? undefined : { ...stored, remainingMs: 3_600_000 } as never) } },
    users: { find: (userId) => Promise.resolve({ id: userId, username: 'ada', email: null, roles: ['user'], profile: {}, identities: [], createdAt: new Date(), version: 1, sessionEpoch: 0 }) },
    ended: { has: () => false, epochOf: () => 0, isBlind: () => blind, add: () => {}, raise: () => {} },
    seen: { note: () => {} },
    log: house.parts().log
  })
  await redis.del(`gw:session:${id}`)
  t.match(await states.find(id, tokens.userId), { userId: tokens.userId })
  t.match(await states.find(id, tokens.userId), { userId: tokens.userId })
  t.equal(asked, 1, 'copies serve')
  t.ok(await redis.exists(`gw:session:${id}`))
  blind = true
  t.equal(await states.find(id, tokens.userId), undefined, 'MongoDB\'s word, against two copies')
  t.equal(asked, 2)
})

t.test('a database that is away is 503 with Retry-After, not 500, whatever asks it, and all works again when it is back', async (t) => {
  const database = await startDatabaseDoor()
  const far = await house.open({ MONGODB_URI: database.uri })
  const [mine, unread] = [await signIn(far, newAccount()), await signIn(gateway, newAccount())]
  await house.redis.flush()
  const proof = await proofOf(far, newAccount())
  const asked: Record<string, () => Promise<Answer>> = {
    'a sign-in': () => far.send('POST', '/api/v1/auth/evm/verify', { body: proof }),
    'a refresh': () => refresh(mine.refresh, far),
    'a session that nobody has read yet': () => me(unread.access, far),
    'an API key': () => far.send('GET', '/api/v1/me', { token: `sk_test_${'0'.repeat(64)}` }),
    'a password': () => far.send('POST', '/api/v1/auth/email/login', { body: { email: 'ada@example.com', password: 'a long enough phrase' } })
  }

  database.close()
  const answers = await Promise.all(Object.entries(asked).map(async ([name, ask]) => ({ name, answer: await ask() })))
  for (const { name, answer } of answers) {
    t.match(answer, { status: 503, json: { type: '/problems/unavailable' } }, name)
    t.ok(Number(answer.headers.get('retry-after')) > 0, name)
    t.notMatch(answer.text, /mongo|27017|ECONN/i)
  }
  t.equal((await far.send('GET', '/health')).json['database'], 'disconnected')

  await database.open()
  await until(async () => (await refresh(mine.refresh, far)).status === 200, { what: 'the database to be found again' })
  t.equal((await me(unread.access, far)).status, 200)
})

t.test('what a store that is away throws is told from a fault of ours', async (t) => {
  const { MongoServerSelectionError } = await import('mongodb')
  const { isOutage } = await import('../src/health/outage.ts')
  t.ok(isOutage(Object.assign(Object.create(MongoServerSelectionError.prototype) as Error, { message: 'x' })))
  t.ok(isOutage(new Error('Connection is closed.')))
  t.ok(isOutage(new Error('OOM command not allowed when used memory > \'maxmemory\'.')))
  t.notOk(isOutage(new TypeError('x is not a function')))
  t.notOk(isOutage('Connection is closed.'))
})

t.test('no log line holds a token, a signature or a message', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const text = house.logs.text()
  t.notMatch(text, tokens.access.split('.')[2])
  t.notMatch(text, tokens.refresh.split('.')[3])
  t.notMatch(text, /wants you to sign in/)
  t.notMatch(text, /0x[0-9a-f]{130}/)
})
