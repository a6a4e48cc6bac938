import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { serviceNames, type MailboxReceiptClaims, type ReceiptClaims } from '@countersign/contracts'
import { CompactSign, jwtVerify } from 'jose'
import t from 'tap'
import { createReceiptSigner, createReceiptVerifier, generateAccessTokenKey, generateReceiptKey, ReceiptRefused, type Jwk } from '../src/index.ts'

const claims: ReceiptClaims = {
  jti: 'rcp_01J00000000000000000000000',
  challenge_id: 'chl_01J00000000000000000000000',
  aud: 'signer-service',
  purpose: 'transaction',
  sub: 'usr_01J00000000000000000000000',
  factor_root: 'A'.repeat(43),
  factor_kind: 'email_code',
  shown: true,
  factor_age_seconds: 86_400,
  action_digest: `0x${'ab'.repeat(32)}`,
  text_sha256: 'cd'.repeat(32),
  iat: 1_900_000_000
}

const key = generateReceiptKey()
const signer = createReceiptSigner(key.privateJwk)
const verifier = createReceiptVerifier({ keys: [key.publicJwk] })
const goodHeader = { alg: 'EdDSA', kid: key.kid, typ: 'countersign-receipt+jwt' }

const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token whose signature is right, over whatever header and payload. */
function forge (header: unknown, payload: unknown = claims, jwk: Jwk = key.privateJwk): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${sign(null, Buffer.from(input), createPrivateKey({ key: { ...jwk }, format: 'jwk' })).toString('base64url')}`
}

const refusalOf = (jws: string) => refused(verifier.verify(jws))
const mailboxRefusalOf = (jws: string) => refused(verifier.verifyMailbox(jws))

async function refused (verifying: Promise<unknown>): Promise<string | undefined> {
  try {
    await verifying
    return undefined
  } catch (error) {
    if (error instanceof ReceiptRefused) return error.reason
    throw error
  }
}

void t.test('a receipt gives its claims back, and any JWT library can check it', async (t) => {
  const jws = await signer.sign(claims)

  t.strictSame(await verifier.verify(jws), claims)
  t.equal(jws, forge(goodHeader), 'Ed25519 is deterministic')
  const { payload, protectedHeader } = await jwtVerify(jws, createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }), { audience: 'signer-service', typ: 'countersign-receipt+jwt' })
  t.strictSame(payload, claims)
  t.strictSame(protectedHeader, goodHeader)
})

const mailboxClaims: MailboxReceiptClaims = {
  jti: claims.jti,
  challenge_id: claims.challenge_id,
  aud: 'auth-gateway',
  purpose: 'login_email',
  sub: claims.sub,
  proved_by: 'code',
  same_opener: true,
  action_digest: claims.action_digest,
  iat: claims.iat
}

void t.test('a receipt of a mailbox is taken where mailboxes are proved and nowhere else, whatever is written into it', async (t) => {
  const { sub: _nobody, ...withoutAccount } = mailboxClaims
  for (const own of [mailboxClaims, withoutAccount]) t.strictSame(await verifier.verifyMailbox(await signer.signMailbox(own)), own)
  t.equal(await refusalOf(await signer.signMailbox(mailboxClaims)), 'header', 'no receipt of a factor')
  t.equal(await mailboxRefusalOf(await signer.sign(claims)), 'header', 'and none of those is one of a mailbox')

  const mailboxHeader = { ...goodHeader, typ: 'countersign-mailbox-receipt+jwt' }
  const factorPurposes = ['transaction', 'email_enrol', 'email_change', 'account_delete'] as const
  const mailboxPurposes = ['signup', 'login_email', 'password_reset', 'email_link'] as const
  for (const purpose of [...factorPurposes, ...mailboxPurposes]) {
    for (const aud of serviceNames) {
      const ofFactor = (factorPurposes as readonly string[]).includes(purpose)
      const ofMailbox = !ofFactor && aud === 'auth-gateway'
      t.equal(await refusalOf(forge(goodHeader, { ...claims, purpose, aud })), ofFactor ? undefined : 'claims', `factor, ${purpose}, ${aud}`)
      t.equal(await mailboxRefusalOf(forge(mailboxHeader, { ...mailboxClaims, purpose, aud })), ofMailbox ? undefined : 'claims', `mailbox, ${purpose}, ${aud}`)
      if (!ofMailbox) await t.rejects(signer.signMailbox({ ...mailboxClaims, purpose, aud } as MailboxReceiptClaims), /contract/)
      if (!ofFactor) await t.rejects(signer.sign({ ...claims, purpose, aud } as unknown as ReceiptClaims), /contract/)
    }
  }
  for (const missing of ['factor_root', 'sub', 'factor_kind', 'shown']) t.equal(await refusalOf(forge(goodHeader, { ...claims, [missing]: undefined })), 'claims', missing)
  t.equal(await mailboxRefusalOf(forge(mailboxHeader, { ...mailboxClaims, factor_root: claims.factor_root })), 'claims', 'it cannot speak of a factor')
})

void t.test('while a key is replaced both are accepted, afterwards only the new one', async (t) => {
  const next = createReceiptSigner(generateReceiptKey().privateJwk)
  const jws = await next.sign(claims)

  t.equal(await refusalOf(jws), 'header')
  t.strictSame(await createReceiptVerifier({ keys: [key.publicJwk, next.publicJwk] }).verify(jws), claims)
  await t.rejects(createReceiptVerifier({ keys: [next.publicJwk] }).verify(await signer.sign(claims)), { name: 'ReceiptRefused', reason: 'header' })
})

void t.test('every prefix, every cut front and every dropped or added character is refused', async (t) => {
  const jws = await signer.sign(claims)
  const changed = Array.from(jws, (_character, i) => [jws.slice(0, i), jws.slice(i + 1), jws.slice(0, i) + jws.slice(i + 1), `${jws.slice(0, i)}A${jws.slice(i)}`]).flat()

  const accepted = []
  for (const candidate of [...changed, `${jws}A`, `${jws}=`, `${jws}.`, `${jws} `, ` ${jws}`, `${jws}\n`]) if (await refusalOf(candidate) === undefined) accepted.push(candidate)
  t.strictSame(accepted, [])
})

void t.test('every flipped bit of every character is refused, unused bits of last characters included', async (t) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const jws = await signer.sign(claims)
  const accepted = []
  for (const [i, character] of [...jws].entries()) {
    const value = alphabet.indexOf(character)
    const others = value === -1 ? ['A', '-'] : [1, 2, 4, 8, 16, 32].map((bit) => alphabet.charAt(value ^ bit))
    for (const other of [...others, '=', '.', '+', '/']) {
      const changed = `${jws.slice(0, i)}${other}${jws.slice(i + 1)}`
      if (changed !== jws && await refusalOf(changed) === undefined) accepted.push(changed)
    }
  }
  t.strictSame(accepted, [])
})

void t.test('any other header is refused, though its signature is right', async (t) => {
  const stranger = generateReceiptKey()
  const headers: Record<string, unknown> = {
    'algorithm none': { ...goodHeader, alg: 'none' },
    'another name of the algorithm': { ...goodHeader, alg: 'Ed25519' },
    'another case': { ...goodHeader, alg: 'eddsa' },
    'a blank in the algorithm': { ...goodHeader, alg: ' EdDSA' },
    'an HMAC': { ...goodHeader, alg: 'HS256' },
    'no algorithm': { kid: key.kid, typ: goodHeader.typ },
    'no key id': { alg: 'EdDSA', typ: goodHeader.typ },
    'another key id': { ...goodHeader, kid: stranger.kid },
    'no type': { alg: 'EdDSA', kid: key.kid },
    'the type of another token': { ...goodHeader, typ: 'JWT' },
    'an embedded key': { ...goodHeader, jwk: key.publicJwk },
    'a key address': { ...goodHeader, jku: 'https://evil.test/jwks' },
    'a certificate': { ...goodHeader, x5c: ['MIIB'] },
    'crit': { ...goodHeader, crit: ['exp'], exp: 1 },
    'b64 false': { ...goodHeader, b64: false, crit: ['b64'] },
    'b64 true': { ...goodHeader, b64: true },
    'an unknown member': { ...goodHeader, x: 1 },
    'another order': { typ: goodHeader.typ, kid: key.kid, alg: 'EdDSA' },
    'a member twice': `{"alg":"none",${JSON.stringify(goodHeader).slice(1)}`,
    'blanks': JSON.stringify(goodHeader, null, 1),
    'no JSON': 'x'
  }
  for (const [kind, header] of Object.entries(headers)) t.equal(await refusalOf(forge(header)), 'header', kind)
  t.equal(await refusalOf(forge({ ...goodHeader, jwk: stranger.publicJwk }, claims, stranger.privateJwk)), 'header', 'signed with the key it brings')
})

void t.test('a signature of another key or another kind is refused under the right header', async (t) => {
  const input = `${encode(goodHeader)}.${encode(claims)}`
  const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
  const asSecret = (secret: Buffer) => createHmac('sha256', secret).update(input).digest('base64url')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const candidates = {
    stranger: forge(goodHeader, claims, generateReceiptKey().privateJwk),
    'HMAC keyed with the public key': `${input}.${asSecret(publicKey.export({ type: 'spki', format: 'der' }))}`,
    'HMAC keyed with x': `${input}.${asSecret(Buffer.from(key.publicJwk.x, 'base64url'))}`,
    RSA: `${input}.${sign('sha256', Buffer.from(input), rsa).toString('base64url')}`,
    zeros: `${input}.${Buffer.alloc(64).toString('base64url')}`
  }
  for (const [kind, jws] of Object.entries(candidates)) t.equal(await refusalOf(jws), 'signature', kind)
})

void t.test('what is no compact JWS in canonical spelling is refused', async (t) => {
  const jws = await signer.sign(claims)
  const [header = '', payload = '', signature = ''] = jws.split('.')
  const wrong = [
    '', '.', '..', '...', `${header}.${payload}`, `${header}.${payload}.`, `.${payload}.${signature}`, `${header}..${signature}`, `${jws}.${signature}`,
    `${header}=.${payload}.${signature}`, `${header}.${payload}.${signature}==`, `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64')}`,
    `${header}. ${payload}.${signature}`, JSON.stringify({ protected: header, payload, signature }), 'A'.repeat(5000), `${header}.${'A'.repeat(5000)}.${signature}`
  ]
  for (const candidate of wrong) t.equal(await refusalOf(candidate), 'form')
  t.equal(await refusalOf({} as string), 'form', 'not a text')
})

void t.test('claims that break the contract are refused, though signed', async (t) => {
  const { iat: _iat, ...withoutTime } = claims
  const wrong = [
    withoutTime, { ...claims, admin: true }, { ...claims, aud: 'everybody' }, { ...claims, aud: ['signer-service'] }, { ...claims, shown: 'true' }, { ...claims, factor_age_seconds: -1 },
    { ...claims, action_digest: `0x${'AB'.repeat(32)}` }, { ...claims, iat: 1.5 }, { ...claims, sub: 'usr_1' }, [claims], null, 'no JSON {', ''
  ]
  for (const payload of wrong) t.equal(await refusalOf(forge(goodHeader, payload)), payload === '' ? 'form' : 'claims')
  await t.rejects(signer.sign({ ...claims, sub: 'leaked' }), { message: 'the claims of a receipt break their contract' })
})

void t.test('refusals say nothing of the token', async (t) => {
  const error = new ReceiptRefused('signature')
  t.strictSame([error.message, error.name, error.cause], ['the receipt was refused: signature', 'ReceiptRefused', undefined])
  const jws = await new CompactSign(Buffer.from('{}')).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32))
  await t.rejects(verifier.verify(jws), { message: 'the receipt was refused: header' })
})

void t.test('only Ed25519 keys are taken, private ones to sign, public ones to verify', async (t) => {
  const ec = generateAccessTokenKey()
  t.throws(() => createReceiptSigner(key.publicJwk), { message: 'a receipt signer needs a private key' })
  t.throws(() => createReceiptSigner(ec.privateJwk), { message: 'a receipt key must be an Ed25519 JWK' })
  t.throws(() => createReceiptVerifier({ keys: [ec.publicJwk] }), { message: 'a receipt key must be an Ed25519 JWK' })
  t.throws(() => createReceiptVerifier({ keys: [key.privateJwk] }), { message: 'a receipt verifier must not hold a private key' })
  t.throws(() => createReceiptVerifier({ keys: [] }), { message: 'a receipt verifier needs a key' })
  t.notOk('d' in signer.publicJwk)
  const renamed = createReceiptSigner({ ...key.privateJwk, kid: 'chosen' })
  t.equal(renamed.kid, key.kid, 'the key id is the thumbprint')
  t.strictSame(await verifier.verify(await renamed.sign(claims)), claims)
})
