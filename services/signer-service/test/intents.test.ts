/** The signed requests of programs: what is taken as one, and what is not. Pure. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { canonicalRequest, serviceIntentType, type ServiceIntentClaims } from '@countersign/contracts'
import t from 'tap'
import { readIntentKey, type IntentKey } from '../src/intents/intent-key.ts'
import { verifyIntent } from '../src/intents/verify-intent.ts'

const at = new Date('2030-01-01T00:00:00Z')
const now = at.getTime() / 1_000
const body = { wallet_id: 'wal_01JD00000000000000000000A1', chain_id: 1, to: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC', value: '1000' }
const sha256 = (value: unknown): string => createHash('sha256').update(canonicalRequest(value)).digest('hex')
const claims: ServiceIntentClaims = { iss: 'usr_01JD00000000000000000000A1', aud: 'production', jti: 'a'.repeat(22), iat: now, exp: now + 120, idempotency_key: 'invoice-1', request_sha256: sha256(body) }
const expected = { principalId: claims.iss, deployment: claims.aud, idempotencyKey: claims.idempotency_key, requestSha256: claims.request_sha256, at }
const b64 = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

interface Program { readonly alg: string, readonly key: IntentKey, readonly privateKey: KeyObject }
const program = (type: 'ed25519' | 'P-256' | 'P-384'): Program => {
  const { publicKey, privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: type })
  return { alg: type === 'ed25519' ? 'EdDSA' : 'ES256', key: type === 'P-384' ? { kty: 'EC', crv: 'P-384', x: '', y: '' } : readIntentKey(publicKey.export({ type: 'spki', format: 'pem' }).toString()), privateKey }
}
const jwsOf = ({ alg, privateKey }: Program, payload: unknown, header: object = {}, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): string => {
  const input = `${b64({ alg, typ: serviceIntentType, ...header })}.${b64(payload)}`
  return `${input}.${sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), { key: privateKey, dsaEncoding }).toString('base64url')}`
}
const verdict = (jws: string, key: IntentKey, change: Partial<typeof expected> = {}): string => {
  const found = verifyIntent(jws, key, { ...expected, ...change })
  return 'refusal' in found ? found.refusal : 'right'
}

for (const type of ['ed25519', 'P-256'] as const) {
  t.test(`${type}: a program's own signature of just this request, and nothing near it`, async (t) => {
    const own = program(type)
    const right = jwsOf(own, claims)
    t.equal(verdict(right, own.key), 'right')
    t.equal(verdict(jwsOf(own, claims, { kid: 'whatever' }), own.key), 'right', 'a kid names nothing: there is one key')
    t.equal(verdict(right, program(type).key), 'signature', 'of another program')
    t.equal(verdict(right, program(type === 'ed25519' ? 'P-256' : 'ed25519').key), 'header', 'of a key of another kind')
    const [header, payload, signature] = right.split('.') as [string, string, string]
    const near: [string, string, string][] = [
      ['a changed payload', `${header}.${b64({ ...claims, request_sha256: sha256({ ...body, value: '9000' }) })}.${signature}`, 'signature'],
      ['no signature', `${header}.${payload}.`, 'form'],
      ['alg none', `${b64({ alg: 'none', typ: serviceIntentType })}.${payload}.${signature}`, 'header'],
      ['HS256 with the public key', `${b64({ alg: 'HS256', typ: serviceIntentType })}.${payload}.${signature}`, 'header'],
      ['another type', jwsOf(own, claims, { typ: 'countersign-receipt+jwt' }), 'header'],
      ['no type', jwsOf(own, claims, { typ: undefined }), 'header'],
      ['a key of its own', jwsOf(own, claims, { jwk: own.key }), 'header'],
      ['crit', jwsOf(own, claims, { crit: ['b64'], b64: false }), 'header'],
      ['four parts', `${right}.x`, 'form'],
      ['nothing', '', 'form'],
      ['something long', 'a'.repeat(5_000), 'form'],
      ['a claim too much', jwsOf(own, { ...claims, admin: true }), 'claims'],
      ['no jti', jwsOf(own, { ...claims, jti: undefined }), 'claims'],
      ['another principal', jwsOf(own, { ...claims, iss: 'usr_01JD00000000000000000000A2' }), 'principal'],
      ['another deployment', jwsOf(own, { ...claims, aud: 'staging' }), 'deployment'],
      ['another idempotency key', jwsOf(own, { ...claims, idempotency_key: 'invoice-2' }), 'idempotency_key'],
      ['another request', jwsOf(own, { ...claims, request_sha256: sha256({ ...body, value: '1001' }) }), 'request'],
      ['one that is over', jwsOf(own, { ...claims, iat: now - 200, exp: now }), 'life'],
      ['one of tomorrow', jwsOf(own, { ...claims, iat: now + 60, exp: now + 120 }), 'life'],
      ['one that lives long', jwsOf(own, { ...claims, exp: now + 301 }), 'life'],
      ['one that ends before it begins', jwsOf(own, { ...claims, iat: now + 10, exp: now + 5 }), 'life']
    ]
    for (const [what, jws, reason] of near) t.equal(verdict(jws, own.key), reason, what)
    if (type === 'P-256') t.equal(verdict(jwsOf(own, claims, {}, 'der'), own.key), 'signature', 'DER is no JWS signature')
  })
}

t.test('a body in another spelling is the same request, and any other one is not', async (t) => {
  t.equal(sha256({ value: '1000', to: body.to, chain_id: 1, wallet_id: body.wallet_id }), sha256(body))
  t.equal(canonicalRequest({ b: [{ d: 1, c: 'x' }], a: true }), '{"a":true,"b":[{"c":"x","d":1}]}')
  for (const other of [{ ...body, chain_id: '1' }, { ...body, value: 1000 }, { ...body, more: null }, [body]]) t.not(sha256(other), sha256(body))
})

t.test('an operator gives a public key, and no other', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const pem = readIntentKey(publicKey.export({ type: 'spki', format: 'pem' }).toString())
  t.strictSame(readIntentKey(JSON.stringify({ ...publicKey.export({ format: 'jwk' }), use: 'sig', kid: 'x' })), pem, 'PEM and JWK are one key')
  t.throws(() => readIntentKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()), /private/)
  t.throws(() => readIntentKey(JSON.stringify(privateKey.export({ format: 'jwk' }))), /private/)
  t.throws(() => readIntentKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString()), /Ed25519 or P-256/)
  t.throws(() => readIntentKey(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ type: 'spki', format: 'pem' }).toString()), /Ed25519 or P-256/)
  t.throws(() => readIntentKey('nonsense'))
})
