/** Text messages between a real queue, a real database and a provider that speaks HTTP, or something else. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mailFromOtp, mailSealContext, smsFromOtp, type MailPayload, type SmsContent } from '@countersign/contracts'
import { createProducer } from '@countersign/redis'
import { environmentNotices, newId, readEnvironment } from '@countersign/runtime'
import { randomToken, seal } from '@countersign/secrets'
import { startSms, until } from '@countersign/testing'
import t from 'tap'
import { environment } from '../src/config.ts'
import { createAddressHash } from '../src/deliveries/address-hash.ts'
import { createSuppressionRepository } from '../src/deliveries/suppression-repository.ts'
import { createHttpProvider } from '../src/sms/http-provider.ts'
import { fitsOneSms } from '../src/sms/gsm7.ts'
import { createRenderSms } from '../src/sms/render-sms.ts'
import { buildHouse, inMinutes } from './open-worker.ts'

const house = await buildHouse(t)
const token = randomToken(24)
const sms = await startSms(t, token)
const provider = { SMS_PROVIDER_URL: sms.apiUrl, SMS_PROVIDER_ACCOUNT: sms.account, SMS_PROVIDER_TOKEN: token, SMS_FROM: '+41790000099' }
const service = await house.openService(t, { ...provider, SMS_SEND_TIMEOUT_SECONDS: '1', SMS_RATE_PER_RECIPIENT_PER_HOUR: '5' })
const producer = createProducer(smsFromOtp, house.io)
t.teardown(() => producer.close())
const suppressions = createSuppressionRepository(house.db, createAddressHash(house.env.SECRET_KEY))

let numbers = 100_000
const newNumber = (): string => `+4179${++numbers}42`
const code = (to: string, more: Partial<SmsContent['parameters']> = {}): SmsContent =>
  ({ template: 'code', to, parameters: { code: '493817', text: 'Replace an API key: key_01KJMCJWB0NHAAE97FD0V73QEB', expires_at: inMinutes(5), ...more } })
const payloadOf = (content: unknown, { queue = smsFromOtp.name, usefulUntil = inMinutes(5) } = {}): MailPayload => {
  const place = { delivery_id: newId('dlv'), useful_until: usefulUntil }
  return { ...place, request_id: 'req-from-afar', sealed: seal({ key: Buffer.from(house.env.MAIL_SEAL_KEY_OTP, 'base64url'), plaintext: JSON.stringify(content), associated: mailSealContext(queue, place) }) }
}
const send = async (payload: MailPayload) => {
  await producer.add(payload)
  return await until(async () => {
    const state = await producer.stateOf(payload.delivery_id)
    return state === 'finished' || state === 'failed' ? state : undefined
  }, { what: 'the end of the job', timeoutMs: 20_000 })
}
const sentOf = async ({ delivery_id: id }: MailPayload) => (await sms.messages()).filter(({ idempotencyKey }) => idempotencyKey === id)
const outcomes = async (outcome: string) => Number(new RegExp(`sms_deliveries_total\\{queue="sms-otp",outcome="${outcome}"\\} (\\d+)`).exec(await service.metrics())?.[1])
/** One attempt, as its job makes it, without the waits between two of them. */
const attempt = async (payload: MailPayload, lastAttempt = false) => await service.deliverSms({ queue: smsFromOtp.name, payload, lastAttempt })

t.test('a text goes once, names the action before the code, and is counted', async (t) => {
  const to = newNumber()
  const payload = payloadOf(code(to))
  t.equal(await send(payload), 'finished')
  const [sent, ...more] = await sentOf(payload)
  t.same(more, [])
  t.match(sent, { from: provider.SMS_FROM, to })
  t.match(sent?.text, /^Test House: Replace an API key: key_01KJMCJWB0NHAAE97FD0V73QEB\. Code 493817, good for 5 minutes\. /)
  t.match(await house.delivery(payload), { state: 'sent', queue: 'sms-otp' })
  t.match(await attempt(payload), { then: 'done' }, 'the same job again')
  t.equal((await sentOf(payload)).length, 1)
  t.equal(await outcomes('duplicate'), 1)
  t.match(await service.metrics(), /otp_sms_sent_total\{queue="sms-otp"\} 1/)
})

t.test('what comes too late is dropped and counted; what is sealed for another queue, or says more than one line, is refused', async (t) => {
  const before = await outcomes('dropped')
  const late = payloadOf(code(newNumber()), { usefulUntil: inMinutes(-1) })
  t.equal(await send(late), 'finished')
  t.match(await house.delivery(late), { state: 'dropped', reason: 'late' })
  t.equal(await outcomes('dropped'), before + 1)

  const forged = [payloadOf(code(newNumber()), { queue: mailFromOtp.name }), payloadOf(code(newNumber(), { text: 'two\nlines' })), payloadOf(code('0790000012')), payloadOf({ ...code(newNumber()), template: 'broadcast' })]
  for (const payload of forged) {
    t.equal(await send(payload), 'failed')
    t.match(await house.db.collection('audit').findOne({ event: 'sms.refused', subject: payload.delivery_id }), { facts: { queue: 'sms-otp' } })
  }
  for (const payload of [late, ...forged]) t.same(await sentOf(payload), [])
})

t.test('a number that is none is suppressed; a refusal of the message alone is final and suppresses nobody', async (t) => {
  const to = newNumber()
  sms.fail('unknown number')
  const first = payloadOf(code(to))
  t.equal(await send(first), 'failed')
  sms.fail('none')
  t.match(await house.delivery(first), { state: 'failed', reason: 'sms 400 21211', epoch: 1 })
  t.match(await suppressions.find(to), { masked: '+41…••42', reason: 'sms 400 21211', deliveryId: first.delivery_id })
  const second = payloadOf(code(to))
  t.equal(await send(second), 'finished')
  t.match(await house.delivery(second), { state: 'dropped', reason: 'suppressed' })
  t.same(await sentOf(second), [])
  t.equal(await suppressions.lift(to), true)

  const other = newNumber()
  sms.fail('refused')
  t.equal(await send(payloadOf(code(other))), 'failed')
  sms.fail('none')
  t.equal(await suppressions.find(other), undefined)
})

t.test('a limit, a fault and a wrong login of the provider are waited out', async (t) => {
  for (const [fault, reason] of [['too many', 'sms 429 20429'], ['broken', 'sms 500 20500'], ['wrong account', 'sms 401 20003']] as const) {
    const payload = payloadOf(code(newNumber()))
    sms.fail(fault)
    await producer.add(payload)
    await until(async () => (await house.delivery(payload))?.reason === reason, { what: reason, timeoutMs: 20_000 })
    sms.fail('none')
    t.equal(await until(async () => await producer.stateOf(payload.delivery_id) === 'finished' && 'finished', { what: 'the end', timeoutMs: 20_000 }), 'finished')
    t.equal((await sentOf(payload)).length, 1, fault)
    t.match(await house.delivery(payload), { state: 'sent', doubts: 0 })
  }
})

t.test('after an answer that says nothing it goes a second time under the same key, known as such, and never a third', async (t) => {
  const payloads: MailPayload[] = []
  for (const [fault, reason] of [['silent', 'no answer in time'], ['endless', 'sms 201 without an id'], ['garbage', 'sms 200 without an id']] as const) {
    sms.fail(fault)
    const payload = payloadOf(code(newNumber()))
    payloads.push(payload)
    t.match(await attempt(payload), { then: 'again', why: reason })
  }
  t.match(await attempt(payloads.at(-1) as MailPayload), { then: 'again', why: 'another worker holds this delivery' }, 'its lease is waited for')
  await Promise.all(payloads.map(async (payload) => {
    const last = await until(async () => {
      const result = await attempt(payload)
      return result.then === 'final' ? result : undefined
    }, { what: 'the end of doubt', timeoutMs: 30_000, everyMs: 250 })
    t.match(last, { why: 'in doubt' })
    t.match(await house.delivery(payload), { state: 'failed', reason: 'in doubt', doubts: 1 })
    t.equal((await sentOf(payload)).length, 2)
  }))
  sms.fail('none')
})

t.test('a provider that cannot be reached took nothing', async (t) => {
  const closed = createServer()
  const port = await new Promise<number>((resolve) => { closed.listen(0, '127.0.0.1', () => { resolve((closed.address() as AddressInfo).port) }) })
  await new Promise((resolve) => { closed.close(resolve) })
  const to = (url: string) => createHttpProvider({ url, account: 'a', token, from: '123', deadlineMs: 1_000 }).send({ to: newNumber(), text: 'x', idempotencyKey: 'k' })
  await t.rejects(to(`http://127.0.0.1:${port}`), { name: 'SmsFault', reason: 'ECONNREFUSED', maybeSent: false, permanent: false })
})

t.test('credentials follow no redirect', async (t) => {
  let followed = 0
  const target = createServer((_request, response) => { followed++; response.end('{"sid":"SM1"}') })
  const port = await new Promise<number>((resolve) => { target.listen(0, '127.0.0.1', () => { resolve((target.address() as AddressInfo).port) }) })
  const source = createServer((_request, response) => { response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end() })
  const first = await new Promise<number>((resolve) => { source.listen(0, '127.0.0.1', () => { resolve((source.address() as AddressInfo).port) }) })
  t.teardown(() => { for (const server of [target, source]) { server.close(); server.closeAllConnections() } })
  await t.rejects(createHttpProvider({ url: `http://127.0.0.1:${first}`, account: 'a', token, from: '123', deadlineMs: 5_000 }).send({ to: newNumber(), text: 'x', idempotencyKey: 'k' }), { name: 'SmsFault', reason: 'sms 307' })
  t.equal(followed, 0)
})

t.test('one number gets so many in an hour', async (t) => {
  const to = newNumber()
  for (let i = 0; i < 5; i++) t.equal(await send(payloadOf(code(to))), 'finished')
  t.match(await attempt(payloadOf(code(to))), { then: 'again', why: 'the rate of sms is used up' })
})

t.test('without a provider a text fails at once, and is counted', async (t) => {
  const other = await buildHouse(t)
  const without = await other.openService(t)
  const place = { delivery_id: newId('dlv'), useful_until: inMinutes(5) }
  const sealed = seal({ key: Buffer.from(other.env.MAIL_SEAL_KEY_OTP, 'base64url'), plaintext: JSON.stringify(code(newNumber())), associated: mailSealContext(smsFromOtp.name, place) })
  t.match(await without.deliverSms({ queue: smsFromOtp.name, payload: { ...place, request_id: 'r', sealed }, lastAttempt: false }), { then: 'final', why: /SMS_PROVIDER_URL/ })
  t.match(await without.metrics(), /sms_deliveries_total\{queue="sms-otp",outcome="failed"\} 1/)
})

t.test('the line that binds a code to its site stands where one message has room for it, and an action is never shortened', async (t) => {
  const render = createRenderSms({ brand: 'Countersign', look: { texts: {} }, domain: 'app.example.com', now: () => new Date('2030-01-01T00:00:00Z') })
  const said = (text: string) => render(code('+41790000012', { text, expires_at: '2030-01-01T00:05:00Z' }))
  const short = said('Replace an API key: key_01KJMCJWB0NHAAE97FD0V73QEB')
  t.equal(short.split('\n').at(-1), '@app.example.com #493817')
  t.ok(fitsOneSms(short))
  const long = 'Add a login: solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:d6EMAv9vVTr8akzwtDJnPwap6dkDEpTxsdQ1MxAs1xj'
  t.match(said(long), new RegExp(`^Countersign: ${long}\\. Code 493817, good for 5 minutes\\. [^\\n]+$`))
  t.notMatch(short + said(long), /https?:/)
  t.ok(fitsOneSms('x'.repeat(160)) && fitsOneSms('€'.repeat(80)))
  for (const more of ['x'.repeat(161), '€'.repeat(81), 'š', '`']) t.notOk(fitsOneSms(more), more.slice(0, 3))
})

t.test('a strict house posts by https alone, and its settings go together', async (t) => {
  const strict = { ...house.env, ...provider, NODE_ENV: 'production', SMTP_HOST: 'smtp.example.com', MAIL_LEASE_SECONDS: '30' }
  const faults = (env: Record<string, string>) => { try { readEnvironment(environment, env); return '' } catch (error) { return (error as Error).message } }
  t.match(faults(strict), /SMS_PROVIDER_URL must be https/)
  t.notMatch(faults({ ...strict, SMS_PROVIDER_URL: 'https://api.example.com/x' }), /SMS_/)
  t.match(faults({ ...house.env, SMS_FROM: 'House' }), /go together/)
  t.notMatch(faults(strict), token)
  t.same(environmentNotices(environment, strict).filter((notice) => notice.includes(token)), [])
})

t.test('no log line and no record holds the password, a code or a number', async (t) => {
  const kept = JSON.stringify(await Promise.all(['deliveries', 'suppressions', 'audit'].map((name) => house.db.collection(name).find().toArray())))
  for (const secret of [token, Buffer.from(`${sms.account}:${token}`).toString('base64'), '493817', '4179']) {
    t.notOk(house.logs.text().includes(secret), 'logs')
    t.notOk(kept.includes(secret), 'records')
  }
})
