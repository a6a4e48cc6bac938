/** Passkeys as people use them: a real Chromium with a virtual authenticator, over the gateway's public door. */
import { readFile } from 'node:fs/promises'
import { scratchDirectory, startBrowser } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createGatewayClient, type GatewayReply } from '../src/gateway-client.ts'
import { openHouse, workspaceRoot } from '../src/house.ts'
import { signIn } from '../src/main-job.ts'

interface Options { readonly challenge: string }
interface Credential { readonly id: string, readonly response: Readonly<Record<string, unknown>> }

// Made before the house, so that it goes away after it.
const dataDirectory = await scratchDirectory(t, 'passkeys')
const house = await openHouse({ dataDirectory, environment: { 'auth-gateway': { RATE_LIMIT_MAX: '1000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '1000000' } } })
t.teardown(() => house.close())
const gateway = createGatewayClient(house.gatewayUrl)
const { port } = new URL(house.gatewayUrl)

const browser = await startBrowser(t)
const page = await browser.newPage()
// An application's own page: the origin is what counts, and any page of it may ask.
await page.route('**/application', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Application</title>' }))
const open = (origin: string) => page.goto(`${origin}/application`)
const home = `http://localhost:${port}`
await open(home)

const devtools = await page.context().newCDPSession(page)
await devtools.send('WebAuthn.enable')
const plugIn = async (abilities: { readonly hasResidentKey: boolean, readonly hasUserVerification: boolean }): Promise<string> => (await devtools.send('WebAuthn.addVirtualAuthenticator', {
  options: { protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', isUserVerified: true, automaticPresenceSimulation: true, ...abilities }
})).authenticatorId
const laptop = { hasResidentKey: true, hasUserVerification: true }
let authenticatorId = await plugIn(laptop)
/** In the place of the one before, with whatever that one held. */
const exchange = async (abilities = laptop): Promise<void> => {
  await devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
  authenticatorId = await plugIn(abilities)
}

/** The README's own lines, in the page. */
const readme = await readFile(`${workspaceRoot}README.md`, 'utf8')
const [, lines = ''] = /\nA passkey is .*?```js\n(.*?)```/s.exec(readme) ?? []
const inPage = <Body = Record<string, unknown>>(call: string, accessToken = ''): Promise<Body> => page.evaluate(`(async () => { const accessToken = '${accessToken}'; ${lines}; return await ${call} })()`)

/** What a page may do besides. */
const create = (options: Options): Promise<Credential> => page.evaluate(`(async () => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)})
  return (await navigator.credentials.create({ publicKey })).toJSON()
})()`)
const get = (options: Options): Promise<Credential> => page.evaluate(`(async () => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)})
  return (await navigator.credentials.get({ publicKey })).toJSON()
})()`)

interface Begun { readonly factor_id: string, readonly challenge_id: string, readonly options: Options & Readonly<Record<string, unknown>> }
const post = <Body = Record<string, unknown>>(path: string, token?: string, body?: object, headers: Record<string, string> = {}): Promise<GatewayReply<Body>> =>
  gateway.send<Body>('POST', `/api/v1${path}`, { headers, ...token !== undefined && { token }, ...body !== undefined && { body } })
const newUser = async (): Promise<string> => (await signIn(gateway, privateKeyToAccount(generatePrivateKey()))).accessToken
const addPasskey = async (token: string, name: string): Promise<string> => {
  const { factor } = await inPage<{ factor?: { id: string } }>(`addPasskey('${name}')`, token)
  if (factor === undefined) throw new Error('the passkey was not added')
  return factor.id
}
const askStepUp = async (token: string, type: string, resource: string): Promise<{ id: string, options: Begun['options'] }> => {
  const { body: { id } } = await post<{ id: string }>('/step-ups', token, { action: { type, resource_id: resource } })
  return { id, options: (await post<Begun>(`/step-ups/${id}/passkey`, token)).body.options }
}
const stepUp = async (token: string, type: string, resource: string): Promise<string> => {
  const { body: { id } } = await post<{ id: string }>('/step-ups', token, { action: { type, resource_id: resource } })
  t.match(await inPage(`answerWithPasskey('${id}')`, token), { id, factor_kind: 'passkey' }, type)
  return id
}
const challenge = async (): Promise<Begun> => (await post<Begun>('/auth/passkey/challenge')).body
const enter = async (): Promise<GatewayReply<{ access_token: string, user: { id: string } }>> => {
  const { challenge_id: id, options } = await challenge()
  return await post('/auth/passkey/verify', undefined, { challenge_id: id, credential: await get(options) })
}

t.test('from the first passkey to the last: added, named, shown as a second proof, signed in with, removed', async (t) => {
  const token = await newUser()
  const factorId = await addPasskey(token, 'Laptop')
  t.match((await gateway.send('GET', '/api/v1/me/factors', { token })).body, { factors: [{ id: factorId, kind: 'passkey', label: 'Laptop', shown: false, last_used_at: null }] })
  t.match(await gateway.send('PATCH', `/api/v1/me/factors/${factorId}`, { token, body: { name: 'Old laptop' } }), { status: 200, body: { factor: { label: 'Old laptop' } } })
  await t.rejects(addPasskey(token, 'Again'), 'a second one takes the proof of the first')

  const key = { name: 'nightly', scopes: ['profile:read'] }
  t.match(await post('/api-keys', token, key), { status: 401, body: { type: '/problems/step-up-required' } })
  const proof = await stepUp(token, 'api_keys.create', 'profile:read')
  t.equal((await post('/api-keys', token, key, { 'step-up': proof })).status, 201)
  t.equal((await post('/api-keys', token, key, { 'step-up': proof })).status, 401)

  t.equal((await post('/auth/logout', token)).status, 204)
  const { access_token: anew } = await inPage<{ access_token: string }>('signInWithPasskey()', token)
  t.match((await gateway.send('GET', '/api/v1/sessions', { token: anew })).body, { data: [{ method: 'passkey', current: true }] })
  t.match((await post('/api-keys', anew, key)).body, { type: '/problems/step-up-required' }, 'signing in by it is no second proof')

  const removal = await stepUp(anew, 'factors.remove', factorId)
  t.equal((await gateway.send('DELETE', `/api/v1/me/factors/${factorId}`, { token: anew, headers: { 'step-up': removal } })).status, 204)
  t.equal((await gateway.send('GET', '/api/v1/me', { token: anew })).status, 401, 'the session that it opened is over')
  t.match(await enter(), { status: 401, body: { type: '/problems/proof-rejected' } })
})

t.test('a user who was not verified, a page of another origin and a domain of another name are refused', async (t) => {
  await exchange()
  const token = await newUser()
  const begun = (await post<Begun>('/me/factors/passkey', token)).body
  const confirm = (credential: Credential) => post('/me/factors/passkey/confirm', token, { factor_id: begun.factor_id, credential })
  const careless = (options: Begun['options']) => ({ ...options, userVerification: 'discouraged', authenticatorSelection: { residentKey: 'discouraged', userVerification: 'discouraged' } })

  await open(`http://localhost:${Number(port) + 1}`)
  t.equal((await confirm(await create(begun.options))).status, 401, 'made on another port')
  await open(`http://evil.localhost:${port}`)
  t.equal((await confirm(await create({ ...begun.options, rp: { id: 'evil.localhost', name: 'Countersign' } } as Options))).status, 401, 'made for another domain')
  await open(home)
  await exchange({ hasResidentKey: false, hasUserVerification: false })
  await t.rejects(create(begun.options), /NotAllowedError/, 'an honest page is not even given one')
  t.equal((await confirm(await create(careless(begun.options)))).status, 401, 'made without verification')
  await exchange()
  t.equal((await confirm(await create(begun.options))).status, 200, 'nothing of this used the challenge up')

  const asked = await askStepUp(token, 'api_keys.create', 'profile:read')
  const answer = (credential: Credential) => post(`/step-ups/${asked.id}/passkey/verify`, token, { credential })
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  t.match(await answer(await get(careless(asked.options))), { status: 401, body: { type: '/problems/proof-rejected' } })
  const entry = await challenge()
  t.equal((await post('/auth/passkey/verify', undefined, { challenge_id: entry.challenge_id, credential: await get(careless(entry.options)) })).status, 401)
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
  await open(`http://localhost:${Number(port) + 1}`)
  t.equal((await answer(await get(asked.options))).status, 401, 'shown on another port')
  await open(home)
  t.equal((await answer(await get(asked.options))).status, 200)
})

t.test('a copy of a passkey, whose counter stands lower, opens nothing', async (t) => {
  await exchange()
  const token = await newUser()
  const factorId = await addPasskey(token, 'Security key')
  for (let uses = 0; uses < 3; uses++) t.equal((await enter()).status, 200)
  const { credentials: [credential] } = await devtools.send('WebAuthn.getCredentials', { authenticatorId })
  if (credential === undefined) throw new Error('no credential')
  t.ok(credential.signCount > 1, `it counts: ${credential.signCount}`)
  await devtools.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId })
  await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 0 } })
  t.match(await enter(), { status: 401, body: { type: '/problems/proof-rejected' } })
  const asked = await askStepUp(token, 'api_keys.create', 'profile:read')
  t.equal((await post(`/step-ups/${asked.id}/passkey/verify`, token, { credential: await get(asked.options) })).status, 401)
  t.equal(await house.database('otp-service').collection('audit').countDocuments({ event: 'factor.counter_went_back', 'facts.factor': factorId }), 2)
  t.match(await (await fetch(`${house.services.opsUrls['otp-service']}/metrics`)).text(), /^otp_passkey_counter_faults_total\S* 2$/m)
})
