/** A stolen gateway: everything here is done with the gateway's own credentials, and none of it moves money. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import {
  accountDeleteOtp, beginEmailFactor, beginFactorWipe, beginPasskey, beginStepUp, beginTotp, beginWallet, commandListKey, confirmEmailFactor, confirmFactorWipe, createTransaction, getTransaction, listFactors, mailFromGateway, mailSealContext, makeRecoveryCodes,
  Problem, problems, removeFactor, sendStepUp, stores, verifyStepUp,
  type MailContent, type TransactionView
} from '@countersign/contracts'
import { createCommandClient, createProducer, jobConnection } from '@countersign/redis'
import { createLogger, createMetrics, newId } from '@countersign/runtime'
import { keyFromText, randomToken, seal } from '@countersign/secrets'
import { captureLogs, until } from '@countersign/testing'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { parseEther, type Address } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createGatewayClient } from '../src/gateway-client.ts'
import { openPrincipal, openWallet } from '../src/grant.ts'
import { openHouse } from '../src/house.ts'
import { codeIn, requestTransfer, transfersTo } from '../src/main-job.ts'

const directory = await mkdtemp(`${tmpdir()}/countersign-stolen-`)
const house = await openHouse({ dataDirectory: directory, environment: { 'auth-gateway': { RATE_LIMIT_MAX: '1000000' }, 'otp-service': { OTP_SENDS_PER_MINUTE: '1000', OTP_SENDS_PER_HOUR: '1000' } } })
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

t.test('after all of that the chain shows nothing', async (t) => {
  t.strictSame(await transfersTo(house, recipient), [])
  t.equal(await house.database('signer-service').collection('attempts').countDocuments({}), 0)
})
