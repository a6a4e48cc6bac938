/** Challenges: who may ask, who may answer, how often, and what comes of it. */
import { createHash, randomBytes } from 'node:crypto'
import { commandListKey, createChallenge, receiptForSigner, resendChallenge, verifyChallenge, type PayloadOf, type ServiceName } from '@countersign/contracts'
import { jobConnection, startWorker } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { randomToken } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { Redis } from 'ioredis'
import t from 'tap'
import { allLogs, newAddress, newUser, openHouse, refusal, wrong, type User } from './open-otp.ts'

const house = await openHouse(t)
const { db, mails, signer, ask, enrol, challenge, transaction, verify } = house
type Row = { _id: string, attempts_left: number, sends: number, expires_at: Date, created_at: Date, code_mac: string, pepper_id: string }
const rows = db.collection<Row>('challenges')
const row = async (id: string) => await rows.findOne({ _id: id }) as Row
const counts = async (userId: string) => await db.collection<{ _id: string, failures: unknown[], in_a_row: number }>('failure_budgets').findOne({ _id: userId })
const audited = async (subject: string, reason: string) => await db.collection('audit').countDocuments({ event: 'challenge.rejected', subject, 'facts.reason': reason })

t.test('the right code gives one receipt over exactly what the signer asked, by reply and by job', async (t) => {
  const user = await enrol()
  const arrived: PayloadOf<typeof receiptForSigner>[] = []
  const worker = startWorker(receiptForSigner, { ...house.io, connection: jobConnection(house.redis.url, 'signer-service'), handle: async (payload) => { arrived.push(payload) } })
  t.teardown(worker.close)
  const { request, view, id, code } = await challenge(user, { text: `Send 2 ETH\n  to <b>${randomBytes(4).toString('hex')}</b> & $$NOW` })
  t.match(view, { challenge_id: id, sent_to: 'p***@m***.com', attempts_left: 3 })
  const stored = await row(id)
  t.equal(stored.expires_at.getTime() - stored.created_at.getTime(), 300_000)
  t.notMatch(JSON.stringify(stored), code, 'the code is not stored')

  const { receipt } = await verify(user, id, code)

  t.match(await house.receipts.verify(receipt), {
    challenge_id: id, aud: 'signer-service', purpose: 'transaction', sub: user.userId, factor_root: user.factorRoot, factor_kind: 'email_code',
    shown: true, action_digest: request.action_digest, text_sha256: createHash('sha256').update(request.text).digest('hex')
  })
  const job = await until(() => arrived.find(({ challenge_id }) => challenge_id === id), { what: 'the receipt by job' })
  t.equal(job.receipt, receipt)
  t.equal(await refusal(verify(user, id, code)), 'code-rejected', 'a used code is refused like a wrong one')
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: id }), 1)
  t.equal(await db.collection('audit').countDocuments({ event: 'challenge.answered', subject: id }), 1)
})

t.test('asking again with the same id answers the same without a second mail, and with anything else is refused', async (t) => {
  const user = await enrol()
  const request = transaction(user, { action_ends_at: new Date(Date.now() + 900_000).toISOString() })
  const views = await Promise.all(Array.from({ length: 5 }, () => signer.call(createChallenge, request, ask)))
  for (const view of views) t.same(view, views[0])
  await mails.code(user.address, request.text)
  t.same(await signer.call(createChallenge, request, ask), views[0])
  t.equal(mails.to(user.address).filter((mail) => mail.template === 'code' && mail.parameters.text === request.text).length, 1)

  const others = { action_digest: `0x${'1'.repeat(64)}`, text: 'Something else', session_id: newId('ses'), action_ends_at: new Date(Date.now() + 800_000).toISOString() }
  for (const [field, value] of Object.entries(others)) t.equal(await refusal(signer.call(createChallenge, { ...request, [field]: value }, ask)), 'state-conflict', field)
})

t.test('no challenge without a factor, for another root, or for an action that has ended', async (t) => {
  const user = await enrol()
  const foreign = transaction(user, { factor_root: randomToken(32) })
  t.equal(await refusal(signer.call(createChallenge, foreign, ask)), 'not-permitted')
  t.match(await db.collection('audit').findOne({ event: 'challenge.refused', subject: foreign.challenge_id }), { actor: user.userId })
  t.equal(await refusal(signer.call(createChallenge, transaction({ ...user, ...newUser() }), ask)), 'factor-required')
  t.equal(await refusal(signer.call(createChallenge, transaction(user, { action_ends_at: '2020-01-01T00:00:00Z' }), ask)), 'state-conflict')
  t.equal(await rows.countDocuments({ user_id: user.userId, purpose: 'transaction' }), 0)
})

t.test('an answer to anything but one\'s own challenge is refused alike and costs its owner nothing', async (t) => {
  const [owner, stranger] = [await enrol(), await enrol()]
  const mine = await challenge(owner)
  const other = await challenge(owner)
  const begun = await house.begin({ user_id: owner.userId, session_id: owner.sessionId, email: newAddress() })
  const change = { id: begun.existing_factor?.challenge_id ?? '', code: await mails.code(owner.address, 'Replace') }
  const before = [await row(mine.id), await row(other.id), await row(change.id), await counts(owner.userId), await counts(stranger.userId)]

  const cases: [string, Pick<User, 'userId' | 'sessionId'>, string, string][] = [
    ['no such challenge', owner, newId('chl'), mine.code],
    ['another user', stranger, mine.id, mine.code],
    ['another session of the same user', { ...owner, sessionId: newId('ses') }, mine.id, mine.code],
    ['another user with the owner\'s session', { userId: stranger.userId, sessionId: owner.sessionId }, mine.id, mine.code],
    ['another audience and purpose', owner, change.id, change.code]
  ]
  const answers = new Set<string>()
  for (const [name, who, id, code] of cases) {
    try {
      await verify(who, id, code)
      t.fail(name)
    } catch (error) {
      const { kind, extensions } = error as { kind: { slug: string }, extensions: object }
      t.equal(kind.slug, 'code-rejected', name)
      answers.add(JSON.stringify([kind, extensions]))
    }
  }
  t.same([await row(mine.id), await row(other.id), await row(change.id), await counts(owner.userId), await counts(stranger.userId)], before)

  t.equal(await refusal(verify(owner, mine.id, other.code === mine.code ? wrong(mine.code) : other.code)), 'code-rejected', 'the code of another challenge')
  const stolen = { challenge_id: mine.id, user_id: owner.userId, session_id: owner.sessionId, code: mine.code }
  t.equal(await refusalOfAny(house.gateway.call({ ...verifyChallenge, callers: ['auth-gateway'] }, stolen, ask)), 'refused', 'on the list of the gateway')
  t.equal((await row(mine.id)).attempts_left, 2, 'one wrong code of the owner, nothing else')
  t.equal(answers.size, 1, 'one answer for all of them')
  t.ok((await verify(owner, mine.id, mine.code)).receipt)
})

t.test('the gateway cannot ask for a challenge in the signer\'s name, whatever it writes on its own list', async (t) => {
  const user = await enrol()
  const request = transaction(user)
  t.equal(await refusalOfAny(house.gateway.call({ ...createChallenge, callers: ['auth-gateway'] }, request, ask)), 'refused')

  const raw = new Redis(house.redis.url)
  t.teardown(() => { raw.disconnect() })
  const envelope = { call: randomToken(16), instance: randomToken(16), command: createChallenge.name, command_id: newId('cmd'), request_id: 'req-forged', payload: request, caller: 'signer-service' }
  const [seconds = '0'] = await raw.time()
  const list = commandListKey('otp-service', 'auth-gateway' satisfies ServiceName)
  for (const forged of [envelope, { ...envelope, caller: undefined }]) await raw.rpush(list, `${Number(seconds) * 1_000 + 3_000} ${JSON.stringify(forged)}`)
  await until(async () => await raw.llen(list) === 0, { what: 'the forged commands to be taken' })
  // Whatever was taken before this one has been decided.
  await house.begin({ user_id: user.userId, session_id: user.sessionId, email: newAddress() })
  t.equal(await rows.countDocuments({ _id: request.challenge_id }), 0)
})

t.test('of 200 right codes sent at once one is answered with a receipt', async (t) => {
  const user = await enrol()
  const { id, code } = await challenge(user)

  const results = await Promise.all(Array.from({ length: 200 }, () => refusal(verify(user, id, code))))

  // On a busy machine some get no answer by their deadline; what was done is in the database.
  const answered = ['none', 'code-rejected', 'unavailable']
  t.ok(results.every((slug) => answered.includes(slug)) && results.filter((slug) => slug === 'none').length <= 1)
  await until(async () => await db.collection('receipts').countDocuments({ challenge_id: id }) > 0, { what: 'the receipt' })
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: id }), 1)
  t.equal(await db.collection('outbox').countDocuments({ queue: receiptForSigner.name, 'payload.challenge_id': id }), 1)
  t.match(await counts(user.userId), { failures: [], in_a_row: 0 }, 'right codes are no failures')
})

t.test('of 200 wrong codes sent at once three are compared and three are counted', async (t) => {
  const user = await enrol()
  const { id, code } = await challenge(user)

  const results = await Promise.all(Array.from({ length: 200 }, () => refusal(verify(user, id, wrong(code)))))

  t.ok(results.every((slug) => slug === 'code-rejected' || slug === 'unavailable'))
  await until(async () => await audited(id, 'wrong') >= 3, { what: 'three to be compared' })
  t.equal(await audited(id, 'wrong'), 3)
  t.ok(await audited(id, 'unknown') <= 197)
  t.match(await counts(user.userId), { failures: { length: 3 }, in_a_row: 3 })
  t.equal(await refusal(verify(user, id, code)), 'code-rejected', 'the right code comes too late')
})

t.test('a resend kills the old code, keeps the attempts and stays within the action\'s end', async (t) => {
  const user = await enrol()
  const end = Date.now() + 310_000
  const { id, code, request } = await challenge(user, { action_ends_at: new Date(end).toISOString() })
  await refusal(verify(user, id, wrong(code)))
  const resend = (commandId?: string, who: Pick<User, 'userId' | 'sessionId'> = user) =>
    signer.call(resendChallenge, { challenge_id: id, user_id: who.userId, session_id: who.sessionId }, { ...ask, ...commandId !== undefined && { commandId } })
  const sent = () => mails.to(user.address).filter((mail) => mail.template === 'code' && mail.parameters.text === request.text)

  t.equal(await refusal(resend(undefined, newUser())), 'not-found')
  // Moves the row, not a clock: as if most of its life had passed.
  await rows.updateOne({ _id: id }, { $set: { expires_at: new Date(Date.now() - 1_000) } })
  t.equal(await refusal(verify(user, id, code)), 'code-rejected', 'expired')
  const view = await resend('cmd-resend')
  t.equal(view.attempts_left, 2)
  t.ok(Date.parse(view.expires_at) <= end)
  t.same(await resend('cmd-resend'), view, 'a repeated command sends nothing')
  await until(() => sent().length === 2, { what: 'the second mail' })
  const next = await mails.code(user.address, request.text)
  if (next !== code) t.equal(await refusal(verify(user, id, code)), 'code-rejected', 'the old code')

  await rows.updateOne({ _id: id }, { $set: { attempts_left: 0 } })
  t.equal(await refusal(resend()), 'state-conflict', 'a resend gives no new attempts')
  await rows.updateOne({ _id: id }, { $set: { attempts_left: 1, action_ends_at: new Date(Date.now() - 1_000) } })
  t.equal(await refusal(resend()), 'state-conflict', 'the action has ended')
  t.ok((await verify(user, id, next)).receipt)
})

t.test('a code sent before the secret was rotated still verifies, and not without the old secret', async (t) => {
  const old = await openHouse(t, {}, house.mongo)
  const user = await old.enrol()
  const [first, second] = [await old.challenge(user), await old.challenge(user)]
  await old.service.stop()
  const rotated = { SECRET_KEY: randomToken(48), SECRET_KEY_PREVIOUS: old.env.SECRET_KEY }

  const service = await old.openService(rotated)
  t.ok((await old.verify(user, first.id, first.code)).receipt)
  const fresh = await old.challenge(user)
  const peppers = old.db.collection<Row>('challenges')
  t.not((await peppers.findOne({ _id: fresh.id }))?.pepper_id, (await peppers.findOne({ _id: second.id }))?.pepper_id)
  await service.stop()

  await old.openService({ ...rotated, SECRET_KEY_PREVIOUS: '' })
  t.equal(await refusal(old.verify(user, second.id, second.code)), 'code-rejected')
  t.ok((await old.verify(user, fresh.id, fresh.code)).receipt)
})

t.test('the metrics of the runbooks are there, with equal labels on both sides of the success rate', async (t) => {
  const text = await house.service.metrics()
  const labels = (name: string) => [...text.matchAll(new RegExp(`^${name}\\{([^}]*)\\}`, 'gm'))].map(([, found]) => found).sort()
  t.same(labels('otp_verify_total'), labels('otp_verify_success'))
  t.match(text, /^otp_send_total\{purpose="transaction"\} [1-9]/m)
  t.match(text, /^otp_verify_success\{purpose="email_enrol"\} [1-9]/m)
  t.match(text, /^otp_account_locked 0$/m)
  t.match(text, /^otp_rate_limit_hits\{limit="sends"\} 0$/m)
  t.match(text, /^otp_verification_seconds_count\{purpose="transaction"\} [1-9]/m)
  await until(async () => /^otp_pending_count [1-9]/m.test(await house.service.metrics()), { what: 'the count of pending challenges' })
})

t.test('no log line of this file holds a code, an address or a seal', async (t) => {
  const text = allLogs()
  for (const message of ['OTP sent', 'OTP verified', 'OTP verification failed']) t.ok(text.includes(message), message)
  const addresses = new Set(mails.all.map(({ to }) => to))
  t.ok(addresses.size > 5)
  for (const address of addresses) t.notOk(text.includes(address), 'no address')
  for (const sealed of mails.sealed) t.notOk(text.includes(sealed), 'no seal')
  for (const mail of mails.all) if (mail.template === 'code') t.notOk(new RegExp(`(?<![0-9A-Za-z_.-])${mail.parameters.code}(?![0-9A-Za-z_.-])`).test(text), 'no code')
  for (const secret of [house.env.SECRET_KEY, house.env.MAIL_SEAL_KEY]) t.notOk(text.includes(secret), 'no secret')
})

const refusalOfAny = async (call: Promise<unknown>): Promise<'refused' | 'done'> => call.then(() => 'done', () => 'refused')
