/** Taking one's data along, and leaving: what the gateway ends at once, what it waits for, and what is left. */
import { createHash } from 'node:crypto'
import {
  accountDeletedOtp, accountDeletedSigner, accountDeleteOtp, accountDeleteSigner, beginFactorWipe, confirmFactorWipe, listFactors, listSignatures, listTransactions,
  mailFromGateway, mailSealContext, permitOfAda, Problem, problems, readTransactions, wipeActionPreimage, type AccountExport, type Job, type MailContent, type MailPayload, type PayloadOf, type ReceiptClaims, type SignatureView, type TransactionView
} from '@countersign/contracts'
import { createAudit, inTransaction } from '@countersign/mongo'
import { connectRedis, createProducer, handle, jobConnection, startWorker } from '@countersign/redis'
import { createMetrics } from '@countersign/runtime'
import { createReceiptSigner, keyFromText, open as openSeal, randomToken } from '@countersign/secrets'
import { until } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createConnectWallet } from '../src/earlier/wallet-connection/connect-wallet.ts'
import { createConnectionRepository } from '../src/earlier/wallet-connection/connection-repository.ts'
import { createFindOrCreateUser } from '../src/sign-in/find-or-create-user.ts'
import { buildHouse, proofOf, signIn, type Answer, type Tokens } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'

/** A machine that runs other tests as well may be slow; nothing waits this long when all is well. */
const patienceMs = 45_000
const house = await buildHouse(t)
const mailKey = randomToken(32)
const gateway = await house.open({ MAIL_SEAL_KEY: mailKey })
const other = await house.open({ MAIL_SEAL_KEY: mailKey })
const { log } = house.parts()
const io = (service: string) => ({ log, metrics: createMetrics({ service, sha: 'test' }), connection: jobConnection(house.redis.url, service) })
const { db } = house.mongo
const users = db.collection<{ _id: string, state: string, deletion?: { acknowledged: string[] } }>('users')

/** Users whose factor otp-service knows, by the code that proves it. */
const codes = new Map<string, string>()
const challengeId = 'chl_01HZZZZZZZZZZZZZZZZZZZZZZZ'
const { sign } = createReceiptSigner(house.receiptKey.privateJwk)
let forge = (claims: ReceiptClaims): ReceiptClaims => claims
const commandIds: string[] = []
await house.answerFor('otp-service', [
  handle(beginFactorWipe, async ({ user_id: id }) => ({ challenge: codes.has(id) ? { challenge_id: challengeId, sent_to: 'a***@e***.com', expires_at: '2030-01-01T00:00:00Z' } : null })),
  handle(listFactors, ({ user_id: id }) => Promise.resolve({ factors: codes.has(id) ? [{ id: 'fct_01HZZZZZZZZZZZZZZZZZZZZZZZ', kind: 'email_code' as const, label: 'a***@e***.com', shown: true, sends: true, proved_at: '2030-01-01T00:00:00Z' }] : [] })),
  handle(confirmFactorWipe, async ({ user_id: id, proof }, { commandId }) => {
    commandIds.push(commandId)
    const code = codes.get(id)
    if (code === undefined) return { receipt: null }
    if (proof === undefined) throw new Problem(problems.factorProofRequired)
    if (proof.code !== code) throw new Problem(problems.codeRejected)
    return {
      receipt: await sign(forge({
        jti: 'rcp_01HZZZZZZZZZZZZZZZZZZZZZZZ', challenge_id: challengeId, aud: 'auth-gateway', purpose: 'account_delete', sub: id, factor_root: 'A'.repeat(43), factor_kind: 'email_code', shown: true,
        factor_age_seconds: 9, action_digest: `0x${createHash('sha256').update(wipeActionPreimage(id)).digest('hex')}`, text_sha256: '0'.repeat(64), iat: 0
      }))
    }
  })
])

/** Of whoever asks: transactions in pages of 100, as many as a test wants. */
let transfers = 0
const [{ data: [transfer] }] = (readTransactions.reply as unknown as { examples: [{ data: [TransactionView] }] }).examples
await house.answerFor('signer-service', [handle(listTransactions, ({ limit, cursor = '0' }) => {
  const from = Number(cursor)
  const data = Array.from({ length: Math.min(limit, transfers - from) }, () => transfer)
  return Promise.resolve({ data, next_cursor: from + data.length < transfers ? String(from + data.length) : null })
}), handle(listSignatures, () => Promise.resolve({ data: [permitOfAda as unknown as SignatureView], next_cursor: null }))])

/** What the other services were asked, and their answers. */
const asked: { readonly of: string, readonly payload: PayloadOf<typeof accountDeleteOtp> }[] = []
const mails: MailContent[] = []
let away = false
for (const job of [accountDeleteOtp, accountDeleteSigner]) {
  const worker = startWorker(job, { ...io(job.consumer), handle: async (payload) => {
    asked.push({ of: job.consumer, payload })
    if (away) throw new Error('it died over it')
  } })
  t.teardown(worker.close)
}
const mailWorker = startWorker(mailFromGateway, {
  ...io('email-worker'),
  handle: async (payload: MailPayload) => {
    mails.push(JSON.parse(openSeal({ key: keyFromText(mailKey), sealed: payload.sealed, associated: mailSealContext(mailFromGateway.name, payload) }).toString()) as MailContent)
  }
})
t.teardown(mailWorker.close)
const producerOf = <J extends Job>(job: J) => {
  const producer = createProducer(job, io(job.producer))
  t.teardown(producer.close)
  return producer
}
const fromOtp = producerOf(accountDeletedOtp)
const fromSigner = producerOf(accountDeletedSigner)
const askedOf = async (service: string, userId: string) =>
  (await until(() => asked.find(({ of, payload }) => of === service && payload.user_id === userId), { what: `the job of ${service}`, timeoutMs: patienceMs })).payload
const acknowledge = async (userId: string): Promise<void> => {
  await fromOtp.add({ ...await askedOf('otp-service', userId), factors: 'none' })
  await fromSigner.add(await askedOf('signer-service', userId))
}
const stateOf = async (userId: string) => (await users.findOne({ _id: userId }))?.state
const deleted = (userId: string) => until(async () => await stateOf(userId) === 'deleted', { what: 'the deletion to be done', timeoutMs: patienceMs })

const mailed = (template: MailContent['template'], to: string) =>
  until(() => mails.find((mail) => mail.template === template && mail.to === to), { what: `the mail ${template}`, timeoutMs: patienceMs })

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const usernameOf = async ({ access }: Tokens): Promise<string> => String((await gateway.send('GET', '/api/v1/me', { token: access })).json['username'])
const leave = async (tokens: Tokens, more: object = {}) => await gateway.send('DELETE', '/api/v1/me', { token: tokens.access, body: { confirm: await usernameOf(tokens), ...more } })
const rejoin = async (account: ReturnType<typeof newAccount>) => gateway.send('POST', '/api/v1/auth/evm/verify', { body: await proofOf(gateway, account) })

t.test('an account that is deleted is gone at once, everywhere, and of all of it a row with its id is left', async (t) => {
  const account = newAccount()
  const tokens = await signIn(gateway, account)
  const elsewhere = await signIn(other, account)
  const username = await usernameOf(tokens)
  await gateway.send('PUT', '/api/v1/me', { token: tokens.access, body: { profile: { display_name: 'Ada Lovelace', bio: 'secret life' } } })
  await users.updateOne({ _id: tokens.userId }, { $set: { email: 'ada@example.com', emailProvedAt: new Date() } })
  await db.collection<{ _id: string }>('identities').insertOne({ _id: 'email:ada@example.com', userId: tokens.userId, kind: 'email', address: 'ada@example.com', verified: true, addedAt: new Date() } as never)
  await db.collection<{ _id: string }>('passwords').insertOne({ _id: 'email:ada@example.com', userId: tokens.userId, hash: 'argon', changedAt: new Date() } as never)
  const key = String((await gateway.send('POST', '/api/v1/api-keys', { token: tokens.access, body: { name: 'nightly for Ada', scopes: ['profile:read'] } })).json['key'])
  t.equal((await gateway.send('GET', '/api/v1/me', { token: key })).status, 200)

  t.match(await leave(tokens), { status: 202, json: { state: 'deleting' } })

  t.equal((await gateway.send('GET', '/api/v1/me', { token: tokens.access })).status, 401)
  t.equal((await gateway.send('POST', '/api/v1/auth/refresh', { body: { refresh_token: tokens.refresh } })).status, 401)
  await until(async () => (await other.send('GET', '/api/v1/me', { token: elsewhere.access })).status === 401, { what: 'the other process to refuse', timeoutMs: patienceMs })
  await until(async () => (await gateway.send('GET', '/api/v1/me', { token: key })).status === 401, { what: 'the key to be refused', timeoutMs: patienceMs })
  t.equal((await leave(tokens)).status, 401, 'a second time')
  t.match(await rejoin(account), { status: 409, json: { type: '/problems/account-deleting' } })
  const wrongProof = { ...await proofOf(gateway, account), signature: await newAccount().signMessage({ message: 'x' }) }
  t.match(await gateway.send('POST', '/api/v1/auth/evm/verify', { body: wrongProof }), { status: 401 }, 'nobody else is told')
  await mailed('account_deleting', 'ada@example.com')

  const [otp, signer] = [await askedOf('otp-service', tokens.userId), await askedOf('signer-service', tokens.userId)]
  t.same(otp, signer)
  await fromSigner.add(signer)
  await until(async () => (await users.findOne({ _id: tokens.userId }))?.deletion?.acknowledged.length === 1, { what: 'the first word', timeoutMs: patienceMs })
  t.equal(await stateOf(tokens.userId), 'deleting', 'one service is not all')
  t.match(await rejoin(account), { status: 409 })
  t.notOk(mails.some(({ template }) => template === 'account_deleted'))
  await fromOtp.add({ ...otp, factors: 'none' })
  await deleted(tokens.userId)
  await mailed('account_deleted', 'ada@example.com')

  t.match(await users.findOne({ _id: tokens.userId }), { username: '', email: null, emailProvedAt: null, roles: [], profile: {}, deletion: { id: otp.deletion_id, finishedAt: Date } })
  // Whatever else is kept of users must not survive them either.
  const personal = [username, 'Ada', 'ada@example.com', account.address, account.address.toLowerCase(), 'node', '127.0.0.1', 'secret life']
  for (const { name } of await db.listCollections().toArray()) {
    const rows = (await db.collection(name).find({}).toArray()).map((row) => JSON.stringify(row)).filter((row) => row.includes(tokens.userId))
    t.strictSame([...new Set(rows.flatMap((row) => personal.filter((text) => row.includes(text))))], [], name)
    if (rows.length > 0) t.ok(['users', 'sessions', 'audit', 'outbox'].includes(name), `${name} holds nothing of them`)
  }
  t.equal(await db.collection('sessions').countDocuments({ userId: tokens.userId, state: 'active' }), 0)
  t.match(await db.collection('audit').find({ subject: tokens.userId }).sort({ _id: 1 }).toArray().then((rows) => rows.map(({ event }) => event as string).slice(-3)),
    ['user.deletion_begun', 'user.sessions_revoked', 'user.deleted'])

  const fresh = await signIn(gateway, account)
  t.not(fresh.userId, tokens.userId, 'the wallet begins anew')
  t.equal(await usernameOf(fresh), username, 'and the name is free')
})

t.test('a proved address is asked for its code, and only otp-service\'s receipt for this very thing counts', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  t.match(await gateway.send('POST', '/api/v1/me/deletion', { token: tokens.access }), { status: 202, json: { challenge: null } })
  codes.set(tokens.userId, '493817')
  t.match(await gateway.send('POST', '/api/v1/me/deletion', { token: tokens.access }), { status: 202, json: { challenge: { challenge_id: challengeId, sent_to: 'a***@e***.com' } } })

  const proof = { challenge_id: challengeId, code: '493817' }
  t.match(await leave(tokens), { status: 409, json: { type: '/problems/factor-proof-required' } })
  t.match(await leave(tokens, { code: '493817' }), { status: 409 })
  t.match(await leave(tokens, { ...proof, code: '000000' }), { status: 401, json: { type: '/problems/code-rejected' } })
  for (const wrong of [{ purpose: 'email_enrol' }, { aud: 'signer-service' }, { sub: 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ' }, { challenge_id: 'chl_01HZZZZZZZZZZZZZZZZZZZZZZA' }, { action_digest: `0x${'0'.repeat(64)}` }] as const) {
    forge = (claims) => ({ ...claims, ...wrong })
    t.match(await leave(tokens, proof), { status: 401, json: { type: '/problems/code-rejected' } }, Object.keys(wrong).join())
  }
  forge = (claims) => claims
  t.match(await gateway.send('DELETE', '/api/v1/me', { token: tokens.access, body: { confirm: 'somebody', ...proof } }), { status: 422, json: { faults: [{ path: 'body/confirm' }] } })
  t.equal(await stateOf(tokens.userId), 'active')

  t.equal((await leave(tokens, proof)).status, 202)
  t.equal(commandIds.at(-1), commandIds.at(-2), 'the same request again is the same command')
  t.match(await db.collection('audit').findOne({ event: 'user.deletion_begun', subject: tokens.userId }), { facts: { receipt: 'rcp_01HZZZZZZZZZZZZZZZZZZZZZZZ' } })
  await acknowledge(tokens.userId)
  await deleted(tokens.userId)
})

t.test('of requests in parallel one begins the deletion, and its words that come twice, late or for nobody change nothing', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const confirm = await usernameOf(tokens)
  const answers = await Promise.all(Array.from({ length: 20 }, (_none, i) => (i % 2 === 0 ? gateway : other).send('DELETE', '/api/v1/me', { token: tokens.access, body: { confirm } })))
  t.strictSame(answers.map(({ status }) => status).sort(), [202, ...Array<number>(19).fill(401)])
  t.equal(await db.collection('outbox').countDocuments({ 'payload.user_id': tokens.userId }), 2)

  const stranger = await signIn(gateway, newAccount())
  const otp = await askedOf('otp-service', tokens.userId)
  const unknown = { ...otp, user_id: stranger.userId, deletion_id: 'del_01HZZZZZZZZZZZZZZZZZZZZZZZ', factors: 'none' as const }
  await fromOtp.add(unknown)
  await fromSigner.add({ ...await askedOf('signer-service', tokens.userId), deletion_id: unknown.deletion_id })
  await until(async () => await fromOtp.stateOf(unknown.deletion_id) === 'finished' && await fromSigner.stateOf(unknown.deletion_id) === 'finished', { what: 'the forged words to be heard', timeoutMs: patienceMs })
  t.strictSame([await stateOf(stranger.userId), await stateOf(tokens.userId)], ['active', 'deleting'])
  t.strictSame((await users.findOne({ _id: tokens.userId }))?.deletion?.acknowledged, [])

  await acknowledge(tokens.userId)
  await deleted(tokens.userId)
  const before = await users.findOne({ _id: tokens.userId })
  await house.redis.flush()
  await acknowledge(tokens.userId)
  await until(async () => await fromOtp.stateOf(otp.deletion_id) === 'finished' && await fromSigner.stateOf(otp.deletion_id) === 'finished', { what: 'the repeated words to be heard', timeoutMs: patienceMs })
  t.strictSame(await users.findOne({ _id: tokens.userId }), before)
  t.equal(await db.collection('audit').countDocuments({ event: 'user.deleted', subject: tokens.userId }), 1)
})

t.test('a wallet that was connected by the earlier API is nobody\'s any more, in MongoDB and in Redis', async (t) => {
  const account = newAccount()
  const post = (path: string, body: object) => gateway.send('POST', `/api/wallet/${path}`, { body })
  const dataOf = ({ json }: Answer) => json['data'] as Record<string, string>
  const connect = async () => {
    const { message = '', nonce } = dataOf(await post('connection-request', { network: 'mainnet' }))
    return await post('connect', { walletType: 'metamask', address: account.address, signature: await account.signMessage({ message }), nonce })
  }
  const { connectionToken } = dataOf(await connect())
  const opened = dataOf(await post('authenticate', { walletType: 'metamask', address: account.address, connectionToken }))
  const before = dataOf(await connect())
  const tokens = await signIn(gateway, account)
  await gateway.send('PUT', '/api/v1/me', { token: tokens.access, body: { profile: { display_name: 'Grace Hopper' } } })
  t.match((await gateway.send('GET', `/api/wallet/${account.address}`)).json, { data: { displayName: 'Grace Hopper' } })
  t.equal(await db.collection('wallet_connections').countDocuments({ userId: tokens.userId }), 1)

  t.equal((await leave(tokens)).status, 202)

  const refused = [
    await gateway.send('GET', '/api/wallet/me', { headers: { 'x-session-id': opened['sessionId'] ?? '' } }),
    await post('authenticate', { walletType: 'metamask', address: account.address, connectionToken: before['connectionToken'] }),
    await connect(), await gateway.send('GET', `/api/wallet/${account.address}`)
  ]
  t.strictSame(refused.map(({ status }) => status), [401, 401, 409, 404])
  await acknowledge(tokens.userId)
  await deleted(tokens.userId)
  t.equal(await db.collection('wallet_connections').countDocuments({ address: account.address.toLowerCase() }), 0)
  t.equal(await db.collection('sessions').countDocuments({ userId: tokens.userId, connectionId: { $exists: true } }), 0)
  const kept = await connectRedis({ url: house.redis.url, name: 'test', log })
  t.teardown(() => { kept.disconnect() })
  const texts = await Promise.all((await kept.keys('gw:*')).map(async (key) => `${key} ${await kept.type(key) === 'string' ? await kept.get(key) ?? '' : ''}`))
  for (const personal of [tokens.userId, 'Grace Hopper']) t.strictSame(texts.filter((text) => text.includes(personal)), [], personal)

  t.equal((await connect()).status, 201)
  t.notOk((await signIn(gateway, account)).userId === tokens.userId, 'the wallet begins anew')
})

t.test('whoever signs in or connects while the deletion begins gets nothing that outlives it', async (t) => {
  const account = newAccount()
  const tokens = await signIn(gateway, account)
  const confirm = await usernameOf(tokens)
  const proofs = await Promise.all(Array.from({ length: 10 }, () => proofOf(gateway, account)))

  const [left, ...signIns] = await Promise.all([
    gateway.send('DELETE', '/api/v1/me', { token: tokens.access, body: { confirm } }),
    ...proofs.map((body, i) => (i % 2 === 0 ? gateway : other).send('POST', '/api/v1/auth/evm/verify', { body }))
  ])

  t.equal(left.status, 202)
  for (const { status, json } of signIns) {
    t.ok([200, 401, 409].includes(status), `${status}`)
    if (status === 200) await until(async () => (await other.send('GET', '/api/v1/me', { token: String(json['access_token']) })).status === 401, { what: 'the session to be refused', timeoutMs: patienceMs })
  }
  await acknowledge(tokens.userId)
  await deleted(tokens.userId)
  t.equal(await db.collection('sessions').countDocuments({ userId: tokens.userId, state: 'active' }), 0)
})

t.test('a wallet connection whose account goes between its proof and its row is not made', async (t) => {
  const { users: repository, mongo, user } = await openUseCases(house)
  const account = newAccount()
  const { userId } = await signIn(gateway, account)
  const [identity] = (await user(userId)).identities
  if (identity === undefined) throw new Error('no login')
  const connections = createConnectionRepository(mongo)
  const connect = createConnectWallet({
    async prove () {
      const holder = await user(userId)
      await users.updateOne({ _id: userId }, { $set: { state: 'deleting' } })
      return { identity, holder, network: 'mainnet' }
    },
    userOf: createFindOrCreateUser({ users: repository, newSuffix: () => 'x' }), users: repository, connections, cache: { forget: () => Promise.resolve() }, pending: { ttlSeconds: 300, issueToken: () => Promise.resolve('token') },
    audit: createAudit(mongo.db), inTransaction: (work) => inTransaction(mongo, work)
  })

  await t.rejects(connect({ walletType: 'metamask', address: account.address, signature: '0x', nonce: 'n', requestId: 'req-test' }), { name: 'Problem', kind: { slug: problems.proofRejected.slug } }, 'the proof is worth nothing')

  t.strictSame(await connections.addressesOf(userId), [])
})

t.test('the earlier path deletes likewise, and sends who needs a code to the newer one', async (t) => {
  const tokens = await signIn(gateway, newAccount())
  const remove = () => gateway.send('DELETE', '/api/v1/auth/me', { token: tokens.access })
  codes.set(tokens.userId, '493817')
  t.match(await remove(), { status: 409, json: { type: '/problems/factor-proof-required' } })
  t.equal(await stateOf(tokens.userId), 'active')
  codes.delete(tokens.userId)

  t.match(await remove(), { status: 200, json: { message: 'The account is being deleted' } })

  t.equal((await remove()).status, 401)
  t.equal(await stateOf(tokens.userId), 'deleting')
  await acknowledge(tokens.userId)
  await deleted(tokens.userId)
})

t.test('with Redis emptied and the process gone in between, the deletion goes on', async (t) => {
  const account = newAccount()
  const dying = await house.open({ MAIL_SEAL_KEY: mailKey })
  const tokens = await signIn(gateway, account)
  const confirm = await usernameOf(tokens)
  away = true
  t.equal((await dying.send('DELETE', '/api/v1/me', { token: tokens.access, body: { confirm } })).status, 202)
  await dying.stop()
  const [otp, signer] = [await askedOf('otp-service', tokens.userId), await askedOf('signer-service', tokens.userId)]
  await house.redis.flush()
  away = false
  asked.length = 0

  t.same([await askedOf('otp-service', tokens.userId), await askedOf('signer-service', tokens.userId)], [otp, signer], 'the sweeper asks again')
  await acknowledge(tokens.userId)
  await deleted(tokens.userId)
  t.not((await signIn(gateway, account)).userId, tokens.userId)
})

t.test('the last administrator stays', async (t) => {
  const [one, two] = [await signIn(gateway, newAccount()), await signIn(gateway, newAccount())]
  await users.updateMany({ _id: { $in: [one.userId, two.userId] } }, { $set: { roles: ['user', 'admin'] } })

  const answers = await Promise.all([leave(one), leave(two)])

  t.strictSame(answers.map(({ status }) => status).sort(), [202, 409])
  t.match(answers.find(({ status }) => status === 409)?.json, { type: '/problems/state-conflict' })
  const left = answers[0]?.status === 202 ? one : two
  await acknowledge(left.userId)
  await deleted(left.userId)
})

t.test('the export holds all that there is of one user, nobody else\'s and no secret, and says where it was cut', async (t) => {
  const account = newAccount()
  const tokens = await signIn(gateway, account)
  await signIn(gateway, newAccount())
  await signIn(gateway, account)
  const made = await gateway.send('POST', '/api/v1/api-keys', { token: tokens.access, body: { name: 'nightly', scopes: ['profile:read'] } })
  await gateway.send('DELETE', `/api/v1/api-keys/${String(made.json['id'])}`, { token: tokens.access })
  await db.collection<{ _id: string }>('passwords').insertOne({ _id: 'email:x@example.com', userId: tokens.userId, hash: '$argon2id$', changedAt: new Date(0) } as never)

  await db.collection<{ _id: string }>('wallet_connections').insertOne({
    _id: 'hiro:sp1', userId: tokens.userId, identityId: 'stacks:1:SP1', address: 'sp1', walletType: 'hiro', network: 'mainnet', isConnected: false, epoch: 3,
    connectedAt: new Date(0), lastVerifiedAt: new Date(0), lastAuthenticatedAt: null, disconnectReason: 'a secret of its own'
  } as never)
  codes.set(tokens.userId, '493817')
  transfers = 101

  const answer = await gateway.send('GET', '/api/v1/me/export', { token: tokens.access })

  t.equal(answer.headers.get('content-disposition'), `attachment; filename="countersign-${tokens.userId}.json"`)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  const data = answer.json as unknown as AccountExport
  t.match(data, { user: { id: tokens.userId, identities: [{ address: account.address }] }, sessions: [{ state: 'active', ip: '127.0.0.1', user_agent: 'node' }, {}], api_keys: [{ name: 'nightly', revoked_at: String }], passwords: [{ identity: 'email:x@example.com', changed_at: '1970-01-01T00:00:00.000Z' }], shortened: [] })
  t.match(data, { wallet_connections: [{ address: 'sp1', walletType: 'hiro', isConnected: false, connectedAt: '1970-01-01T00:00:00.000Z' }], devices: [{ seen_at: /Z$/ }], factors: [{ label: 'a***@e***.com' }] })
  t.strictSame([data.transactions.length, data.signatures.length, data.devices.length], [101, 1, 1])
  t.strictSame([data.sessions.length, data.api_keys.length], [2, 1])
  t.strictSame(data.events.map(({ event }) => event), ['api_key.revoked', 'api_key.created', 'session.opened', 'session.opened', 'user.created'])
  for (const secret of [String(made.json['key']), tokens.refresh, tokens.access, 'argon2id', 'a secret of its own']) t.notOk(answer.text.includes(secret))
  t.notMatch(answer.text, /"(mac|hash|secret_?hash|counter|epoch)"/i)

  const [session] = await db.collection('sessions').find({ userId: tokens.userId }).toArray()
  await db.collection('sessions').insertMany(Array.from({ length: 1_000 }, (_none, i) => ({ ...session, _id: `ses_00000000000000000000${String(i).padStart(6, '0')}` as never, state: 'expired', endedAt: new Date(0), endedReason: 'expired' })))
  transfers = 1_250
  const long = (await gateway.send('GET', '/api/v1/me/export', { token: tokens.access })).json as unknown as AccountExport
  t.strictSame([long.sessions.length, long.transactions.length, long.shortened], [1_000, 1_000, ['sessions', 'transactions']])
  t.match(long.sessions.at(-1), { state: 'expired', ended_at: '1970-01-01T00:00:00.000Z', ended_reason: 'expired' })
})
