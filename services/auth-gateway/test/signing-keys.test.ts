/** Keys of access tokens: changed while gateways run, kept sealed, checked; and tokens that are not exactly ours. */
import { createAudit, inTransaction, connectMongo } from '@countersign/mongo'
import { createCli, createLogger, createMetrics } from '@countersign/runtime'
import { deriveKey, generateAccessTokenKey, thumbprint } from '@countersign/secrets'
import { until } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { keyCommands } from '../src/operators/key-commands.ts'
import { createAccessTokens } from '../src/sessions/access-token.ts'
import { createKeySeal } from '../src/signing-keys/key-seal.ts'
import { createSigningKeyRotation } from '../src/signing-keys/rotate-signing-keys.ts'
import { createSigningKeyRepository } from '../src/signing-keys/signing-key-repository.ts'
import { buildHouse, signIn, tokensIn, type TestGateway } from './open-gateway.ts'

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const house = await buildHouse(t)
const gateway = await house.open()
const other = await house.open()
const both = [gateway, other]
const documents = house.mongo.db.collection<{ _id: string, state: string }>('signing_keys')
const log = createLogger({ service: 'auth-gateway', level: 'silent', sha: 'test', environment: 'test' })
const mongo = await connectMongo({ uri: house.mongo.uri, database: house.mongo.database, log, metrics: createMetrics({ service: 'auth-gateway', sha: 'test' }) })
t.teardown(() => mongo.close())

async function type (...words: string[]): Promise<{ code: number, out: string, error: string }> {
  const said = { out: '', error: '' }
  const code = await createCli({ name: 'countersign', description: 'test', stdout: (text) => { said.out += text }, stderr: (text) => { said.error += text } })
    .add(...keyCommands((work) => work(mongo, house.parts().config))).run(['node', 'countersign', 'keys', ...words])
  return { code, ...said }
}

const published = async (at: TestGateway): Promise<string[]> => ((await at.send('GET', '/.well-known/jwks.json')).json['keys'] as { kid: string }[]).map(({ kid }) => kid)
const me = async (token: string, at: TestGateway): Promise<number> => (await at.send('GET', '/api/v1/me', { token })).status
const kidOf = (token: string): string => (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
const kidOfState = async (state: string): Promise<string | undefined> => (await documents.findOne({ state }))?._id
const whenPublished = (at: TestGateway, kid: string, is = true) => until(async () => (await published(at)).includes(kid) === is, { what: `${kid} to be ${is ? '' : 'no longer '}published` })
/** As if the time had come. */
const bringForward = (state: string, field: string) => documents.updateOne({ state }, [{ $set: { [field]: { $subtract: ['$$NOW', 1] } } }])
const whenSigning = (at: TestGateway, kid: string) => until(async () => kidOf((await signIn(at, newAccount())).access) === kid, { what: `${kid} to sign` })

t.test('the key of the environment is the first, sealed at rest', async (t) => {
  for (const at of both) t.strictSame(await published(at), [house.accessKey.kid])
  t.equal(kidOf((await signIn(gateway, newAccount())).access), house.accessKey.kid)

  const [document] = await documents.find().toArray()
  t.match(document, { _id: house.accessKey.kid, state: 'current', origin: 'environment' })
  t.notMatch(JSON.stringify(document), house.accessKey.privateJwk.d)
  t.match(await type('check'), { code: 0, out: /in order/ })
})

t.test('a rotation is published first and signs after the caches, and nobody\'s token is refused at any moment', async (t) => {
  const old = await signIn(gateway, newAccount())
  const rotated = await type('rotate', '--json')
  t.equal(rotated.code, 0)
  const kid = (JSON.parse(rotated.out) as { kid: string }).kid
  t.match(await type('rotate'), { code: 1, error: /under way/ })

  for (const at of both) await whenPublished(at, kid)
  for (const at of both) t.equal(kidOf((await signIn(at, newAccount())).access), house.accessKey.kid, 'not yet')

  await bringForward('next', 'signsFrom')
  for (const at of both) await whenSigning(at, kid)
  const fresh = await signIn(gateway, newAccount())
  for (const at of both) {
    t.equal(await me(old.access, at), 200, 'the old key is still good')
    t.equal(await me(fresh.access, at), 200)
    t.strictSame(await published(at), [kid, house.accessKey.kid], 'the signing key first')
  }
  t.equal(await documents.countDocuments({ state: 'current' }), 1)
  const [previous] = await documents.aggregate<{ ms: number }>([{ $match: { state: 'previous' } }, { $project: { ms: { $subtract: ['$retiresAt', '$$NOW'] } } }]).toArray()
  t.ok(Number(previous?.ms) > 1_100_000 && Number(previous?.ms) <= 1_200_000, 'until its last token has ended, and the caches')

  await bringForward('previous', 'retiresAt')
  for (const at of both) await whenPublished(at, house.accessKey.kid, false)
  for (const at of both) t.equal(await me(old.access, at), 401)
  t.notOk((await documents.findOne({ _id: house.accessKey.kid }) as unknown as { sealedPrivate?: string }).sealedPrivate, 'its private half is gone')
  const again = await house.open()
  t.strictSame(await published(again), [kid], 'the old environment brings no retired key back')
  t.equal(await me(fresh.access, again), 200)
})

t.test('in an emergency every other key is refused within seconds, and refreshing goes on', async (t) => {
  const stolen = await signIn(gateway, newAccount())
  const { out } = await type('rotate', '--now', '--json')
  const { kid } = JSON.parse(out) as { kid: string }

  for (const at of both) await until(async () => await me(stolen.access, at) === 401, { what: 'the old key to be refused' })
  for (const at of both) t.strictSame(await published(at), [kid])
  const { json } = await gateway.send('POST', '/api/v1/auth/refresh', { body: { refresh_token: stolen.refresh } })
  t.equal(kidOf(tokensIn(json).access), kid)
  for (const at of both) t.equal(await me(tokensIn(json).access, at), 200)
})

t.test('a key that is new in the environment becomes the next, and one named as previous is accepted', async (t) => {
  const [fresh, previous] = [generateAccessTokenKey(), generateAccessTokenKey()]
  const changed = await house.open({ ACCESS_TOKEN_PRIVATE_JWK: JSON.stringify(fresh.privateJwk), ACCESS_TOKEN_PREVIOUS_JWKS: JSON.stringify({ keys: [previous.publicJwk] }) })

  t.equal(await kidOfState('next'), fresh.kid)
  t.ok((await published(changed)).includes(previous.kid))
  await whenPublished(gateway, fresh.kid)
  await bringForward('next', 'signsFrom')
  await whenSigning(gateway, fresh.kid)
  await changed.stop()
})

t.test('of many that rotate or advance at once one is heard', async (t) => {
  const keys = createSigningKeyRepository(mongo)
  const rotation = createSigningKeyRotation({
    keys, keySeal: createKeySeal(deriveKey(house.parts().config.secretKey, 'signing-key')), audit: createAudit(mongo.db), tokenSeconds: 900, inTransaction: (work) => inTransaction(mongo, work)
  })
  const begun = await Promise.all(Array.from({ length: 5 }, () => rotation.begin(generateAccessTokenKey().privateJwk, 'test')))
  const won = begun.filter((kid) => kid !== undefined)
  t.equal(won.length, 1)

  await bringForward('next', 'signsFrom')
  await Promise.all(Array.from({ length: 5 }, () => rotation.advance()))
  t.equal(await kidOfState('current'), won[0])
  t.equal(await documents.countDocuments({ state: { $in: ['current', 'next'] } }), 1)
  t.equal(await house.mongo.db.collection('audit').countDocuments({ event: 'signing_key.current', subject: won[0] }), 1)
  for (const at of both) await whenSigning(at, won[0] ?? '')
})

t.test('the check tells what is wrong, and nothing prints a private half', async (t) => {
  const list = await type('list', '--json')
  t.match(JSON.parse(list.out)[0], { state: 'current', origin: 'command' })
  for (const { out } of [list, await type('list'), await type('check')]) t.notMatch(out, /"d"|sealed/i)

  await documents.updateOne({ state: 'current' }, [{ $set: { signsFrom: { $subtract: ['$$NOW', 91 * 86_400_000] } } }])
  t.match(await type('check'), { code: 1, out: /has signed for 91 days, more than 90/ })
  t.match(await type('check', '--max-age-days', '100'), { code: 0 })
  t.match(await type('check', '--max-age-days', 'x'), { code: 2 })
  const foreign = house.parts({ ACCESS_TOKEN_PRIVATE_JWK: JSON.stringify(generateAccessTokenKey().privateJwk), SECRET_KEY: 'another secret key of more than 32 characters' })
  const said: string[] = []
  const code = await createCli({ name: 'countersign', description: 'test', stdout: (text) => { said.push(text) } })
    .add(...keyCommands((work) => work(mongo, foreign.config))).run(['node', 'countersign', 'keys', 'check'])
  t.equal(code, 1)
  t.match(said.join(''), /does not open under this SECRET_KEY/)
  t.match(said.join(''), /which the database does not know/)
  await t.rejects(house.open({ SECRET_KEY: 'another secret key of more than 32 characters' }), /was sealed under another SECRET_KEY/, 'nor does a gateway start')
})

t.test('every cut and every flipped bit of an access token is refused', async (t) => {
  const { privateJwk } = generateAccessTokenKey()
  const tokens = createAccessTokens({ issuer: 'https://a.example', ttlSeconds: 900, random: () => 0.5 })
  t.throws(() => tokens.issue({ userId: 'usr_1', sessionId: 'ses_1' }), /no key/)
  await tokens.useKeys(privateJwk, [])
  const { token } = tokens.issue({ userId: 'usr_1', sessionId: 'ses_1' })
  t.match(tokens.read(token), { userId: 'usr_1', sessionId: 'ses_1' })

  const accepted: string[] = []
  const bytes = Buffer.from(token, 'latin1')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = Buffer.from(bytes)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (tokens.read(copy.toString('latin1')) !== undefined) accepted.push(`bit ${bit}`)
  }
  for (let at = 0; at < token.length; at++) {
    if (tokens.read(token.slice(0, at)) !== undefined) accepted.push(`the first ${at}`)
    if (tokens.read(token.slice(at + 1)) !== undefined) accepted.push(`from ${at + 1} on`)
  }
  for (const text of [`${token}=`, `${token}A`, `${token}.`, ` ${token}`, `${token} `, `${token}\n`, token.repeat(5), '', '.', '..']) {
    if (tokens.read(text) !== undefined) accepted.push(JSON.stringify(text))
  }
  t.strictSame(accepted, [])

  await tokens.useKeys(generateAccessTokenKey().privateJwk, [])
  t.equal(tokens.read(token), undefined, 'a key that was taken away is refused, whatever was remembered')
  t.notOk(tokens.jwks().keys.some((jwk) => 'd' in jwk || jwk.kid === thumbprint(privateJwk)))
})

t.test('lives of tokens spread over a twentieth', async (t) => {
  const tokens = createAccessTokens({ issuer: 'https://a.example', ttlSeconds: 900, random: Math.random })
  await tokens.useKeys(generateAccessTokenKey().privateJwk, [])

  const lives = Array.from({ length: 300 }, () => tokens.issue({ userId: 'usr_1', sessionId: 'ses_1' })).map(({ token, expiresInSeconds }) => {
    const { issuedAt, expiresAt } = tokens.read(token) ?? { issuedAt: 0, expiresAt: 0 }
    t.equal(expiresAt - issuedAt, expiresInSeconds)
    return expiresInSeconds
  })

  t.ok(Math.min(...lives) >= 855 && Math.max(...lives) <= 900)
  t.ok(new Set(lives).size > 20)
})
