/** The earlier wallet system's API: its documented flow with real wallet signatures, and each of its weaknesses, gone. */
import { createHash } from 'node:crypto'
import { hashMessage } from '@stacks/encryption'
import { privateKeyToAddress, privateKeyToPublic, publicKeyToHex, randomPrivateKey, signMessageHashRsv } from '@stacks/transactions'
import { connectWallet, requestConnection } from '@countersign/contracts'
import { createLogger } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { verifiers } from '@countersign/wallets'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createConnectionCache } from '../src/earlier/wallet-connection/connection-cache.ts'
import { connectionMessage } from '../src/earlier/wallet-connection/connection-message.ts'
import { createWalletHealth } from '../src/earlier/wallet-connection/wallet-health.ts'
import { createStats } from '../src/operators/stats.ts'
import { buildHouse, signIn, type Answer, type Given, type TestGateway } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'
import { assertRefusedSoon } from './refused-soon.ts'

const house = await buildHouse(t)
const listed = 'https://app.example.com'
const settings = { SUPPORTED_NETWORKS: 'mainnet,testnet', CORS_ORIGINS: listed }
const gateway = await house.open(settings)
const other = await house.open(settings)
const sessions = house.mongo.db.collection<{ _id: string }>('sessions')
const connections = house.mongo.db.collection<{ _id: string, epoch: number }>('wallet_connections')

interface Wallet {
  readonly walletType: string
  readonly address: string
  readonly publicKey?: string
  readonly sign: (text: string) => Promise<string>
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** As Leather, Xverse and Hiro sign: the current prefix, RSV. */
function stacks ({ walletType = 'hiro', network = 'mainnet', key = randomPrivateKey() }: { walletType?: string, network?: 'mainnet' | 'testnet', key?: string } = {}): Wallet {
  return {
    walletType, address: privateKeyToAddress(key, network), publicKey: publicKeyToHex(privateKeyToPublic(key)),
    sign: (text) => Promise.resolve(signMessageHashRsv({ messageHash: hex(hashMessage(text)), privateKey: key }))
  }
}
function evm (walletType = 'metamask'): Wallet {
  const account = privateKeyToAccount(generatePrivateKey())
  return { walletType, address: account.address, sign: (message) => account.signMessage({ message }) }
}

const post = (path: string, body?: unknown, given: Given = {}, at: TestGateway = gateway): Promise<Answer> => at.send('POST', `/api/wallet/${path}`, { ...given, ...body !== undefined && { body } })
const get = (path: string, sessionId?: string, at: TestGateway = gateway): Promise<Answer> => at.send('GET', `/api/wallet/${path}`, sessionId === undefined ? {} : { headers: { 'x-session-id': sessionId } })
const own = (sessionId: string): Given => ({ headers: { 'x-session-id': sessionId } })
const exampleOf = (schema: unknown): unknown => (schema as { examples: [unknown] }).examples[0]
const data = ({ json }: Answer): Record<string, unknown> => json['data'] as Record<string, unknown>
const refusal = ({ status, json }: Answer) => ({ status, ...json, instance: 'any' })

async function challenge (body: object = { network: 'mainnet' }): Promise<{ nonce: string, message: string }> {
  const answer = await post('connection-request', body)
  if (answer.status !== 200) throw new Error(answer.text)
  return data(answer) as { nonce: string, message: string }
}
async function proofOf (wallet: Wallet, body?: object) {
  const { nonce, message } = await challenge(body)
  const { sign, ...claim } = wallet
  return { ...claim, signature: await sign(message), nonce }
}
async function connect (wallet: Wallet, body?: object): Promise<string> {
  const answer = await post('connect', await proofOf(wallet, body))
  if (answer.status !== 201) throw new Error(answer.text)
  return String(data(answer)['connectionToken'])
}
async function open (wallet: Wallet, more: object = {}) {
  const { sign: _sign, ...claim } = wallet
  const answer = await post('authenticate', { ...claim, ...more, connectionToken: await connect(wallet) })
  if (answer.status !== 201) throw new Error(answer.text)
  const { sessionId, sessionHandle } = data(answer)
  return { sessionId: String(sessionId), handle: String(sessionHandle), answer }
}

t.test('the documented flow, as its page writes it', async (t) => {
  const status = await fetch(`${gateway.url}/api/status`)
  t.equal(status.status, 200)
  t.match(await status.json(), { success: true })

  const requested = await post('connection-request', { network: 'mainnet' })
  t.equal(requested.status, 200)
  t.match(requested.headers.get('content-type'), /^application\/json/)
  t.match(requested.json, { success: true, message: String, data: { nonce: /^[0-9a-f]{64}$/, timestamp: Number, network: 'mainnet', expiresAt: /Z$/ } })
  const { nonce, message, timestamp, expiresAt } = data(requested) as { nonce: string, message: string, timestamp: number, expiresAt: string }
  t.match(message, /^gateway\.test:8000 wants you to connect your wallet\.\n\nConnect this wallet to Countersign and sign in with it\./)
  for (const line of ['URI: http://gateway.test:8000', 'Network: mainnet', `Nonce: ${nonce}`, `Issued At: ${new Date(timestamp).toISOString()}`, `Expiration Time: ${expiresAt}`]) t.ok(message.split('\n').includes(line), line)
  t.equal(new Date(expiresAt).getTime() - timestamp, 300_000)

  const wallet = stacks()
  const { address, walletType, publicKey } = wallet
  const connected = await post('connect', { address, walletType, publicKey, signature: await wallet.sign(message), nonce })
  t.equal(connected.status, 201, connected.text)
  t.match(connected.json, { success: true, data: { success: true, address: address.toLowerCase(), walletType: 'hiro', network: 'mainnet', connectedAt: /Z$/, message: String } })

  const opened = await post('authenticate', { address, walletType, publicKey, sessionDurationHours: 24, connectionToken: data(connected)['connectionToken'] })
  t.equal(opened.status, 201, opened.text)
  t.match(opened.json, { success: true, data: { sessionId: /^sess_[A-Za-z0-9_-]{43}$/, sessionHandle: /^ses_/, address: address.toLowerCase(), walletType, expiresIn: 86_400, expiresAt: /Z$/ } })
  const sessionId = String(data(opened)['sessionId'])

  const me = await get('me', sessionId)
  t.equal(me.status, 200, me.text)
  t.match(me.json, { success: true, data: { address: address.toLowerCase(), walletType, isConnected: true, network: 'mainnet', displayName: null, profile: { avatar: null, username: /^user_/, bio: null } } })
  t.ok(data(me)['lastAuthenticatedAt'])
  t.match(data(await get('wallets/all', sessionId)), { address: address.toLowerCase(), totalConnected: 1, connectedWallets: [{ walletType: 'hiro' }] })

  const profile = await gateway.send('PUT', '/api/wallet/profile', { ...own(sessionId), body: { displayName: 'Ada', avatar: 'https://example.com/ada.png', bio: 'first', username: `ada_${address.slice(-6)}` } })
  t.match(profile, { status: 200, json: { success: true, data: { displayName: 'Ada', profile: { avatar: 'https://example.com/ada.png', bio: 'first' } } } })
  t.equal(data(await get(`${address}`))['displayName'], 'Ada')

  t.match(await get('health'), { status: 200, json: { status: 'healthy', timestamp: /Z$/, metrics: { totalWalletConnections: Number, activeSessions: Number, memoryUsageMb: Number } } })

  t.match(await post('logout', undefined, own(sessionId)), { status: 200, json: { success: true, data: { success: true } } })
  t.match(await get('me', sessionId), { status: 401, json: { success: false, error: /Unauthorized/ } })
  t.ok(house.logs.lines().some((line) => line['msg'] === 'Wallet connected' && line['wallet_type'] === 'hiro' && line['network'] === 'mainnet'))
})

t.test('network: header, body, query, else the usual one; any other is 400 in the earlier envelope', async (t) => {
  const networkOf = async (answer: Promise<Answer>): Promise<unknown> => data(await answer)['network']
  t.equal(await networkOf(post('connection-request')), 'mainnet', 'no body at all')
  t.equal(await networkOf(post('connection-request', { network: 'testnet' })), 'testnet')
  t.equal(await networkOf(post('connection-request?network=testnet', {})), 'testnet')
  t.equal(await networkOf(post('connection-request', { network: 'mainnet' }, { headers: { 'x-network': 'testnet' } })), 'testnet')
  t.equal(await networkOf(post('connection-request', { network: 'testnet', more: 'is passed over' })), 'testnet')

  const wrong = [
    post('connection-request', { network: 'devnet' }), post('connection-request', { network: 'goerli' }), post('connection-request', { network: 7 }),
    post('connection-request?network=x', {}), post('connection-request', {}, { headers: { 'x-network': 'MAINNET' } }),
    gateway.send('GET', `/api/wallet/${stacks().address}?network=x`), gateway.send('GET', '/api/wallet/verify/ses_0', { headers: { 'x-network': '' } })
  ]
  for (const answer of await Promise.all(wrong)) {
    t.match(answer, { status: 400, json: { success: false, error: /mainnet, testnet or devnet/, type: '/problems/unknown-network' } })
    t.match(answer.headers.get('content-type'), /^application\/json/)
  }
})

t.test('a challenge may name its address, and then nobody else\'s key will do', async (t) => {
  const wallet = stacks({ network: 'testnet' })
  const { message } = await challenge({ network: 'testnet', address: wallet.address.toLowerCase() })
  t.ok(message.startsWith(`gateway.test:8000 wants you to connect your wallet:\n${wallet.address}\n\n`))
  t.equal((await post('connect', await proofOf(wallet, { network: 'testnet', address: wallet.address }))).status, 201)
  t.equal((await post('connect', { ...await proofOf(stacks({ network: 'testnet' }), { network: 'testnet', address: wallet.address }) })).status, 401)
  t.equal((await post('connection-request', { network: 'mainnet', address: wallet.address })).status, 422, 'of another network')
  t.equal((await post('connection-request', { address: `${wallet.address.slice(0, -1)}${wallet.address.endsWith('0') ? '1' : '0'}`, network: 'testnet' })).status, 422, 'a wrong checksum')
})

t.test('weakness 1: public data opens no session; a proof opens one, once', async (t) => {
  const wallet = stacks()
  const { sign: _sign, ...claim } = wallet
  await open(wallet)
  const reference = refusal(await post('authenticate', claim))
  t.match(reference, { status: 401, success: false, type: '/problems/proof-rejected' })

  const another = stacks()
  const wrong: Record<string, object> = {
    'an invented token': { ...claim, connectionToken: 'A'.repeat(43) },
    'the token of another wallet': { ...claim, connectionToken: await connect(another) },
    'another program': { ...claim, walletType: 'xverse', connectionToken: await connect(wallet) },
    'another key': { ...claim, publicKey: another.publicKey, connectionToken: await connect(wallet) }
  }
  for (const [name, body] of Object.entries(wrong)) t.strictSame(refusal(await post('authenticate', body)), reference, name)

  const connectionToken = await connect(wallet)
  const answers = await Promise.all(Array.from({ length: 20 }, (_unused, i) => post('authenticate', { ...claim, connectionToken }, {}, i % 2 === 0 ? gateway : other)))
  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  t.equal(answers.filter(({ status }) => status === 401).length, 19)
})

t.test('weaknesses 2 and 5: the nonce counts, once, and no text but a signature connects', async (t) => {
  const wallet = stacks()
  const proof = await proofOf(wallet)
  const reference = refusal(await post('connect', { ...proof, nonce: 'f'.repeat(64) }))
  t.match(reference, { status: 401, success: false, error: /Unauthorized/ })
  for (const signature of ['0123456789', '', '0x', 'A'.repeat(130), '0'.repeat(130), '\u0000💥', 'ab'.repeat(10_000)]) {
    t.strictSame(refusal(await post('connect', { ...await proofOf(wallet), signature })), reference, `${signature.length} characters`)
  }
  const burnt = await proofOf(wallet)
  t.equal((await post('connect', { ...burnt, signature: proof.signature })).status, 401, 'signed for another nonce')
  t.equal((await post('connect', burnt)).status, 401, 'a wrong signature uses the nonce up')

  const answers = await Promise.all(Array.from({ length: 30 }, (_unused, i) => post('connect', proof, {}, i % 2 === 0 ? gateway : other)))
  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  t.equal(answers.filter(({ status }) => status === 401).length, 29)
})

t.test('weakness 3: nobody connects the address of another key', async (t) => {
  const [victim, thief] = [stacks(), stacks()]
  for (const publicKey of [thief.publicKey, victim.publicKey]) {
    t.equal((await post('connect', { ...await proofOf(thief), address: victim.address, publicKey })).status, 401)
  }
  t.equal((await post('connect', { ...await proofOf(thief), publicKey: victim.publicKey })).status, 401, 'nor under another\'s key')
  t.equal((await post('connect', { ...await proofOf(stacks({ network: 'testnet' })) })).status, 401, 'nor on a network that the text does not name')
  t.equal(await connections.countDocuments({ address: victim.address.toLowerCase() }), 0)
})

t.test('weakness 4: what wallets really sign is taken, in either case of hex, and no other construction', async (t) => {
  const key = randomPrivateKey()
  const wallet = stacks({ key, walletType: 'leather' })
  const signed = (hash: (text: string) => Uint8Array) => ({ ...wallet, sign: (text: string) => Promise.resolve(signMessageHashRsv({ messageHash: hex(hash(text)), privateKey: key })) })
  const sha256 = (...parts: (string | Uint8Array)[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
  t.equal((await post('connect', await proofOf(wallet))).status, 201)
  const upper = await proofOf(wallet)
  t.equal((await post('connect', { ...upper, signature: `0x${upper.signature.toUpperCase()}` })).status, 201)

  const others: Record<string, Wallet> = {
    'the retired prefix': signed((text) => sha256('\x18Stacks Message Signing:\n', Uint8Array.of(0xfd, text.length & 255, text.length >> 8), text)),
    'the length in decimal': signed((text) => sha256('\x17Stacks Signed Message:\n', String(text.length), text)),
    'two rounds': signed((text) => sha256(hashMessage(text))),
    'the bare text': signed((text) => sha256(text)),
    'V first': { ...wallet, sign: async (text) => { const rsv = await wallet.sign(text); return rsv.slice(128) + rsv.slice(0, 128) } }
  }
  for (const [name, broken] of Object.entries(others)) t.equal((await post('connect', await proofOf(broken))).status, 401, name)
})

t.test('weakness 6: only the owner disconnects, and every session of that wallet ends with it', async (t) => {
  const wallet = stacks()
  const { address, walletType } = wallet
  const first = await open(wallet)
  const second = await open(wallet)
  const stranger = await open(stacks())
  const elsewhere = await open(stacks({ walletType: 'xverse' }))

  t.match(await post('disconnect', { address, walletType }), { status: 401, json: { success: false } })
  t.match(await post('disconnect', { address, walletType }, own(stranger.sessionId)), { status: 403, json: { success: false, type: '/problems/not-owner' } })
  t.equal((await post(`disconnect/${address}`, {}, own(stranger.sessionId))).status, 403)
  t.equal((await post('disconnect', { address: stacks().address, walletType }, own(stranger.sessionId))).status, 404)
  for (const { sessionId } of [first, second]) t.strictSame([(await get('me', sessionId)).status, (await get('me', sessionId, other)).status], [200, 200])

  t.match(await post('disconnect', { address: address.toLowerCase(), walletType, reason: 'lost $phone' }, own(first.sessionId)), { status: 200, json: { success: true, data: { success: true, message: String } } })
  for (const { sessionId } of [first, second]) t.equal((await get('me', sessionId)).status, 401)
  await assertRefusedSoon(t, house, other, {
    'the session that asked': async () => (await get('me', first.sessionId, other)).status === 200,
    'another of that wallet': async () => (await get('me', second.sessionId, other)).status === 200,
    'its public handle': async () => data(await get(`verify/${second.handle}`, undefined, other))['valid'] === true
  })
  t.equal((await get('me', elsewhere.sessionId)).status, 200)
  t.match(await connections.findOne({ address: address.toLowerCase() }), { isConnected: false, disconnectReason: 'lost $phone' })
  t.match(await sessions.findOne({ _id: first.handle }), { state: 'revoked', endedReason: 'wallet_disconnected' }, 'kept as history')

  const again = await open(wallet)
  t.equal((await get('me', again.sessionId)).status, 200)
  t.equal((await post(`disconnect/${address}`, undefined, { raw: '', headers: { 'x-session-id': again.sessionId } })).status, 200, 'with an empty body')
  t.equal((await get('me', again.sessionId)).status, 401)
})

t.test('a proof of before a disconnection opens nothing, and of both in a race no session is left', async (t) => {
  const wallet = stacks()
  const { sign: _sign, ...claim } = wallet
  const before = await connect(wallet)
  const { sessionId } = await open(wallet)
  await post('disconnect', claim, own(sessionId))
  t.equal((await post('authenticate', { ...claim, connectionToken: before })).status, 401)

  for (let round = 0; round < 10; round++) {
    const { sessionId: owner } = await open(wallet)
    const connectionToken = await connect(wallet)
    const [opened, disconnected] = await Promise.all([post('authenticate', { ...claim, connectionToken }, {}, other), post('disconnect', claim, own(owner))])
    t.equal(disconnected.status, 200)
    t.ok([201, 401].includes(opened.status), String(opened.status))
    t.equal(await sessions.countDocuments({ connectionId: `hiro:${wallet.address.toLowerCase()}`, state: 'active' }), 0)
  }
})

t.test('weakness 7: every EVM wallet type connects by its personal signature', async (t) => {
  for (const walletType of ['metamask', 'walletconnect', 'coinbase', 'trust']) {
    const { sessionId } = await open(evm(walletType))
    t.match(data(await get('me', sessionId)), { walletType, address: /^0x[0-9a-f]{40}$/, network: 'mainnet' })
  }
  const wallet = evm()
  t.equal((await post('connect', { ...await proofOf(wallet), walletType: 'hiro' })).status, 401, 'a Stacks wallet holds no such address')
  t.equal((await post('connect', { ...await proofOf(evm()), address: wallet.address })).status, 401)
  t.equal((await post('connect', { ...await proofOf(wallet), address: 'x' })).status, 422)
  const user = await signIn(gateway, privateKeyToAccount(generatePrivateKey()))
  t.equal((await gateway.send('GET', '/api/wallet/me', { token: user.access })).status, 404, 'a session that no connection opened has no wallet here')
})

t.test('one wallet is one account in both APIs', async (t) => {
  const account = privateKeyToAccount(generatePrivateKey())
  const { userId } = await signIn(gateway, account)
  const { sessionId } = await open({ walletType: 'coinbase', address: account.address, sign: (message) => account.signMessage({ message }) })
  t.equal((await gateway.send('GET', '/api/v1/me', own(sessionId))).json['id'], userId)

  const { nonce, message } = await challenge()
  const crossed = await gateway.send('POST', '/api/v1/auth/evm/verify', { body: { address: account.address, signed_message: message, signature: await account.signMessage({ message }) } })
  t.equal(crossed.status, 401, 'a connection\'s message signs nobody in there')
  const signInChallenge = await gateway.send('POST', '/api/v1/auth/evm/challenge', { body: { address: account.address } })
  const text = String(signInChallenge.json['message'])
  for (const wrong of [String(signInChallenge.json['nonce']), String(signInChallenge.json['challenge_id']), nonce]) {
    t.equal((await post('connect', { address: account.address, walletType: 'metamask', signature: await account.signMessage({ message: text }), nonce: wrong })).status, 401)
  }
})

t.test('weakness 8: a session lasts from one hour to a year, a day unless asked for', async (t) => {
  const wallet = stacks()
  const { sign: _sign, ...claim } = wallet
  for (const hours of [1, 24, 8_760]) {
    const { answer } = await open(wallet, { sessionDurationHours: hours })
    t.equal(data(answer)['expiresIn'], hours * 3_600)
  }
  for (const sessionDurationHours of [0, 0.99, -1, 8_761, 1e9, '24', null]) {
    t.match(await post('authenticate', { ...claim, sessionDurationHours, connectionToken: await connect(wallet) }), { status: 422, json: { success: false, faults: [{ path: 'body/sessionDurationHours' }] } }, String(sessionDurationHours))
  }
  const { sessionId } = await open(wallet, { sessionDurationHours: 1 })
  t.equal((await get('me', sessionId)).headers.get('x-session-expires-soon'), null)
  const later = await house.open({ ...settings, CLOCK_OFFSET_MS: String(45 * 60_000) })
  const { headers } = await get('me', sessionId, later)
  t.equal(headers.get('x-session-expires-soon'), 'true')
  t.ok(Number(headers.get('x-session-expires-in')) <= 900)
})

t.test('weakness 9: a session\'s secret is kept nowhere and belongs into no address', async (t) => {
  const { sessionId, handle } = await open(stacks())
  const stored = JSON.stringify(await sessions.findOne({ _id: handle }))
  t.notMatch(stored, sessionId.slice(5))

  t.match(await get(`verify/${handle}`), { status: 200, json: { success: true, data: { valid: true, walletType: 'hiro', expiresAt: /Z$/ } } })
  const unknown = await get('verify/ses_00000000000000000000000000')
  t.match(unknown, { status: 200, json: { data: { valid: false, reason: String } } })
  t.strictSame((await get(`verify/${sessionId}`)).json, unknown.json, 'the secret answers as an unknown handle')
  // As a gateway that logs every request and every detail sees it, wherever in an address the secret stands.
  const talkative = await house.open({ ...settings, ACCESS_LOG: '1', LOG_LEVEL: 'trace' })
  const before = house.logs.text().length
  for (const path of [
    `/api/wallet/verify/${sessionId}`, `/api/wallet/verify/${sessionId}%zz`, `/api/wallet/verify/${sessionId.replace('_', '%5F')}`, `/api/wallet/verify/${sessionId}/more`,
    `/api/wallet/me?sessionId=${sessionId}`, `/api/wallet/${sessionId}`, `/api/v1/auth/sessions/${sessionId}`, `/${sessionId}`
  ]) for (const method of ['GET', 'DELETE']) await talkative.send(method, path)
  t.match(house.logs.text().slice(before), /"route":"\/api\/wallet\/verify\/:sessionId"[^\n]*"request served"/)
  t.notMatch(house.logs.text(), sessionId.slice(5))
  const user = await signIn(gateway, privateKeyToAccount(generatePrivateKey()))
  t.match(data(await get(`verify/${user.refresh.split('.')[1] ?? ''}`)), { valid: false }, 'nor is a session of the other API shown')

  await post('logout', undefined, own(sessionId))
  t.match(data(await get(`verify/${handle}`)), { valid: false })
})

t.test('asking whether a session is open does not keep it open', async (t) => {
  const idle = await house.open({ ...settings, SESSION_IDLE_HOURS: '1' })
  const { handle } = await open(stacks())
  await sessions.updateOne({ _id: handle }, [{ $set: { lastSeenAt: { $subtract: ['$$NOW', 3_599_000] } } }])
  t.match(data(await get(`verify/${handle}`, undefined, idle)), { valid: true })
  await sessions.updateOne({ _id: handle }, [{ $set: { lastSeenAt: { $subtract: ['$$NOW', 3_601_000] } } }])
  t.match(data(await get(`verify/${handle}`, undefined, idle)), { valid: false })
})

t.test('weakness 10: the cookies work, for listed pages alone', async (t) => {
  const wallet = stacks()
  const { sign: _sign, ...claim } = wallet
  const connected = await post('connect', await proofOf(wallet), { headers: { origin: listed } })
  const fresh = String(connected.headers.get('set-cookie'))
  for (const part of [/^walletConnection=/, /; Path=\/api\/wallet/, /; HttpOnly/, /; SameSite=Strict/, /; Max-Age=300/]) t.match(fresh, part)
  const cookie = fresh.split(';')[0] ?? ''
  t.equal((await post('authenticate', claim, { headers: { cookie } })).status, 403, 'a cookie from no page at all')
  t.equal((await post('authenticate', claim, { headers: { cookie, origin: 'https://evil.example' } })).status, 403)
  const opened = await post('authenticate', claim, { headers: { cookie, origin: listed } })
  t.equal(opened.status, 201, opened.text)

  const set = opened.headers.getSetCookie().find((line) => line.startsWith('sessionId=')) ?? ''
  for (const part of [/^sessionId=sess_/, /; HttpOnly/, /; SameSite=Strict/, /; Path=\//]) t.match(set, part)
  t.ok(opened.headers.getSetCookie().some((line) => /^walletConnection=;/.test(line)))
  const session = { cookie: set.split(';')[0] ?? '' }
  t.equal((await gateway.send('GET', '/api/wallet/me', { headers: session })).status, 200)
  t.equal((await post('logout', undefined, { headers: session })).status, 403)
  const out = await post('logout', undefined, { headers: { ...session, origin: listed } })
  t.match(out, { status: 200 })
  t.match(out.headers.get('set-cookie'), /^sessionId=;.*Expires=Thu, 01 Jan 1970/)

  t.equal((await post('connect', await proofOf(wallet), { headers: { origin: 'https://evil.example' } })).status, 403)
  const preflight = await gateway.send('OPTIONS', '/api/wallet/connect', { headers: { origin: listed, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-network,x-session-id' } })
  t.match(preflight.headers.get('access-control-allow-headers'), /x-network/)
})

t.test('weakness 11: one address in two programs, and sessions that ended are kept', async (t) => {
  const key = randomPrivateKey()
  const [hiro, xverse] = [stacks({ key }), stacks({ key, walletType: 'xverse' })]
  const first = await open(hiro)
  const second = await open(xverse)
  t.match(data(await get('wallets/all', first.sessionId)), { totalConnected: 2 })
  t.equal(data(await get(`${hiro.address}?walletType=hiro`))['walletType'], 'hiro')
  t.equal(data(await get(hiro.address))['walletType'], 'xverse', 'the newest unless asked for')
  await post('disconnect', { address: hiro.address, walletType: 'hiro' }, own(second.sessionId))
  t.equal((await get('me', first.sessionId)).status, 401)
  t.equal((await get('me', second.sessionId)).status, 200)
  t.equal((await get(`${hiro.address}?walletType=hiro`)).status, 404)
  t.equal((await get(`${hiro.address}?walletType=nosuch`)).status, 422)

  t.notOk((await sessions.indexes()).some(({ expireAfterSeconds }) => expireAfterSeconds !== undefined))
  t.ok((await connections.indexes()).some(({ key: fields, unique }) => unique === true && Object.keys(fields).join() === 'address,walletType'))
})

t.test('first connections of one wallet that race make one account and one connection', async (t) => {
  const wallet = stacks()
  const proofs = await Promise.all(Array.from({ length: 12 }, () => proofOf(wallet)))
  const answers = await Promise.all(proofs.map((proof, i) => post('connect', proof, {}, i % 2 === 0 ? gateway : other)))
  t.strictSame([...new Set(answers.map(({ status }) => status))], [201])
  t.equal(await connections.countDocuments({ address: wallet.address.toLowerCase() }), 1)
  t.equal(await house.mongo.db.collection('identities').countDocuments({ address: wallet.address }), 1)
})

t.test('weakness 12: failures are counted where alerts and operators look', async (t) => {
  const { mongo } = await openUseCases(house)
  const before = await createStats(mongo, { idleSeconds: Infinity }).failures(3_600)
  await post('connect', { ...await proofOf(stacks()), signature: '00' })
  const after = await createStats(mongo, { idleSeconds: Infinity }).failures(3_600)
  t.equal(after.failed, before.failed + 1)
  t.ok(after.reasons.some(({ name }) => name === 'signature is not 65 bytes in hex'))
  const metrics = await (await fetch(`${gateway.opsUrl}/metrics`)).text()
  t.match(metrics, /wallet_authentications_total\{wallet_type="hiro",status="failure"\} \d+/)
  t.match(metrics, /wallet_authentications_total\{wallet_type="hiro",status="success"\} \d+/)
  t.ok(house.logs.lines().some(({ msg }) => msg === 'signature verification refused'))
})

t.test('weakness 13: each step may meet another process', async (t) => {
  const wallet = stacks()
  const proof = await proofOf(wallet)
  const connected = await post('connect', proof, {}, other)
  t.equal(connected.status, 201)
  const { sign: _sign, ...claim } = wallet
  const opened = await post('authenticate', { ...claim, connectionToken: data(connected)['connectionToken'] })
  t.equal((await get('me', String(data(opened)['sessionId']), other)).status, 200)
})

t.test('weakness 14: an application\'s private key is refused by its form and told nobody', async (t) => {
  const key = randomPrivateKey()
  const wallet = stacks({ key })
  for (const publicKey of [key, key.slice(0, 64), `0x${key}`]) {
    const answer = await post('connect', { ...await proofOf(wallet), publicKey })
    t.match(answer, { status: 422, json: { success: false, faults: [{ path: 'body/publicKey' }] } })
    t.notMatch(answer.text, key.slice(0, 64))
  }
  t.notMatch(house.logs.text(), key.slice(0, 64))
  const stored = await Promise.all(['wallet_connections', 'audit', 'sessions'].map((name) => house.mongo.db.collection(name).find().toArray()))
  t.notMatch(JSON.stringify(stored), key.slice(0, 64))
})

t.test('weakness 15: what is cached for an hour is forgotten when it changes', async (t) => {
  const wallet = stacks()
  const { sessionId } = await open(wallet)
  const cacheKey = `gw:wallet:${wallet.address.toLowerCase()}`
  const client = (await openUseCases(house)).redis
  t.equal((await get(wallet.address)).status, 200)
  t.equal(await client.get(cacheKey), 'changing', 'just after a change nothing is kept')
  await client.del(cacheKey)
  t.equal((await get(wallet.address)).status, 200)
  t.match(await client.get(cacheKey), /^\[\{/)
  t.ok(await client.ttl(cacheKey) > 3_500)
  await connections.updateOne({ _id: `hiro:${wallet.address.toLowerCase()}` }, { $set: { network: 'testnet' } })
  t.equal(data(await get(wallet.address))['network'], 'mainnet', 'read from the cache')

  const stranger = data(await get(wallet.address.toLowerCase()))
  t.strictSame(Object.keys(stranger), ['address', 'walletType', 'network', 'displayName'])
  t.match(data(await get(wallet.address, sessionId)), { isConnected: true, connectedAt: /Z$/ }, 'its owner sees more')
  await post('disconnect', { address: wallet.address, walletType: 'hiro' }, own(sessionId))
  for (const at of [gateway, other]) t.equal((await get(wallet.address, undefined, at)).status, 404)
})

t.test('a slow reader of before a change keeps nothing of what it read', async (t) => {
  const { redis } = await openUseCases(house)
  const log = createLogger({ service: 'auth-gateway', level: 'silent', sha: 'test', environment: 'test' })
  let release = (): void => {}
  const read = new Promise<void>((resolve) => { release = resolve })
  const cache = createConnectionCache({ redis, log, load: async () => { await read; return [] } })
  const slow = cache.ofAddress('sp-slow')
  await until(async () => await redis.get('gw:wallet:sp-slow') === null, { what: 'the reader to be on its way' })
  await cache.forget('sp-slow')
  release()
  t.strictSame(await slow, [])
  t.equal(await redis.get('gw:wallet:sp-slow'), 'changing')
})

t.test('an unlinked wallet is shown to nobody, and its sessions are gone', async (t) => {
  const account = privateKeyToAccount(generatePrivateKey())
  const wallet: Wallet = { walletType: 'metamask', address: account.address, sign: (message) => account.signMessage({ message }) }
  const { sessionId } = await open(wallet)
  const owner = stacks()
  const { json } = await gateway.send('POST', '/api/v1/auth/stacks/challenge', { ...own(sessionId), body: { address: owner.address, purpose: 'link' } })
  const message = String(json['message'])
  const linked = await gateway.send('POST', '/api/v1/auth/stacks/link', { ...own(sessionId), body: { address: owner.address, signed_message: message, challenge_id: json['challenge_id'], signature: await owner.sign(message) } })
  t.equal(linked.status, 200, linked.text)
  const later = await open(owner)
  t.match(data(await get('wallets/all', later.sessionId)), { totalConnected: 2 })
  t.equal((await gateway.send('DELETE', `/api/v1/me/identities/${encodeURIComponent(`eip155:0:${account.address.toLowerCase()}`)}`, own(later.sessionId))).status, 204)
  t.equal((await get('me', sessionId)).status, 401)
  t.equal((await get(account.address)).status, 404)
  t.match(data(await get('wallets/all', later.sessionId)), { totalConnected: 1 })
})

t.test('the proof in the API\'s description is one, of a text that this gateway composes', async (t) => {
  const { address, publicKey, signature, nonce } = exampleOf(connectWallet.body) as { address: string, publicKey: string, signature: string, nonce: string }
  const { data: { message, timestamp, network, expiresAt } } = exampleOf(requestConnection.reply) as { data: { message: string, timestamp: number, network: string, expiresAt: string } }
  const place = { domain: 'auth.example.com', origin: 'https://auth.example.com', brand: 'Countersign' }
  t.equal(message, connectionMessage({ ...place, network, nonce, issuedAt: new Date(timestamp), expiresAt: new Date(expiresAt) }))
  t.match(await verifiers.stacks({ message, signature, address, publicKey, network: 'mainnet' }), { valid: true })
})

t.test('the path of an address takes addresses alone', async (t) => {
  for (const path of ['balance', 'transactions', 'otp', '0x12', 'SP', `${stacks().address}x`, 'a'.repeat(99)]) {
    const answer = await get(path)
    t.match(answer, { status: 404, json: { type: '/problems/no-such-route' } }, path)
  }
  t.match(await get(stacks().address), { status: 404, json: { success: false, type: '/problems/not-found' } })
  const page = await (await fetch(`${gateway.url}/openapi.json`)).json() as { paths: Record<string, { get?: { responses: Record<string, { content: object }> } }> }
  t.match(page.paths['/api/wallet/{address}']?.get?.responses['404']?.content, { 'application/json': { schema: { allOf: Array } } })
})

t.test('localhost is limited like everybody, in the earlier envelope', async (t) => {
  const strict = await house.open({ ...settings, AUTH_RATE_LIMIT_MAX_REQUESTS: '3' })
  const answers: Answer[] = []
  for (let i = 0; i < 5; i++) answers.push(await post('connection-request', {}, {}, strict))
  const last = answers.at(-1)
  t.match(last, { status: 429, json: { success: false, error: /Too many requests/ } })
  t.ok(Number(last?.headers.get('retry-after')) > 0)
})

t.test('an unhealthy database is told in one fixed word', async (t) => {
  const health = createWalletHealth({
    countConnections: () => Promise.reject(new Error('connect ECONNREFUSED mongodb://user:secret@10.0.0.1')),
    countActiveSessions: () => Promise.resolve(1), heapUsedBytes: () => 1, now: () => new Date(0)
  })
  t.strictSame(await health(), { status: 'unhealthy', timestamp: '1970-01-01T00:00:00.000Z', error: 'unavailable' })
})

t.test('open sessions are counted by network', async (t) => {
  await open(stacks())
  const { opsUrl } = await house.open({ ...settings, SESSION_CLEANUP_INTERVAL: '1000' })
  const counted = async (): Promise<string> => (await fetch(`${opsUrl}/metrics`)).text()
  await until(async () => (await counted()).includes('wallet_sessions_active{network="stacks:1"}'), { timeoutMs: 15_000, what: 'the sweep to count' })
  t.notMatch(await counted(), /wallet_sessions_active\{network="(hiro|SP|0x)/)
})
