import { until } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createChallengeStore, type SignInChallenge } from '../src/challenges/challenge-store.ts'
import { buildHouse, proofOf, signIn, type Answer, type Proof } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'

const verify = '/api/v1/auth/evm/verify'
const newAccount = () => privateKeyToAccount(generatePrivateKey())
/** What a stranger can compare between two refusals. */
const seen = ({ status, json }: Answer) => ({ status, ...json, instance: 'any' })

const house = await buildHouse(t)
const gateway = await house.open()
const unknownChallenge = async (): Promise<Answer> => {
  const proof = await proofOf(gateway, newAccount())
  return await gateway.send('POST', verify, { body: { ...proof, challenge_id: 'chl_00000000000000000000000000' } })
}

t.test('a signed challenge opens a session, and the token reads the user', async (t) => {
  const account = newAccount()
  const proof = await proofOf(gateway, account)
  t.match(proof.signed_message, /^gateway\.test:8000 wants you to sign in with your Ethereum account:\n0x/)

  const answer = await gateway.send('POST', verify, { body: proof })

  t.equal(answer.status, 200)
  t.match(answer.json, { token_type: 'bearer', expires_in: Number, user: { email: null, identities: [{ kind: 'evm', address: account.address }] } })
  const me = await gateway.send('GET', '/api/v1/me', { token: String(answer.json['access_token']) })
  t.equal(me.status, 200)
  t.equal(me.json['id'], (answer.json['user'] as { id: string }).id)
})

t.test('of fifty parallel uses of one proof, one opens a session; a replay opens none', async (t) => {
  const proof = await proofOf(gateway, newAccount())

  const answers = await Promise.all(Array.from({ length: 50 }, () => gateway.send('POST', verify, { body: proof })))

  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ status }) => status === 401).length, 49)
  t.equal((await gateway.send('POST', verify, { body: proof })).status, 401)
})

t.test('sign-ins at the same time share the way to the database, and each gets its own session with its own audit row', async (t) => {
  const accounts = Array.from({ length: 8 }, newAccount)
  const proofs = await Promise.all([...accounts, ...accounts, ...accounts].map((account) => proofOf(gateway, account)))

  const answers = await Promise.all(proofs.map((body) => gateway.send('POST', verify, { body })))

  t.strictSame([...new Set(answers.map(({ status }) => status))], [200])
  const given = answers.map(({ json }) => json['user'] as { id: string, identities: { address: string }[] })
  t.strictSame(given.map(({ identities }) => identities.map(({ address }) => address)), proofs.map(({ address }) => [address]))
  t.equal(new Set(given.map(({ id }) => id)).size, accounts.length)
  const mine = await Promise.all(answers.map(({ json }) => gateway.send('GET', '/api/v1/me', { token: String(json['access_token']) })))
  t.strictSame(mine.map(({ json }) => json['id']), given.map(({ id }) => id))
  const rows = await house.mongo.db.collection('audit').find({ event: 'session.opened', actor: { $in: given.map(({ id }) => id) } }).toArray()
  t.equal(new Set(rows.map(({ subject }) => subject as string)).size, proofs.length)
  t.equal(rows.length, proofs.length)
})

t.test('a wrong signature burns the challenge', async (t) => {
  const proof = await proofOf(gateway, newAccount())

  const wrong = await gateway.send('POST', verify, { body: { ...proof, signature: await newAccount().signMessage({ message: proof.signed_message }) } })
  const right = await gateway.send('POST', verify, { body: proof })

  t.equal(wrong.status, 401)
  t.equal(right.status, 401)
})

t.test('unknown, used, altered, foreign and malformed proofs answer alike', async (t) => {
  const reference = seen(await unknownChallenge())
  const account = newAccount()
  const forge = async (change: (message: string) => string): Promise<Answer> => {
    const proof = await proofOf(gateway, account)
    const message = change(proof.signed_message)
    t.not(message, proof.signed_message)
    return await gateway.send('POST', verify, { body: { ...proof, signed_message: message, signature: await account.signMessage({ message }) } })
  }
  const forgeries: Record<string, Answer> = {
    'another domain': await forge((text) => text.replace('gateway.test:8000 wants', 'evil.test wants')),
    'another port': await forge((text) => text.replace('gateway.test:8000 wants', 'gateway.test:8001 wants')),
    'no port': await forge((text) => text.replace('gateway.test:8000 wants', 'gateway.test wants')),
    'userinfo before the domain': await forge((text) => text.replace('gateway.test', 'user@gateway.test')),
    'a letter that looks like one of the domain\'s': await forge((text) => text.replace('gateway.test', 'g\u0430teway.test')),
    'the same in its ASCII form': await forge((text) => text.replace('gateway.test', 'xn--gteway-3ve.test')),
    'full-width letters of the domain': await forge((text) => text.replace('gateway.test', '\uff47ateway.test')),
    'a trailing dot after the domain': await forge((text) => text.replace('gateway.test:8000 wants', 'gateway.test.:8000 wants')),
    'the domain in upper case': await forge((text) => text.replace('gateway.test:8000 wants', 'GATEWAY.TEST:8000 wants')),
    'a subdomain': await forge((text) => text.replace('gateway.test:8000 wants', 'www.gateway.test:8000 wants')),
    'a scheme before the domain': await forge((text) => `http://${text}`),
    'another scheme before the domain': await forge((text) => `https://${text}`),
    'another scheme in the URI': await forge((text) => text.replace('URI: http:', 'URI: https:')),
    'upper case in the URI': await forge((text) => text.replace('URI: http://gateway', 'URI: http://GATEWAY')),
    'a trailing dot in the URI': await forge((text) => text.replace('URI: http://gateway.test:', 'URI: http://gateway.test.:')),
    'another chain': await forge((text) => text.replace('Chain ID: 31337', 'Chain ID: 1')),
    'another nonce': await forge((text) => text.replace(/Nonce: \w+/, 'Nonce: 0123456789abcdef')),
    'a later expiry': await forge((text) => text.replace(/Expiration Time: \d{4}/, 'Expiration Time: 2999')),
    'a trailing line': await forge((text) => `${text}\n`),
    'a statement with a field block': await forge((text) => text.replace('This costs', 'Nonce: aaaaaaaaaaaaaaaa This costs'))
  }
  for (const [name, answer] of Object.entries(forgeries)) t.strictSame(seen(answer), reference, name)

  const stolen = await proofOf(gateway, newAccount())
  const thief = newAccount()
  const foreign = await gateway.send('POST', verify, { body: { ...stolen, address: thief.address, signature: await thief.signMessage({ message: stolen.signed_message }) } })
  t.strictSame(seen(foreign), reference, 'the challenge of another address')
})

t.test('a signature of any length or content is a 401, never a 500', async (t) => {
  const reference = seen(await unknownChallenge())
  const signatures = ['', '0x', 'zz', '0x'.padEnd(132, '0'), '0x'.padEnd(132, 'f'), `0x${'1'.repeat(128)}1b`, `0x${'ab'.repeat(10_000)}`, '\u0000', '💥'.repeat(100), 'null']
  for (const signature of signatures) {
    const answer = await gateway.send('POST', verify, { body: { ...await proofOf(gateway, newAccount()), signature } })
    t.strictSame(seen(answer), reference, `${signature.length} characters`)
  }
})

t.test('one wallet is one user, however its address is spelled', async (t) => {
  const account = newAccount()
  const { userId } = await signIn(gateway, account)

  for (const address of [account.address.toLowerCase(), `0x${account.address.slice(2).toUpperCase()}`]) {
    const challenge = await gateway.send('POST', '/api/v1/auth/evm/challenge', { body: { address } })
    const message = String(challenge.json['message'])
    const answer = await gateway.send('POST', verify, { body: { address, signed_message: message, signature: await account.signMessage({ message }), challenge_id: challenge.json['challenge_id'] } })
    t.equal(answer.status, 200, address)
    t.equal((answer.json['user'] as { id: string }).id, userId)
  }
})

t.test('first sign-ins of one wallet that race make one user', async (t) => {
  const account = newAccount()
  const proofs = await Promise.all(Array.from({ length: 20 }, () => proofOf(gateway, account)))

  const answers = await Promise.all(proofs.map((body) => gateway.send('POST', verify, { body })))

  t.ok(answers.every(({ status }) => status === 200))
  t.equal(new Set(answers.map(({ json }) => (json['user'] as { id: string }).id)).size, 1)
  t.equal(await house.mongo.db.collection('identities').countDocuments({ address: account.address }), 1)
})

t.test('without a challenge id the challenge is found by the nonce of the text', async (t) => {
  const { challenge_id: _omitted, ...proof } = await proofOf(gateway, newAccount())

  t.equal((await gateway.send('POST', verify, { body: proof })).status, 200)
  t.equal((await gateway.send('POST', verify, { body: proof })).status, 401)
})

t.test('a stranger\'s requests for my address do not cancel my challenge', async (t) => {
  const account = newAccount()
  const mine = await proofOf(gateway, account)
  for (let i = 0; i < 5; i++) await proofOf(gateway, account)

  t.equal((await gateway.send('POST', verify, { body: mine })).status, 200)
})

t.test('a challenge ends by itself, by the clock of Redis and to the millisecond that its text names', async (t) => {
  const { redis } = await openUseCases(house)
  const [kept, over] = [await proofOf(gateway, newAccount()), await proofOf(gateway, newAccount())]
  const saidBy = ({ signed_message: text }: Proof): number => Date.parse(/^Expiration Time: (\S+)$/m.exec(text)?.[1] ?? '')
  const keysOf = ({ challenge_id: id, signed_message: text }: Proof): string[] => [`gw:challenge:${id}`, `gw:nonce:${/^Nonce: (\w+)$/m.exec(text)?.[1] ?? ''}`]
  // In one script time stands still.
  const endOf = 'local now = redis.call("TIME"); return now[1] * 1000 + math.floor(now[2] / 1000) + redis.call("PTTL", KEYS[1])'
  for (const key of keysOf(kept)) t.ok(Math.abs(Number(await redis.eval(endOf, 1, key)) - saidBy(kept)) <= 1, key)

  for (const key of keysOf(over)) await redis.pexpire(key, 1)
  await until(async () => await redis.exists(...keysOf(over)) === 0, { what: 'the challenge to end' })
  const { challenge_id: _omitted, ...byNonce } = over
  for (const body of [over, byNonce]) t.equal((await gateway.send('POST', verify, { body })).status, 401)
  t.equal((await gateway.send('POST', verify, { body: kept })).status, 200)
})

t.test('a message that expired a minute ago opens nothing, although it names no time before which it is not valid', async (t) => {
  const { redis } = await openUseCases(house)
  const account = newAccount()
  const expire = (text: string): string => text.replace(/Issued At: \S+/, `Issued At: ${ago(360)}`).replace(/Expiration Time: \S+/, `Expiration Time: ${ago(60)}`)
  const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString()

  const altered = await proofOf(gateway, account)
  const message = expire(altered.signed_message)
  t.equal((await gateway.send('POST', verify, { body: { ...altered, signed_message: message, signature: await account.signMessage({ message }) } })).status, 401, 'whoever dates it back')

  // As by a process that stood still between composing the text and keeping it.
  const { challenge_id: id } = await proofOf(gateway, account)
  const issued = JSON.parse(await redis.getdel(`gw:challenge:${id}`) ?? '') as SignInChallenge
  const late = expire(issued.message)
  await createChallengeStore(redis).keep({ ...issued, message: late }, new Date(Date.now() - 60_000))
  t.equal((await gateway.send('POST', verify, { body: { address: account.address, signed_message: late, signature: await account.signMessage({ message: late }), challenge_id: id } })).status, 401, 'nor when it was issued so')
})

t.test('an address or a role beside the proof gives the account neither', async (t) => {
  const opened = await gateway.send('POST', '/api/v1/auth/email/signup', { body: { username: 'owner-of-mail', email: 'owner@example.com', password: 'a long enough phrase' } })
  t.equal(opened.status, 201)
  for (const beside of [{ email: 'owner@example.com' }, { email: 'nobody@example.com' }, { roles: ['admin'] }, { email_verified: true }]) {
    const proof = await proofOf(gateway, newAccount())
    const refused = await gateway.send('POST', verify, { body: { ...proof, ...beside } })
    t.equal(refused.status, 422)
    t.notMatch(refused.text, /owner@|nobody@/)
    const taken = await gateway.send('POST', verify, { body: proof })
    t.match(taken, { status: 200, json: { user: { email: null, identities: [{ kind: 'evm' }] } } }, 'what was refused as written used nothing up')
  }
})

t.test('a taken username gets a suffix, and none is needed', async (t) => {
  const first = await gateway.send('POST', verify, { body: { ...await proofOf(gateway, newAccount()), username: 'ada' } })
  const second = await gateway.send('POST', verify, { body: { ...await proofOf(gateway, newAccount()), username: 'ADA' } })

  t.equal((first.json['user'] as { username: string }).username, 'ada')
  t.match((second.json['user'] as { username: string }).username, /^ADA_\w+$/)
})

t.test('bad input gets a problem that names the fault, never the value', async (t) => {
  const cases: [string, { body?: unknown, raw?: string, headers?: Record<string, string> }, number, RegExp][] = [
    ['unknown field', { body: { address: newAccount().address, admin: true } }, 422, /body/],
    ['wrong type', { body: { address: 42 } }, 422, /body\/address/],
    ['wrong checksum', { body: { address: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD'.replace('5aA', '5AA') } }, 422, /EIP-55/],
    ['unknown chain', { body: { address: newAccount().address, chain_id: 5 } }, 422, /body\/chain_id/],
    ['chain beyond 2^53', { raw: `{"address":"${newAccount().address}","chain_id":9007199254740993}` }, 422, /body\/chain_id/],
    ['no JSON', { raw: '{"address":' }, 400, /malformed-request/],
    ['oversize', { raw: `{"address":"${'a'.repeat(200_000)}"}` }, 413, /payload-too-large/],
    ['wrong content type', { raw: 'address=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, /unsupported-media-type/]
  ]
  for (const [name, given, status, text] of cases) {
    const answer = await gateway.send('POST', '/api/v1/auth/evm/challenge', given)
    t.equal(answer.status, status, name)
    t.match(answer.text, text, name)
    t.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, name)
  }
  t.notMatch(house.logs.text(), /9007199254740993/)
})

t.test('too many sign-in requests from one address are 429 with Retry-After', async (t) => {
  const strict = await house.open({ AUTH_RATE_LIMIT_MAX_REQUESTS: '3' })

  const answers: Answer[] = []
  for (let i = 0; i < 5; i++) answers.push(await strict.send('POST', '/api/v1/auth/evm/challenge', { body: { address: newAccount().address } }))

  t.equal(answers.at(-1)?.status, 429)
  t.match(answers.at(-1)?.text ?? '', /Too many requests/)
  t.ok(Number(answers.at(-1)?.headers.get('retry-after')) > 0)
})

t.test('the front page, the keys, the health and the documentation are open to everybody', async (t) => {
  t.match((await gateway.send('GET', '/')).text, /href="\/docs"/)
  t.match((await gateway.send('GET', '/.well-known/jwks.json')).json, { keys: [{ kty: 'EC', crv: 'P-256', alg: 'ES256', d: undefined }] })
  t.match((await gateway.send('GET', '/health')).json, { status: 'healthy', database: 'connected', redis: 'connected', email_service: 'disconnected' })
  t.match((await gateway.send('GET', '/openapi.json')).json, { openapi: /^3\.1/, paths: { '/api/v1/auth/evm/verify': {}, '/api/v1/transactions/{id}/confirm': {} } })
  t.equal((await gateway.send('GET', '/docs/')).status, 200)
  for (const path of ['/nowhere', '/docs/static/%00', '/docs/static/..%5c']) t.equal((await gateway.send('GET', path)).status, 404, path)
  t.equal((await fetch(`${gateway.opsUrl}/ready`)).status, 200)
  t.match(await (await fetch(`${gateway.opsUrl}/metrics`)).text(), /wallet_authentications_total\{wallet_type="evm",status="success"\} \d+/)
})

t.test('the same application answers on the ports of the earlier systems', async (t) => {
  const { freePort } = await import('@countersign/local-stack')
  const port = await freePort()
  const compatible = await house.open({ COMPATIBILITY_PORTS: String(port) })

  const answer = await fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`)

  t.equal(answer.status, 200)
  t.strictSame(await answer.json(), (await compatible.send('GET', '/.well-known/jwks.json')).json)
})
