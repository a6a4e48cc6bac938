/** A stolen gateway: everything here is done with the gateway's own credentials, and none of it moves money. */
import { execFile } from 'node:child_process'
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import {
  accountDeleteOtp, askWallet, beginEmailFactor, beginFactorWipe, beginPasskey, beginStepUp, beginTotp, beginWallet, challengeTransaction, commandListKey, confirmEmailFactor, confirmFactorWipe, confirmTotp, confirmTransaction, confirmWallet, createTransaction, getTransaction, listFactors, mailFromGateway, mailSealContext, makeRecoveryCodes,
  Problem, problems, removeFactor, sendStepUp, stores, verifyStepUp,
  type MailContent, type StepUpAction, type TransactionChallenge, type TransactionProof, type TransactionView
} from '@countersign/contracts'
import { createCommandClient, createProducer, jobConnection } from '@countersign/redis'
import { createLogger, createMetrics, newId } from '@countersign/runtime'
import { keyFromText, randomToken, seal } from '@countersign/secrets'
import { captureLogs, until } from '@countersign/testing'
import { base32nopad } from '@scure/base'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { parseEther, type Address } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createGatewayClient } from '../src/gateway-client.ts'
import { openPrincipal, openWallet } from '../src/grant.ts'
import { openHouse, workspaceRoot } from '../src/house.ts'
import { codeIn, requestTransfer, signIn, transfersTo } from '../src/main-job.ts'

const run = promisify(execFile)
const directory = await mkdtemp(`${tmpdir()}/countersign-stolen-`)
const house = await openHouse({ dataDirectory: directory, environment: { 'auth-gateway': { RATE_LIMIT_MAX: '1000000' }, 'otp-service': { OTP_SENDS_PER_MINUTE: '1000', OTP_SENDS_PER_HOUR: '1000', OTP_SENDS_PER_PLACE_PER_HOUR: '1000' } } })
t.teardown(async () => {
  await house.close()
  await rm(directory, { recursive: true, force: true })
})
const gateway = createGatewayClient(house.gatewayUrl)
const recipient: Address = privateKeyToAccount(generatePrivateKey()).address
const wallet = await openWallet(house, 'stolen', [recipient])
const victim = await openPrincipal(house, gateway, wallet, 'victim@example.com')

const environment = house.stack.environmentFor('auth-gateway')
const redisUrl = environment['REDIS_URL'] ?? ''
const redis = new Redis(redisUrl, { lazyConnect: true })
await redis.connect()
t.teardown(() => { redis.disconnect() })
const mongo = await new MongoClient(environment['MONGODB_URI'] ?? '').connect()
t.teardown(() => mongo.close())
const log = createLogger({ service: 'auth-gateway', level: 'silent', sha: 'test', environment: 'test', destination: captureLogs().destination })
const metrics = createMetrics({ service: 'auth-gateway', sha: 'test' })
const commands = await createCommandClient({ url: redisUrl, service: 'auth-gateway', log, metrics })
t.teardown(() => commands.close())

/** What the thief may say: any user, any session. */
const claim = { user_id: victim.userId, session_id: newId('ses') }
const transfer = { wallet_id: wallet.id, chain_id: 31337, to: recipient, value: parseEther('1').toString() }
const call = { requestId: 'stolen' }

t.test('it cannot read or write what belongs to the other services', async (t) => {
  for (const service of ['otp-service', 'signer-service', 'email-worker'] as const) {
    const db = mongo.db(stores[service].database)
    for (const collection of [...stores[service].collections, ...stores[service].insertOnly]) {
      await t.rejects(db.collection(collection).findOne({}), /not authorized/i, `${service} ${collection} read`)
      await t.rejects(db.collection(collection).insertOne({ forged: true }), /not authorized/i, `${service} ${collection} write`)
    }
  }
  const own = mongo.db(stores['auth-gateway'].database).collection('audit')
  await own.insertOne({ event: 'test', subject: 'x' } as never)
  await t.rejects(own.deleteMany({}), /not authorized/i, 'its own audit rows stay')
  await t.rejects(own.updateMany({}, { $set: { event: 'nothing' } }), /not authorized/i)
})

t.test('it cannot reach the others\' lists, channels and queues', async (t) => {
  const noPermission = /NOPERM|NOAUTH/
  await t.rejects(redis.rpush(commandListKey('otp-service', 'signer-service'), 'x'), noPermission)
  await t.rejects(redis.lpop('{receipts-signer}:receipts-signer:wait'), noPermission)
  await t.rejects(redis.rpush('{receipts-signer}:receipts-signer:wait', 'x'), noPermission)
  await t.rejects(redis.hset('{mail-otp}:mail-otp:1', 'data', '{}'), noPermission)
  await t.rejects(redis.publish('reply:signer-service:anything', 'x'), noPermission)
  await t.rejects(redis.subscribe('reply:signer-service:anything'), noPermission)
  await t.rejects(redis.set('hb:email-worker', 'up'), noPermission)
  await t.rejects(redis.keys('*'), noPermission)
  await t.rejects(redis.flushall(), noPermission)
  await t.rejects(redis.call('ACL', 'LIST'), noPermission)
})

t.test('a transfer that it asks for in the user\'s name waits for a code that goes to the user', async (t) => {
  const { transaction } = await commands.call(createTransaction, { ...claim, idempotency_key: 'stolen', transfer }, call)

  t.equal(transaction.state, 'awaiting_confirmation')
  const mail = await house.mailTo(victim.email, new RegExp(transaction.id))
  t.match(mail.text, recipient)
  const guesses = await Promise.allSettled(['000000', '111111', '222222', '333333'].filter((code) => code !== codeIn(mail.text)).map((code) =>
    gateway.send('POST', `/api/v1/transactions/${transaction.id}/confirm`, { token: victim.accessToken, body: { code } })))
  t.equal(guesses.length > 2, true)
  const seen: TransactionView = await commands.call(getTransaction, { ...claim, id: transaction.id }, call)
  t.equal(seen.state, 'awaiting_confirmation')
})

t.test('it cannot put another address in the place of the proved one', async (t) => {
  const begun = await commands.call(beginEmailFactor, { ...claim, email: 'thief@example.com' }, call)

  t.ok(begun.existing_factor, 'the old address is asked as well')
  const mine = codeIn((await house.mailTo('thief@example.com', /\d{6}/)).text)
  await t.rejects(commands.call(confirmEmailFactor, { ...claim, challenge_id: begun.challenge_id, code: mine }, call), Problem)
  await t.rejects(commands.call(confirmEmailFactor, { ...claim, challenge_id: begun.challenge_id, code: mine, existing_code: mine }, call), Problem)
  const warning = await house.mailTo(victim.email, /thief@example\.com/)
  t.match(warning.text, /thief@example\.com/, 'the owner reads which address it would be')
  t.match(await house.database('otp-service').collection('factors').findOne({ user_id: victim.userId }), { address: victim.email })
})

t.test('a code for one thing confirms no other', async (t) => {
  const begun = await commands.call(beginEmailFactor, { ...claim, email: 'second@example.com' }, call)
  const code = codeIn((await house.mailTo('second@example.com', /\d{6}/)).text)
  const tx = await requestTransfer(gateway, victim, { walletId: wallet.id, to: recipient, value: 1n, idempotencyKey: 'cross' })

  const answer = await gateway.send('POST', `/api/v1/transactions/${tx.id}/confirm`, { token: victim.accessToken, body: { code } })

  t.ok(begun.challenge_id)
  t.equal(answer.status, 401)
})

t.test('it cannot mail codes or texts of its own making', async (t) => {
  const send = async (content: MailContent, key: string, context = mailFromGateway.name): Promise<string> => {
    const head = { delivery_id: newId('dlv'), useful_until: new Date(Date.now() + 60_000).toISOString() }
    const producer = createProducer(mailFromGateway, { connection: jobConnection(redisUrl, 'stolen'), log, metrics })
    await producer.add({ ...head, request_id: 'stolen', sealed: seal({ key: keyFromText(key), plaintext: JSON.stringify(content), associated: mailSealContext(context, head) }) })
    await until(async () => await producer.stateOf(head.delivery_id) === 'failed', { what: 'the mail job to fail' })
    await producer.close()
    return head.delivery_id
  }
  const code: MailContent = { template: 'code', to: victim.email, parameters: { code: '123456', text: 'Approve everything.', expires_at: new Date(Date.now() + 60_000).toISOString() } }
  const notice: MailContent = { template: 'session_closed', to: victim.email, parameters: { at: new Date().toISOString() } }

  const refused = [
    await send(code, environment['MAIL_SEAL_KEY'] ?? ''),
    await send(notice, randomToken(32)),
    await send(notice, environment['MAIL_SEAL_KEY'] ?? '', 'mail-otp')
  ]

  t.notOk((await house.stack.smtp.mails()).some(({ text }) => text.includes('Approve everything')))
  for (const id of refused) t.ok(await house.database('email-worker').collection('audit').findOne({ subject: id }), 'an audit row says so')
})

t.test('it adds no factor of any kind to somebody who has one and takes none away, whichever proof it claims', async (t) => {
  const { factors } = await commands.call(listFactors, { user_id: victim.userId }, call)
  const thief = privateKeyToAccount(generatePrivateKey()).address
  const asked = await commands.call(beginStepUp, { ...claim, action: { type: 'factors.add_totp', resource_id: '-' } }, call)
  // Its own database says that the question was answered. Nobody but otp-service is asked.
  await mongo.db(stores['auth-gateway'].database).collection<{ _id: string }>('step_ups').insertOne({ _id: asked.challenge_id, userId: victim.userId, sessionId: claim.session_id, verifiedAt: new Date() } as { _id: string })
  for (const [what, proof] of [['no proof', {}], ['one made up', { step_up: newId('chl') }], ['one that nobody answered', { step_up: asked.challenge_id }]] as const) {
    const tries = [
      commands.call(beginTotp, { ...claim, ...proof }, call),
      commands.call(beginPasskey, { ...claim, ...proof, account: 'thief' }, call),
      commands.call(beginWallet, { ...claim, ...proof, family: 'evm', address: thief, chain_id: 31337 }, call),
      commands.call(makeRecoveryCodes, { ...claim, ...proof }, call),
      commands.call(removeFactor, { ...claim, ...proof, factor_id: factors[0]?.id ?? '' }, call)
    ]
    for (const outcome of await Promise.allSettled(tries)) t.equal(outcome.status === 'rejected' && (outcome.reason as Problem).kind, problems.stepUpRequired, what)
  }
  t.same((await commands.call(listFactors, { user_id: victim.userId }, call)).factors, factors)
})

t.test('a question that it asks is shown to the user in otp-service\'s words, and it cannot answer it', async (t) => {
  const [factor] = (await commands.call(listFactors, { user_id: victim.userId }, call)).factors
  const ask = (type: 'factors.remove' | 'api_keys.rotate', resource: string) => commands.call(beginStepUp, { ...claim, action: { type, resource_id: resource } }, call)
  for (const words of ['Nothing-to-worry-about', 'https://evil.example']) await t.rejects(ask('api_keys.rotate', words), Problem)
  const asked = await ask('factors.remove', factor?.id ?? '')
  await commands.call(sendStepUp, { ...claim, challenge_id: asked.challenge_id, factor_id: factor?.id ?? '' }, call)
  const mail = await house.mailTo(victim.email, /Remove a second factor/)
  t.match(mail.text, 'E-mail address: v***@e***.com', 'what would go is called by its name')
  const guesses = ['000000', '111111'].filter((code) => code !== codeIn(mail.text))
  for (const code of guesses) await t.rejects(commands.call(verifyStepUp, { ...claim, challenge_id: asked.challenge_id, proof: { factor_id: factor?.id ?? '', code } }, call), Problem)
  t.notMatch(environment['RECEIPT_PUBLIC_JWKS'], /"d"/, 'and of the keys that receipts are signed with it holds the public halves')
})

t.test('it cannot have a factor wiped: a deletion that the mailbox did not prove takes the account, and leaves the factor', async (t) => {
  const other = await openPrincipal(house, gateway, wallet, 'second-victim@example.com')
  const forged = { user_id: other.userId, session_id: newId('ses') }
  const begun = await commands.call(beginFactorWipe, forged, call)
  t.match(await house.mailTo(other.email, /Delete the account/), { text: /do not give this code to anybody/ }, 'the owner is asked')
  await t.rejects(commands.call(confirmFactorWipe, forged, call), Problem)
  await t.rejects(commands.call(confirmFactorWipe, { ...forged, proof: { challenge_id: begun.challenge?.challenge_id ?? '', code: '000000' } }, call), Problem)

  const deletion = { deletion_id: newId('del'), user_id: other.userId, request_id: 'stolen' }
  const producer = createProducer(accountDeleteOtp, { connection: jobConnection(redisUrl, 'stolen'), log, metrics })
  await producer.add(deletion)
  await until(async () => await producer.stateOf(deletion.deletion_id) === 'finished', { what: 'the forged job to be done', timeoutMs: 30_000 })
  await producer.close()

  t.match(await house.database('otp-service').collection('factors').findOne({ user_id: other.userId }), { address: other.email })
  t.match(await house.database('otp-service').collection('audit').findOne({ event: 'account.deletion_done', subject: other.userId }), { facts: { factors: 'retained' } }, 'and it is written down')
})

/** Of the victim, who takes part: without a proof of theirs nothing is added. */
async function withEveryFactor () {
  const ids = { user_id: victim.userId, session_id: newId('ses') }
  const [mail] = (await commands.call(listFactors, { user_id: victim.userId }, call)).factors
  const proved = async (action: StepUpAction, words: RegExp): Promise<string> => {
    const { challenge_id: id } = await commands.call(beginStepUp, { ...ids, action }, call)
    await commands.call(sendStepUp, { ...ids, challenge_id: id, factor_id: mail?.id ?? '' }, call)
    await commands.call(verifyStepUp, { ...ids, challenge_id: id, proof: { factor_id: mail?.id ?? '', code: codeIn((await house.mailTo(victim.email, words)).text) } }, call)
    return id
  }
  const account = privateKeyToAccount(generatePrivateKey())
  const wallet = await commands.call(beginWallet, { ...ids, family: 'evm', address: account.address, chain_id: 31337, step_up: await proved({ type: 'factors.add_wallet', resource_id: `evm:${account.address}:31337` }, /Add a wallet/) }, call)
  await commands.call(confirmWallet, { ...ids, factor_id: wallet.factor_id, signature: await account.signTypedData(wallet.sign.typed_data as never) }, call)
  const app = await commands.call(beginTotp, { ...ids, step_up: await proved({ type: 'factors.add_totp', resource_id: '-' }, /Add an authenticator app/) }, call)
  const secret = base32nopad.decode(app.secret)
  await commands.call(confirmTotp, { ...ids, factor_id: app.factor_id, code: totpCode(secret, 0) }, call)
  const list = await commands.call(makeRecoveryCodes, { ...ids, step_up: await proved({ type: 'factors.make_recovery_codes', resource_id: '-' }, /Make new recovery codes/) }, call)
  return { account, walletId: wallet.factor_id, appId: app.factor_id, secret, listId: list.factor.id, codes: list.codes }
}

/** RFC 6238, one step of 30 seconds later. */
function totpCode (secret: Uint8Array, later: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later))
  const mac = createHmac('sha1', secret).update(counter).digest()
  return String((mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

let own: Awaited<ReturnType<typeof withEveryFactor>>
const asker = { user_id: victim.userId, session_id: newId('ses') }

t.test('whichever factor the user has: what the user gave for another thing confirms no transfer, and what shows nothing confirms none at all', async (t) => {
  own = await withEveryFactor()
  const { transaction } = await commands.call(createTransaction, { ...asker, idempotency_key: 'stolen-factors', transfer }, call)
  const id = transaction.id
  t.strictSame(transaction.confirmation?.factors.map(({ kind }) => kind).sort(), ['email_code', 'wallet'], 'those that show it')
  const confirm = (proof: TransactionProof) => commands.call(confirmTransaction, { ...asker, id, proof }, call)

  // The user is asked for something harmless, by the very same factors, and answers to the thief.
  const harmless: StepUpAction = { type: 'api_keys.rotate', resource_id: newId('key') }
  const stepUp = await commands.call(beginStepUp, { ...asker, action: harmless }, call)
  const asked = await commands.call(askWallet, { ...asker, challenge_id: stepUp.challenge_id, factor_id: own.walletId }, call)
  const given = await own.account.signTypedData(asked.sign.typed_data as never)
  const [mail] = (await commands.call(listFactors, { user_id: victim.userId }, call)).factors
  await commands.call(sendStepUp, { ...asker, challenge_id: stepUp.challenge_id, factor_id: mail?.id ?? '' }, call)
  const mailed = codeIn((await house.mailTo(victim.email, new RegExp(harmless.resource_id))).text)

  const thief = privateKeyToAccount(generatePrivateKey())
  const challenged = await commands.call(challengeTransaction, { ...asker, id, factor_id: own.walletId }, call)
  const screen = challenged.sign?.typed_data
  t.match(screen?.message.details, [{ name: 'To', value: recipient }], 'and what is really asked is on the wallet\'s own screen')
  const softer = { ...screen, message: { ...screen?.message, action: 'Sign in', details: [] } }
  const tries: [string, TransactionProof][] = [
    ['the signature for another thing', { factor_id: own.walletId, signature: given }],
    ['the signature of another wallet', { factor_id: own.walletId, signature: await thief.signTypedData(screen as never) }],
    ['a signature of softer words', { factor_id: own.walletId, signature: await own.account.signTypedData(softer as never) }],
    ['a signature of the words as a text', { factor_id: own.walletId, signature: await own.account.signMessage({ message: JSON.stringify(screen) }) }],
    ['the mailed code for another thing', { code: mailed }],
    ['the code of the app', { factor_id: own.appId, code: totpCode(own.secret, 1) }],
    ['a recovery code', { factor_id: own.listId, code: own.codes[0] ?? '' }],
    ['the code of the app as a mailed one', { code: totpCode(own.secret, 1) }]
  ]
  for (const [what, proof] of tries) t.equal(await confirm(proof).then(() => 'confirmed', (error: unknown) => error instanceof Problem ? 'refused' : String(error)), 'refused', what)
  t.equal((await commands.call(getTransaction, { ...asker, id }, call)).state, 'awaiting_confirmation')
  t.equal((await commands.call(listFactors, { user_id: victim.userId }, call)).factors.find(({ kind }) => kind === 'recovery_codes')?.codes_left, 10, 'and none of them was used up')
  const attempts = await house.database('otp-service').collection('audit').countDocuments({ event: 'challenge.rejected', actor: victim.userId, 'facts.aud': 'signer-service' })
  t.ok(attempts >= 5, `the audit shows ${attempts} of them`)
})

t.test('it floods, for users that are none, with what was refused before and with what was answered before, and each is written down', async (t) => {
  const audit = house.database('signer-service').collection('audit')
  const before = await audit.countDocuments({ event: 'transaction.refused' })
  const strangers = await Promise.allSettled(Array.from({ length: 60 }, (_, index) => commands.call(createTransaction, { user_id: newId('usr'), session_id: newId('ses'), idempotency_key: `flood-${index}`, transfer }, call)))
  t.ok(strangers.every(({ status }) => status === 'rejected'))
  const answered = strangers.filter((one) => one.status === 'rejected' && (one.reason as Problem).kind === problems.notPermitted).length
  t.equal(await audit.countDocuments({ event: 'transaction.refused' }) - before, answered)
  t.ok(answered > 0)
  const replays = await Promise.all(Array.from({ length: 40 }, () => commands.call(createTransaction, { ...asker, idempotency_key: 'stolen-factors', transfer }, call)))
  t.equal(new Set(replays.map(({ transaction }) => transaction.id)).size, 1, 'a repetition asks for nothing new')
  const other = await Promise.allSettled(Array.from({ length: 10 }, () => commands.call(createTransaction, { ...asker, idempotency_key: 'stolen-factors', transfer: { ...transfer, value: '2' } }, call)))
  t.ok(other.every((one) => one.status === 'rejected' && (one.reason as Problem).kind === problems.idempotencyConflict))
})

t.test('after all of that the chain shows nothing', async (t) => {
  t.strictSame(await transfersTo(house, recipient), [])
  t.equal(await house.database('signer-service').collection('attempts').countDocuments({}), 0)
})

t.test('and its owner confirms by the wallet that shows it, although the mailbox and the codes are spent', async (t) => {
  const { id } = await gateway.call<{ id: string }>('POST', '/api/v1/transactions', { token: victim.accessToken, body: transfer, headers: { 'idempotency-key': 'own' } })
  const path = `/api/v1/transactions/${id}`
  const { sign } = await gateway.call<TransactionChallenge>('POST', `${path}/challenge`, { token: victim.accessToken, body: { factor_id: own.walletId } })
  const signature = await own.account.signTypedData(sign?.typed_data as never)
  t.match(await gateway.send('POST', `${path}/confirm`, { token: victim.accessToken, body: { factor_id: own.walletId, signature, code: '123456' } }), { status: 422 }, 'of two forms')
  const confirmed = await gateway.call<TransactionView>('POST', `${path}/confirm`, { token: victim.accessToken, body: { factor_id: own.walletId, signature } })
  t.match(confirmed, { state: /approved|assigned|signed|broadcast|mined|confirmed/ })
  await until(async () => (await transfersTo(house, recipient)).length === 1, { what: 'the transfer to be mined', timeoutMs: 60_000 })
  t.match(await house.database('signer-service').collection('audit').findOne({ event: /transaction\.(proved|approved)/, subject: id, 'facts.factor_kind': 'wallet' }), { actor: victim.userId })
})

t.test('a program signs its requests: its API key alone, in the hands of whoever holds the gateway, moves nothing, and what it signed moves once', async (t) => {
  const program = await signIn(gateway, privateKeyToAccount(generatePrivateKey()))
  const { key } = await gateway.call<{ key: string }>('POST', '/api/v1/api-keys', { token: program.accessToken, body: { name: 'payouts', scopes: ['transactions:read', 'transactions:write'] } })
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const [publicFile, privateFile] = [`${directory}/program.pub.pem`, `${directory}/program.pem`]
  await writeFile(publicFile, publicKey.export({ type: 'spki', format: 'pem' }))
  await writeFile(privateFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const grant = ['principals', 'grant', '--kind', 'service', '--user', program.userId, '--wallet', wallet.id, '--may', 'initiate', '--yes', '--key']
  await t.rejects(house.countersign('signer-service', [...grant, privateFile]), /private key/, 'the private half stays with the program')
  t.match(await house.countersign('signer-service', [...grant, publicFile]), { kind: 'service', factor_root: null, intent_key: /^[A-Za-z0-9_-]{43}$/ })

  const body = { wallet_id: wallet.id, chain_id: 31337, to: recipient, value: '1000' }
  const post = (idempotencyKey: string, given: object = body, intent?: string) =>
    gateway.send<{ id: string }>('POST', '/api/v1/transactions', { token: key, body: given, headers: { 'idempotency-key': idempotencyKey, ...intent !== undefined && { 'transaction-intent': intent } } })
  t.match(await post('alone'), { status: 403, body: { type: '/problems/policy-denied' } })

  // What the example sends is caught on its way, as a stolen gateway would.
  let caught = ''
  const listener = createServer((request, response) => {
    caught = String(request.headers['transaction-intent'])
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  const example = async (url: string, idempotencyKey: string) => await run(process.execPath, [`${workspaceRoot}examples/service-principal.mjs`, idempotencyKey, JSON.stringify(body)], {
    env: { PATH: process.env['PATH'] ?? '', COUNTERSIGN_URL: url, COUNTERSIGN_API_KEY: key, COUNTERSIGN_PRINCIPAL: program.userId, COUNTERSIGN_DEPLOYMENT: house.stack.environmentFor('signer-service')['DEPLOYMENT_ID'] ?? '', COUNTERSIGN_KEY: privateFile }
  })
  await example(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`, 'invoice-1')
  t.match(await post('invoice-1', { ...body, value: '9000' }, caught), { status: 401, body: { type: '/problems/proof-rejected' } }, 'another amount')
  t.match(await post('invoice-2', body, caught), { status: 401 }, 'another key')
  t.match(await gateway.send('POST', '/api/v1/transactions', { token: victim.accessToken, body, headers: { 'idempotency-key': 'invoice-1', 'transaction-intent': caught } }), { status: 401 }, 'another account')
  t.equal((await transfersTo(house, recipient)).length, 1)

  const sent = JSON.parse((await example(house.gatewayUrl, 'invoice-1')).stdout) as TransactionView
  t.match(sent, { state: 'approved', initiator: program.userId })
  t.equal((await post('invoice-1', body, caught)).body.id, sent.id, 'sent again it is the same one')
  await until(async () => (await transfersTo(house, recipient)).length === 2, { what: 'its transfer to be mined', timeoutMs: 60_000 })
  t.match(await post('invoice-3', body, caught), { status: 401 }, 'and nothing more comes of it')
  const audit = house.database('signer-service').collection('audit')
  t.strictSame((await audit.find({ event: 'intent.refused', subject: program.userId }).sort({ _id: 1 }).toArray()).map(({ facts }) => (facts as { reason: string }).reason), ['request', 'idempotency_key', 'idempotency_key'])
  t.match(await audit.findOne({ event: 'transaction.approved', subject: sent.id }), { facts: { intent: /.+/, key: /.+/ } })
})
