/** What breaks around a mail, and that it arrives all the same: once, or twice at most and known to be so. */
import { createLimiter } from '@countersign/redis'
import { until } from '@countersign/testing'
import t from 'tap'
import { createAddressHash } from '../src/deliveries/address-hash.ts'
import { createDeliveryRate } from '../src/deliveries/delivery-rate.ts'
import { createSuppressionRepository } from '../src/deliveries/suppression-repository.ts'
import { smtpFaultOf } from '../src/smtp/smtp-fault.ts'
import { buildHouse, codeMail, inMinutes, startWire } from './open-worker.ts'

const house = await buildHouse(t)
const { db, smtp, payloadOf, send, delivery, mailsOf, producers } = house
const wire = await startWire(t, smtp.port)
const service = await house.openService(t, { SMTP_PORT: String(wire.port), MAIL_SEND_TIMEOUT_SECONDS: '1', MAIL_RATE_PER_RECIPIENT_PER_HOUR: '5' })
const hashOf = createAddressHash(house.env.SECRET_KEY)
const suppressions = createSuppressionRepository(db, hashOf)

t.test('an address that the mail server does not know is suppressed, told of without being named, and reached again once that is lifted', async (t) => {
  const to = 'gone@mailbox.example.org'
  smtp.fail('unknown recipient')
  const first = payloadOf('otp', codeMail(to))
  t.equal(await send('otp', first), 'failed')
  smtp.fail('none')
  t.match(await delivery(first), { state: 'failed', reason: 'smtp 550 5.1.1 RCPT TO', epoch: 1 })
  t.match(await suppressions.list(10), [{ masked: 'g***@m***.org', reason: 'smtp 550 5.1.1 RCPT TO', deliveryId: first.delivery_id, dropped: 0 }])
  t.match(await db.collection('audit').findOne({ event: 'mail.suppressed', subject: first.delivery_id }), { facts: { queue: 'mail-otp', reason: 'smtp 550 5.1.1 RCPT TO' } })
  const kept = JSON.stringify(await db.collection('suppressions').find().toArray())
  t.notMatch(kept, /gone|mailbox/)

  const second = payloadOf('otp', codeMail('Gone@Mailbox.Example.org'))
  t.equal(await send('otp', second), 'finished')
  t.match(await delivery(second), { state: 'dropped', reason: 'suppressed' })
  t.same(await mailsOf(second), [])
  t.match(await suppressions.find(to), { dropped: 1 })
  t.match(await service.metrics(), /mail_deliveries_total\{queue="mail-otp",outcome="suppressed"\} 1/)

  t.equal(await suppressions.lift(to), true)
  t.equal(await suppressions.lift(to), false)
  const third = payloadOf('otp', codeMail(to))
  t.equal(await send('otp', third), 'finished')
  t.equal((await mailsOf(third)).length, 1)
  t.notMatch(house.logs.text(), /gone@|mailbox\.example/i)
})

t.test('a refusal of the sender, of the content or of the login suppresses nobody', async (t) => {
  const fault = (response: string, command: string, code = 'EENVELOPE') => smtpFaultOf({ code, command, response, responseCode: Number(response.slice(0, 3)) })
  for (const [response, command] of [['550 5.1.1 no such user', 'RCPT TO'], ['550 no such user', 'RCPT TO'], ['553 no', 'RCPT TO'], ['550 5.2.1 disabled', 'RCPT TO']] as const) {
    t.match(fault(response, command), { permanent: true, noSuchRecipient: true }, response)
  }
  t.match(fault('554 5.1.1 nobody of that name', 'DATA', 'EMESSAGE'), { permanent: true, noSuchRecipient: true }, 'servers that look after the body')
  const others = [
    ['550 5.7.1 relaying denied', 'RCPT TO'], ['550 blocked', 'MAIL FROM'], ['554 5.7.1 looks like spam', 'DATA'], ['552 5.2.2 full', 'RCPT TO'], ['550 5.1.8 bad sender', 'RCPT TO'],
    ['554 too many', 'RCPT TO'], ['451 5.1.1 later', 'RCPT TO'], ['450 4.2.1 later', 'RCPT TO']
  ] as const
  for (const [response, command] of others) t.match(fault(response, command), { noSuchRecipient: false, permanent: response.startsWith('5') }, response)
  t.match(fault('535 5.7.8 wrong password', 'AUTH PLAIN', 'EAUTH'), { permanent: false, noSuchRecipient: false })

  smtp.fail('permanent')
  const payload = payloadOf('otp', codeMail('wrongly-refused@mailbox.example.org'))
  t.equal(await send('otp', payload), 'failed')
  smtp.fail('none')
  t.same(await suppressions.list(10), [])
})

t.test('a mail server that takes the connection and says nothing is given up, and the mail goes once when it speaks', async (t) => {
  smtp.fail('silent')
  const payload = payloadOf('otp', codeMail('patient@mailbox.example.org'))
  await producers.otp.add(payload)
  await until(async () => (await delivery(payload))?.reason, { what: 'the end of patience', timeoutMs: 20_000 })
  smtp.fail('none')
  t.equal(await house.ended('otp', payload), 'finished')
  t.equal((await mailsOf(payload)).length, 1)
  t.match(await delivery(payload), { state: 'sent', doubts: 0 })
})

t.test('when the answer to a whole mail is lost it goes a second time, known as such, and never a third', async (t) => {
  wire.lose('the receipt')
  const payload = payloadOf('otp', codeMail('doubtful@mailbox.example.org'))
  // As its job does, without the waits between its attempts.
  const ends = await until(async () => {
    const result = await service.deliverMail({ queue: 'mail-otp', payload, lastAttempt: false })
    return result.then === 'again' ? undefined : result
  }, { what: 'the end of the delivery', timeoutMs: 20_000 })
  wire.lose('nothing')
  t.same(ends, { then: 'final', why: 'in doubt' })
  t.equal((await mailsOf(payload)).length, 2)
  t.match(await delivery(payload), { state: 'failed', reason: 'in doubt', doubts: 1 })
  t.match(await db.collection('audit').findOne({ event: 'mail.failed', subject: payload.delivery_id }), { facts: { reason: 'in doubt' } })
  t.match(await service.metrics(), /mail_possible_duplicates_total\{queue="mail-otp"\} 1/)
})

t.test('more mails to one address than its rate wait, those of others do not, and what waits too long is dropped', async (t) => {
  const to = 'busy@mailbox.example.org'
  const sent = Array.from({ length: 5 }, () => payloadOf('otp', codeMail(to)))
  for (const payload of sent) t.equal(await send('otp', payload), 'finished')
  const waiting = payloadOf('otp', codeMail(to), { useful_until: inMinutes(0.05) })
  await producers.otp.add(waiting)
  await until(async () => (await delivery(waiting))?.reason === 'the rate of mail is used up', { what: 'a postponement' })
  t.equal(await send('otp', payloadOf('otp', codeMail('idle@mailbox.example.org'))), 'finished')
  t.equal(await house.ended('otp', waiting), 'finished')
  t.match(await delivery(waiting), { state: 'dropped', reason: 'late' })
  t.same(await mailsOf(waiting), [])
  t.match(await service.metrics(), /mail_postponed_total\{queue="mail-otp"\} [1-9]/)
  t.notMatch((await house.admin.keys('mail:*')).join(), /busy|mailbox/)
})

t.test('all mails together have a rate, and what did not go does not count', async (t) => {
  const takeTurn = createDeliveryRate({ limiter: createLimiter({ redis: house.admin, prefix: 'mail:{test}' }), hashOf, perMinute: 3, perRecipientPerHour: 2 })
  const taken = async (address: string) => (await takeTurn(address)).granted
  t.same([await taken('a@example.org'), await taken('a@example.org'), await taken('a@example.org')], [true, true, false])
  const turn = await takeTurn('b@example.org')
  t.equal(await taken('c@example.org'), false)
  if (turn.granted) await turn.giveBack()
  t.equal(await taken('c@example.org'), true)
})

t.test('a mail of before a restart of Redis, or in hand during one, goes once', async (t) => {
  wire.hold()
  const inHand = payloadOf('otp', codeMail('first@mailbox.example.org'))
  await producers.otp.add(inHand)
  await until(async () => (await delivery(inHand))?.state === 'claimed', { what: 'the claim' })
  await house.redis.kill()
  wire.letGo()
  await until(async () => (await delivery(inHand))?.state === 'sent', { what: 'the mail in hand' })
  await house.redis.restart()
  await until(async () => await producers.otp.stateOf(inHand.delivery_id).catch(() => undefined) !== undefined, { what: 'the queue', timeoutMs: 20_000 })

  const after = payloadOf('otp', codeMail('second@mailbox.example.org'))
  // As an outbox does: added again, also what Redis may have forgotten.
  for (const payload of [inHand, after]) t.equal(await send('otp', payload), 'finished')
  t.equal((await mailsOf(inHand)).length, 1)
  t.equal((await mailsOf(after)).length, 1)
})
