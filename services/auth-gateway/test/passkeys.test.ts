/** Passkeys at the gateway's doors: which receipts of otp-service open a session, what a passkey is among the logins, and what ends it. */
import {
  beginPasskey, beginPasskeySignIn, beginPasskeyStepUp, beginStepUp, confirmPasskey, listFactors, objectToFactor, passkeySignInPreimage, Problem, problems, removeFactor, stepUpPreimage, verifyPasskeySignIn, verifyPasskeyStepUp,
  type ReceiptClaims, type StepUpAction
} from '@countersign/contracts'
import { handle } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { actionDigest, createReceiptSigner, credentialHash, generateReceiptKey, randomToken } from '@countersign/secrets'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { buildHouse, signIn, tokensIn, type Answer, type Tokens } from './open-gateway.ts'

const house = await buildHouse(t)
const gateway = await house.open({ CORS_ORIGINS: 'https://app.example.com' })
const honest = createReceiptSigner(house.receiptKey.privateJwk)
const forger = createReceiptSigner(generateReceiptKey().privateJwk)

/** What the stand-in knows: whose each credential is, and what it is asked. */
const owners = new Map<string, string>()
const factorIds = new Map<string, string>()
const questions = new Map<string, { userId: string, sessionId: string, action: StepUpAction }>()
const receipts = new Map<string, Promise<string>>()
const asked: { account: string, step_up?: string }[] = []
let bend: (claims: ReceiptClaims) => ReceiptClaims = (claims) => claims
let sign = honest.sign
/** While the stand-in looks at a proof. */
let meanwhile: () => Promise<unknown> = () => Promise.resolve()

const options = { rpId: 'gateway.test', challenge: 'A'.repeat(43), timeout: 300_000, userVerification: 'required' as const }
const expires_at = '2030-01-01T00:00:00Z'
const factorView = (id: string) => ({ id, kind: 'passkey' as const, label: 'Laptop', shown: false, sends: false, proved_at: '2030-01-01T00:00:00Z', last_used_at: null, backed_up: false })
const claimsFor = (challengeId: string, userId: string, more: Pick<ReceiptClaims, 'purpose' | 'action_digest'>): ReceiptClaims => ({
  jti: newId('rcp'), challenge_id: challengeId, aud: 'auth-gateway', sub: userId, factor_root: 'A'.repeat(43), factor_kind: 'passkey', shown: false, factor_age_seconds: 0, text_sha256: '0'.repeat(64), iat: Math.floor(Date.now() / 1_000), ...more
})
const refused = (): never => { throw new Problem(problems.proofRejected) }

await house.answerFor('otp-service', [
  handle(beginPasskey, (request) => {
    asked.push(request)
    if (request.account === 'needs-proof' && request.step_up === undefined) throw new Problem(problems.stepUpRequired, { action: { type: 'factors.add_passkey', resource_id: '-' } })
    return Promise.resolve({
      factor_id: newId('fct'), expires_at,
      options: {
        rp: { id: 'gateway.test', name: 'Countersign' }, user: { id: 'A'.repeat(43), name: 'ada', displayName: 'ada' }, challenge: options.challenge, timeout: 300_000, excludeCredentials: [],
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }], authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' }, attestation: 'none', extensions: { credProps: true }
      }
    })
  }),
  handle(confirmPasskey, ({ user_id: userId, factor_id: id, credential }) => {
    if (credential.response.attestationObject === 'wrong') refused()
    owners.set(credential.id, userId)
    factorIds.set(credential.id, id)
    return Promise.resolve({ factor: factorView(id), credential_hash: credentialHash(credential.id) })
  }),
  handle(listFactors, ({ user_id: userId }) => Promise.resolve({ factors: [...owners].filter(([, owner]) => owner === userId).map(([credentialId]) => factorView(factorIds.get(credentialId) ?? newId('fct'))) })),
  handle(objectToFactor, ({ token }) => {
    const [userId = '', id = ''] = token.split('-')
    return Promise.resolve(userId === 'gone' ? { removed: false } : { removed: true, factor: { id, user_id: userId } })
  }),
  handle(removeFactor, () => Promise.resolve({ factors_left: 0 })),
  handle(beginStepUp, ({ user_id: userId, session_id: sessionId, action }) => {
    const id = newId('chl')
    questions.set(id, { userId, sessionId, action })
    return Promise.resolve({ challenge_id: id, expires_at, attempts_left: 3, factors: [factorView('fct_01HZZZZZZZZZZZZZZZZZZZZZZZ')] })
  }),
  handle(beginPasskeyStepUp, ({ challenge_id: id }) => questions.has(id) ? Promise.resolve({ options, expires_at }) : Promise.reject(new Problem(problems.notFound))),
  handle(verifyPasskeyStepUp, async ({ challenge_id: id, user_id: userId, session_id: sessionId, credential }) => {
    const question = questions.get(id)
    if (question === undefined || owners.get(credential.id) !== userId || credential.response.signature !== 'right') return refused()
    return { receipt: await sign(bend(claimsFor(id, userId, { purpose: 'step_up', action_digest: actionDigest(stepUpPreimage(userId, sessionId, question.action)) }))) }
  }),
  handle(beginPasskeySignIn, () => Promise.resolve({ challenge_id: newId('chl'), options, expires_at })),
  handle(verifyPasskeySignIn, async ({ challenge_id: id, credential }, { commandId }) => {
    const userId = owners.get(credential.id)
    await meanwhile()
    if (userId === undefined || !credential.response.signature.startsWith('right')) return refused()
    const receipt = receipts.get(commandId) ?? sign(bend(claimsFor(id, userId, { purpose: 'passkey_sign_in', action_digest: actionDigest(passkeySignInPreimage(id, userId, credentialHash(credential.id))) })))
    receipts.set(commandId, receipt)
    return { receipt: await receipt }
  })
])
t.beforeEach(() => { [bend, sign, meanwhile] = [(claims) => claims, honest.sign, () => Promise.resolve()] })

const users = house.mongo.db.collection<{ _id: string }>('users')
const audit = house.mongo.db.collection('audit')
const newUser = (account = privateKeyToAccount(generatePrivateKey())): Promise<Tokens> => signIn(gateway, account)
const created = (id: string, attestationObject = 'o2Nm') => ({
  id, rawId: id, type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: { credProps: { rk: true } },
  response: { clientDataJSON: 'e30', attestationObject, transports: ['internal', 'of the future'], publicKeyAlgorithm: -7, publicKey: 'AAAA', authenticatorData: 'AAAA' }
})
const asserted = (id: string, signature = 'right') => ({ id, rawId: id, type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {}, response: { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature, userHandle: 'A'.repeat(43) } })

interface Holder { readonly tokens: Tokens, readonly credentialId: string, readonly factorId: string }
const addPasskey = async (tokens: Tokens, credentialId = randomToken(16), stepUp?: string): Promise<Holder> => {
  const begun = await gateway.send('POST', '/api/v1/me/factors/passkey', { token: tokens.access, ...stepUp !== undefined && { headers: { 'step-up': stepUp } } })
  const factorId = String(begun.json['factor_id'])
  const answer = await gateway.send('POST', '/api/v1/me/factors/passkey/confirm', { token: tokens.access, body: { factor_id: factorId, credential: created(credentialId), name: 'Laptop' } })
  if (answer.status !== 200) throw new Error(answer.text)
  return { tokens, credentialId, factorId }
}
const holder = async (): Promise<Holder> => await addPasskey(await newUser())
const challenge = async (): Promise<string> => String((await gateway.send('POST', '/api/v1/auth/passkey/challenge')).json['challenge_id'])
const show = (challengeId: string, credentialId: string, signature?: string): Promise<Answer> =>
  gateway.send('POST', '/api/v1/auth/passkey/verify', { body: { challenge_id: challengeId, credential: asserted(credentialId, signature) } })
const enter = async ({ credentialId }: Holder): Promise<Answer> => await show(await challenge(), credentialId)
const logins = async ({ access }: Tokens) => (await gateway.send('GET', '/api/v1/me/identities', { token: access })).json['identities'] as { id: string, kind: string, address: string }[]
const isOpen = async ({ access }: Tokens): Promise<boolean> => (await gateway.send('GET', '/api/v1/me', { token: access })).status === 200
const refusalOf = ({ status, json }: Answer): string => `${status} ${String(json['type'])}`

t.test('a passkey is added through otp-service and is among the logins; what browsers add beside is not passed on', async (t) => {
  const tokens = await newUser()
  const begun = await gateway.send('POST', '/api/v1/me/factors/passkey', { token: tokens.access })
  t.match(begun, { status: 201, json: { options: { rp: { id: 'gateway.test' }, authenticatorSelection: { userVerification: 'required' } } } })
  t.match(asked.at(-1)?.account, /^user_/, 'the authenticator shows the name of the account')
  await users.updateOne({ _id: tokens.userId }, { $set: { username: 'needs-proof', usernameKey: 'needs-proof' }, $inc: { version: 1 } })
  const bystander = await newUser()
  t.match(await gateway.send('POST', '/api/v1/me/factors/passkey', { token: bystander.access, headers: { 'step-up': newId('chl') } }), { status: 201 })
  t.match(asked.at(-1)?.step_up, /^chl_/)

  const { credentialId, factorId } = await addPasskey(bystander)
  t.match((await logins(bystander))[1], { id: `passkey:${credentialHash(credentialId)}`, kind: 'passkey', address: factorId, verified: true })
  const again = await gateway.send('POST', '/api/v1/me/factors/passkey/confirm', { token: bystander.access, body: { factor_id: factorId, credential: created(credentialId) } })
  t.match(again, { status: 200, json: { factor: { id: factorId, label: 'Laptop' } } })
  t.equal((await logins(bystander)).length, 2)
  t.equal(refusalOf(await gateway.send('POST', '/api/v1/me/factors/passkey/confirm', { token: bystander.access, body: { factor_id: factorId, credential: created(randomToken(16), 'wrong') } })), '401 /problems/proof-rejected')
})

t.test('who shows one is signed in by it, without the second proof that its owner is asked for', async (t) => {
  const user = await holder()
  const asked = await gateway.send('POST', '/api/v1/auth/passkey/challenge')
  t.match(asked, { status: 200, json: { options: { rpId: 'gateway.test', userVerification: 'required' } } })
  t.notOk('allowCredentials' in (asked.json['options'] as object))
  const signedIn = await show(String(asked.json['challenge_id']), user.credentialId)
  t.match(signedIn, { status: 200, json: { token_type: 'bearer', user: { id: user.tokens.userId } } })
  const tokens = tokensIn(signedIn.json)
  const sessions = (await gateway.send('GET', '/api/v1/sessions', { token: tokens.access })).json['data'] as { current: boolean, method: string }[]
  t.equal(sessions.find(({ current }) => current)?.method, 'passkey')
  t.equal(refusalOf(await gateway.send('POST', '/api/v1/api-keys', { token: tokens.access, body: { name: 'x', scopes: ['profile:read'] } })), '401 /problems/step-up-required', 'signing in is no second proof')
  const cookie = await gateway.send('POST', '/api/v1/auth/passkey/verify', { body: { challenge_id: await challenge(), credential: asserted(user.credentialId) }, headers: { 'x-token-delivery': 'cookie', origin: 'https://app.example.com' } })
  t.match(cookie.headers.get('set-cookie'), /^__Host-csr=/)
})

t.test('unknown passkeys and wrong answers are refused alike, counted and told to the audit', async (t) => {
  const user = await holder()
  const refusals = [await show(await challenge(), user.credentialId, 'wrong'), await show(await challenge(), randomToken(16)), await show(newId('chl'), user.credentialId, 'wrong')]
  for (const refusal of refusals) {
    t.equal(refusalOf(refusal), '401 /problems/proof-rejected')
    t.same({ ...refusal.json, instance: '' }, { ...refusals[0]?.json, instance: '' })
  }
  t.equal(await audit.countDocuments({ event: 'sign_in.failed', subject: user.tokens.userId, 'facts.method': 'passkey' }), 2)
  t.match(await (await fetch(`${gateway.opsUrl}/metrics`)).text(), /wallet_authentications_total\{[^}]*wallet_type="passkey"[^}]*status="failure"[^}]*\} [1-9]/)
})

t.test('a receipt opens a session once, and only one for this very sign-in', async (t) => {
  const [user, other] = [await holder(), await holder()]
  const bends: [string, Partial<ReceiptClaims>][] = [
    ['another audience', { aud: 'signer-service' }], ['another purpose', { purpose: 'step_up' }], ['another challenge', { challenge_id: newId('chl') }], ['another user', { sub: other.tokens.userId }],
    ['another factor', { factor_kind: 'totp' }], ['another passkey', { action_digest: actionDigest(passkeySignInPreimage(newId('chl'), user.tokens.userId, credentialHash(other.credentialId))) }]
  ]
  for (const [what, bent] of bends) {
    bend = (claims) => ({ ...claims, ...bent })
    t.equal(refusalOf(await enter(user)), '401 /problems/proof-rejected', what)
  }
  bend = (claims) => claims
  sign = forger.sign
  t.equal(refusalOf(await enter(user)), '401 /problems/proof-rejected', 'signed by somebody else')
  sign = honest.sign

  const id = await challenge()
  const answers = await Promise.all(Array.from({ length: 20 }, () => show(id, user.credentialId)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal((await show(id, user.credentialId)).status, 401)
})

t.test('what ends the sessions of an account while a passkey is looked at ends that sign-in too', async (t) => {
  const user = await holder()
  meanwhile = () => gateway.send('POST', '/api/v1/sessions/revoke', { token: user.tokens.access, body: { scope: 'all' } })
  t.equal(refusalOf(await enter(user)), '401 /problems/session-closed')
  meanwhile = () => Promise.resolve()
  t.equal((await enter(user)).status, 200)

  const unlinked = await holder()
  meanwhile = () => house.mongo.db.collection<{ _id: string }>('identities').deleteOne({ _id: `passkey:${credentialHash(unlinked.credentialId)}` })
  await enter(unlinked)
  meanwhile = () => Promise.resolve()
  t.equal(refusalOf(await enter(unlinked)), '401 /problems/proof-rejected')
})

t.test('a passkey is never the login that is left, and goes with its factor and the sessions that it opened', async (t) => {
  const account = privateKeyToAccount(generatePrivateKey())
  const user = await addPasskey(await newUser(account))
  const [wallet, passkey] = await logins(user.tokens)
  const stepUpFor = async (tokens: Tokens, action: StepUpAction): Promise<string> => {
    const { json } = await gateway.send('POST', '/api/v1/step-ups', { token: tokens.access, body: { action } })
    t.equal((await gateway.send('POST', `/api/v1/step-ups/${String(json['id'])}/passkey/verify`, { token: tokens.access, body: { credential: asserted(user.credentialId) } })).status, 200)
    return String(json['id'])
  }
  const unlink = async (tokens: Tokens, id: string) =>
    await gateway.send('DELETE', `/api/v1/me/identities/${encodeURIComponent(id)}`, { token: tokens.access, headers: { 'step-up': await stepUpFor(tokens, { type: 'identities.unlink', resource_id: id }) } })
  t.equal(refusalOf(await unlink(user.tokens, wallet?.id ?? '')), '409 /problems/last-identity')

  const opened = tokensIn((await enter(user)).json)
  t.equal((await unlink(user.tokens, passkey?.id ?? '')).status, 204)
  t.equal(await isOpen(opened), false)
  t.equal(await isOpen(user.tokens), true)
  t.equal((await enter(user)).status, 401, 'it stays a factor and signs nobody in')

  const anew = await newUser(account)
  const second = await addPasskey(anew, user.credentialId, await stepUpFor(anew, { type: 'factors.add_passkey', resource_id: '-' }))
  const byIt = tokensIn((await enter(second)).json)
  const removed = await gateway.send('DELETE', `/api/v1/me/factors/${second.factorId}`, { token: second.tokens.access, headers: { 'step-up': await stepUpFor(second.tokens, { type: 'factors.remove', resource_id: second.factorId }) } })
  t.equal(removed.status, 204)
  t.equal(await isOpen(byIt), false)
  t.same((await logins(second.tokens)).map(({ kind }) => kind), ['evm'])
  t.equal((await enter(second)).status, 401)
})

t.test('a passkey that was slipped in goes by the mail that told of it, and the sessions that it opened with it', async (t) => {
  const user = await holder()
  const opened = tokensIn((await enter(user)).json)
  const object = (token: string) => gateway.send('POST', '/api/v1/auth/factor-objection', { body: { token } })
  t.match(await object('gone-already'), { status: 200, json: { removed: false } })
  t.equal(await isOpen(opened), true)
  t.same((await object(`${user.tokens.userId}-${user.factorId}`)).json, { removed: true })
  t.equal(await isOpen(opened), false)
  t.equal(await isOpen(user.tokens), true)
  t.equal((await enter(user)).status, 401)
})

t.test('a passkey that otp-service has no more is no login from when the factors are read, and the sessions that it opened end', async (t) => {
  const user = await holder()
  const opened = tokensIn((await enter(user)).json)
  const read = () => gateway.send('GET', '/api/v1/me/factors', { token: user.tokens.access })
  t.equal((await logins(user.tokens)).length, 2)
  owners.delete(user.credentialId)
  t.match((await read()).json, { factors: [] })
  t.same((await logins(user.tokens)).map(({ kind }) => kind), ['evm'])
  t.notOk(await isOpen(opened))
  t.ok(await isOpen(user.tokens))
})

t.test('a passkey whose factor was reset and that another account added since is that one\'s', async (t) => {
  const [before, after] = [await holder(), await newUser()]
  await addPasskey(after, before.credentialId)
  t.match(await enter(before), { status: 200, json: { user: { id: after.userId } } })
  t.equal(await house.mongo.db.collection('identities').countDocuments({ userId: before.tokens.userId, kind: 'passkey' }), 0)
})

t.test('a second proof by passkey opens the route that it was asked for, once, with a receipt for exactly it', async (t) => {
  const user = await holder()
  const { access } = user.tokens
  const makeKey = (stepUp?: string) => gateway.send('POST', '/api/v1/api-keys', { token: access, body: { name: 'x', scopes: ['profile:read'] }, ...stepUp !== undefined && { headers: { 'step-up': stepUp } } })
  const action: StepUpAction = { type: 'api_keys.create', resource_id: 'profile:read' }
  const ask = async () => String((await gateway.send('POST', '/api/v1/step-ups', { token: access, body: { action } })).json['id'])
  const answer = (id: string, credential: object = asserted(user.credentialId)) => gateway.send('POST', `/api/v1/step-ups/${id}/passkey/verify`, { token: access, body: { credential } })

  const id = await ask()
  t.match(await gateway.send('POST', `/api/v1/step-ups/${id}/passkey`, { token: access }), { status: 200, json: { options: { rpId: 'gateway.test' } } })
  t.equal(refusalOf(await gateway.send('POST', `/api/v1/step-ups/${newId('chl')}/passkey`, { token: access })), '404 /problems/not-found')
  t.equal(refusalOf(await answer(id, asserted(user.credentialId, 'wrong'))), '401 /problems/proof-rejected')
  t.match(await answer(id), { status: 200, json: { id, factor_kind: 'passkey', usable_until: String } })
  t.equal((await makeKey(id)).status, 201)
  t.equal((await makeKey(id)).status, 401)

  for (const bent of [{ purpose: 'passkey_sign_in' }, { sub: newId('usr') }, { challenge_id: newId('chl') }, { aud: 'signer-service' }, { action_digest: actionDigest('another') }] as Partial<ReceiptClaims>[]) {
    bend = (claims) => ({ ...claims, ...bent })
    const bad = await ask()
    t.equal(refusalOf(await answer(bad)), '401 /problems/proof-rejected', Object.keys(bent).join())
    t.equal((await makeKey(bad)).status, 401)
  }
})

t.test('bad input gets a problem that names the fault, never the value', async (t) => {
  const { tokens, credentialId } = await holder()
  const right = asserted(credentialId)
  const send = (path: string, body?: unknown) => gateway.send('POST', path, { token: tokens.access, ...body !== undefined && { body } })
  for (const body of [{}, { challenge_id: 'x', credential: right }, { challenge_id: newId('chl') }, { challenge_id: newId('chl'), credential: { ...right, id: 'sec ret' } }, { challenge_id: newId('chl'), credential: { ...right, type: 'secret' } },
    { challenge_id: newId('chl'), credential: { ...right, response: {} } }, { challenge_id: newId('chl'), credential: { ...right, response: { ...right.response, signature: 'secret!'.repeat(1_000) } } }, { challenge_id: newId('chl'), credential: right, more: 'secret' }]) {
    const answer = await send('/api/v1/auth/passkey/verify', body)
    t.equal(refusalOf(answer), '422 /problems/schema-violation')
    t.notMatch(answer.text, /sec ?ret/)
  }
  t.equal((await send('/api/v1/auth/passkey/verify')).status, 422)
  t.equal((await gateway.send('POST', '/api/v1/auth/passkey/verify', { raw: '{' })).status, 400)
  t.equal((await send('/api/v1/me/factors/passkey/confirm', { factor_id: newId('fct'), credential: right })).status, 422)
  t.equal((await send(`/api/v1/step-ups/${newId('chl')}/passkey/verify`, { credential: created('AAAA') })).status, 422)
})

t.test('browsers are told which origins may use the passkeys of this domain', async (t) => {
  t.match(await gateway.send('GET', '/.well-known/webauthn'), { status: 200, json: { origins: ['http://gateway.test:8000', 'https://app.example.com'] } })
})
