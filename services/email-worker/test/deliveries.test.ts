/** Mails: what they say, that each goes once, and what is refused. */
import { mailFromOtp, type MailContent } from '@countersign/contracts'
import { createProducer } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { randomToken } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { MongoBulkWriteError } from 'mongodb'
import t from 'tap'
import { createDeliveryRepository } from '../src/deliveries/delivery-repository.ts'
import { createSmtpSender } from '../src/smtp/smtp-sender.ts'
import { buildHouse, codeMail, inMinutes, startWire, type QueueName, type Row } from './open-worker.ts'

const house = await buildHouse(t)
const { db, smtp, payloadOf, send, delivery, mailsOf, producers } = house
const wire = await startWire(t, smtp.port)
const service = await house.openService(t, { SMTP_PORT: String(wire.port) })
const to = 'reader@mailbox.example.org'

t.test('a code mail shows code and action exactly, in text and in escaped HTML, and says where it comes from', async (t) => {
  const text = 'Send 1.5 ETH\n\n  to   <script>alert("x")</script> & \'friends\'\n  from wal_1\nhttps://not.a.link.of.ours'
  const payload = payloadOf('otp', codeMail(to, { text, code: '082917' }))

  t.equal(await send('otp', payload), 'finished')

  const [mail, ...more] = await mailsOf(payload)
  t.same(more, [])
  t.same(mail?.to, [to])
  t.equal(mail?.from, 'no-reply@house.example.com')
  t.equal(mail?.subject, 'Your code for Test House')
  t.match(mail?.text, /^Your code\n\n082917$/m)
  t.ok(mail?.text.includes(text), 'the action as it is')
  t.match(mail?.text, /good for [0-9]+ minutes, until 2030-01-01 00:05:00 UTC, for one use/)
  t.ok(mail?.html?.includes(text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')))
  t.notMatch(mail?.html, /<script|<a[\s>]|href=|src=/i, 'no link, nothing that runs')
  t.match(mail?.headers, { 'auto-submitted': 'auto-generated', 'x-request-id': 'req-from-afar' })
  t.match(await delivery(payload), { state: 'sent', queue: 'mail-otp', epoch: 1 })
})

t.test('a mail that proves a mailbox shows its code, its one link and what they do, and the link is otp-service\'s to the letter', async (t) => {
  const url = `https://app.example.com/link#token=${'aB3_-'.repeat(8)}xyz`
  const parameters = { code: '082917', expires_at: '2030-01-01T00:05:00Z', link: { url, expires_at: '2030-01-01T00:30:00Z' } }
  const account = newId('usr')
  const mails: [MailContent, RegExp, RegExp][] = [
    [{ template: 'signup_code', to, parameters }, /Confirm your address/, /open an account at Test House/],
    [{ template: 'login_code', to, parameters }, /Sign in to Test House/, /sign in to Test House with this address/],
    [{ template: 'password_reset', to, parameters }, /Reset your password/, /set a new password/],
    [{ template: 'email_link_code', to, parameters: { code: '082917', expires_at: '2030-01-01T00:05:00Z', account } }, /Confirm your address/, new RegExp(`The account ${account} at Test House`)]
  ]
  for (const [content, subject, does] of mails) {
    const payload = payloadOf('otp', content)
    t.equal(await send('otp', payload), 'finished', content.template)
    const [mail] = await mailsOf(payload)
    t.match(mail?.subject, subject, content.template)
    t.notMatch(mail?.subject, /082917/, 'a locked telephone shows the subject')
    t.match(mail?.text, /^Your code\n\n082917$/m)
    t.match(mail?.text, does)
    t.match(mail?.text, /good for [0-9]+ minutes, until 2030-01-01 00:05:00 UTC, for one use/)
    t.match(mail?.text, /If it was not you, ignore this mail/)
    const linked = content.template !== 'email_link_code'
    t.equal(mail?.text.split(url).length, linked ? 2 : 1)
    t.strictSame([...mail?.html?.matchAll(/href="([^"]*)"/g) ?? []].map(([, href]) => href), linked ? [url] : [])
    if (linked) t.match(mail?.text, /link, good for [0-9]+ minutes, until 2030-01-01 00:30:00 UTC, for one use/)
  }
  const elsewhere = { ...parameters, link: { ...parameters.link, url: `https://app.example.com/link?token=${'a'.repeat(43)}` } }
  for (const url of [elsewhere.link.url, `javascript:alert(1)#token=${'a'.repeat(43)}`, `https://app.example.com/"onclick=x#token=${'a'.repeat(43)}`, `${parameters.link.url}&more`]) {
    const payload = payloadOf('otp', { template: 'login_code', to, parameters: { ...parameters, link: { ...parameters.link, url } } })
    t.equal(await send('otp', payload), 'failed', url)
    t.match(await db.collection('audit').findOne({ event: 'mail.refused', subject: payload.delivery_id }), { facts: { reason: 'contract' } })
  }
})

t.test('the gateway\'s notices say what happened and what to do, escape what others wrote, and hold neither code nor link', async (t) => {
  const at = '2030-01-01T00:00:00Z'
  const evil = '<img src=x onerror=alert(1)> "& \'phone\' https://evil.example'
  const escaped = '&lt;img src=x onerror=alert(1)&gt; &quot;&amp; &#39;phone&#39; https://evil.example'
  const mails: [MailContent, RegExp[], string?][] = [
    [{ template: 'new_device', to, parameters: { at, ip: '2001:db8::1', device: evil, method: 'wallet (eip155)' } }, [/Address {2}2001:db8::1/, /Method {3}wallet \(eip155\)/, /close the sessions that you do not know/], evil],
    [{ template: 'new_device', to, parameters: { at, device: 'curl', method: 'password' } }, [/Device {2}curl/]],
    [{ template: 'password_changed', to, parameters: { at } }, [/changed at 2030-01-01 00:00:00 UTC/, /reset your password at once/]],
    [{ template: 'identity_linked', to, parameters: { kind: 'Solana wallet', masked: '7xKX…gAsU', at } }, [/Solana wallet {2}7xKX…gAsU/, /remove it/]],
    [{ template: 'identity_unlinked', to, parameters: { kind: 'e-mail address', masked: 'a***@e***.com', at } }, [/Removed from your account/, /a\*\*\*@e\*\*\*\.com/]],
    [{ template: 'api_key_created', to, parameters: { name: evil, last4: 'x9Zq', at } }, [/ending in x9Zq/, /revoke it/], evil],
    [{ template: 'email_taken', to, parameters: { at } }, [/You have an account already, and it was not touched/]],
    [{ template: 'account_deleting', to, parameters: { at } }, [/At 2030-01-01 00:00:00 UTC the deletion of your account was asked for/, /tell whoever runs this service/]],
    [{ template: 'account_deleted', to, parameters: { at } }, [/completed at 2030-01-01 00:00:00 UTC/, /last mail/]],
    [{ template: 'broadcast', to, parameters: { message: `Tonight we move.\n\n${evil}` } }, [/^Tonight we move\.$/m], evil]
  ]
  for (const [content, words, hostile] of mails) {
    const payload = payloadOf('gateway', content)
    t.equal(await send('gateway', payload), 'finished', content.template)
    const [mail] = await mailsOf(payload)
    for (const said of words) t.match(mail?.text, said, content.template)
    t.match(mail?.subject, /Test House/)
    t.notMatch(mail?.html, /<a[\s>]|href=|<img|<script|your code/i, content.template)
    if (hostile !== undefined) {
      t.ok(mail?.text.includes(hostile), 'as it is')
      t.ok(mail?.html?.includes(escaped), 'escaped')
      t.notMatch(mail?.subject, /evil/)
    }
  }
})

t.test('neither the gateway\'s key nor the signer\'s opens a mail with a code', async (t) => {
  const parameters = { code: '082917', expires_at: '2030-01-01T00:05:00Z' }
  const codes = ['signup_code', 'login_code', 'password_reset'].map((template) => ({ template, to, parameters }))
  const all = [codeMail(to), ...codes, { template: 'email_link_code', to, parameters: { ...parameters, account: newId('usr') } }]
  for (const queue of ['gateway', 'signer'] as const) {
    for (const content of all) {
      const payload = payloadOf(queue, content)
      t.equal(await send(queue, payload), 'failed', `${queue}: ${content.template}`)
      t.match(await db.collection('audit').findOne({ event: 'mail.refused', subject: payload.delivery_id }), { facts: { reason: 'template' } })
      t.strictSame(await mailsOf(payload), [])
    }
  }
  for (const queue of ['otp', 'signer'] as const) t.equal(await send(queue, payloadOf(queue, { template: 'broadcast', to, parameters: { message: 'x' } })), 'failed', queue)
})

t.test('each producer has its templates', async (t) => {
  const mails: [QueueName, MailContent, RegExp][] = [
    ['otp', { template: 'factor_changed', to, parameters: { masked: 'n***@e***.com', at: '2030-01-01T00:00:00Z' } }, /now go to n\*\*\*@e\*\*\*\.com/],
    ['otp', { template: 'factor_reset_asked', to, parameters: { account: newId('usr'), at: '2030-01-01T00:00:00Z', due_at: '2030-01-04T00:00:00Z' } }, /2030-01-04 00:00:00 UTC/],
    ['otp', { template: 'factor_reset_done', to, parameters: { account: newId('usr'), at: '2030-01-04T00:00:00Z' } }, /taken away at 2030-01-04/],
    ['otp', { template: 'factor_added', to, parameters: { factor: 'Authenticator app', at: '2030-01-01T00:00:00Z' } }, /Added .*\n\nAuthenticator app/],
    ['otp', { template: 'factor_removed', to, parameters: { factor: 'Recovery codes', at: '2030-01-01T00:00:00Z' } }, /Removed .*\n\nRecovery codes/],
    ['gateway', { template: 'first_factor_added', to, parameters: { factor: 'Passkey', at: '2030-01-01T00:00:00Z' } }, /first one .*\n\nPasskey/],
    ['gateway', { template: 'session_closed', to, parameters: { at: '2030-01-01T00:00:00Z' } }, /used twice/],
    ['signer', { template: 'wallet_low', to, parameters: { wallet_id: 'wal_1', chain_id: 31337, balance: '1', needed: '20' } }, /Needed {3}20/]
  ]
  for (const [queue, content, words] of mails) {
    const payload = payloadOf(queue, content)
    t.equal(await send(queue, payload), 'finished', content.template)
    const [mail] = await mailsOf(payload)
    t.match(mail?.text, words, content.template)
    t.match(mail?.subject, /Test House/)
  }
})

t.test('a job that comes again sends nothing again, also when Redis has forgotten it', async (t) => {
  const payload = payloadOf('otp', codeMail(to))
  t.equal(await send('otp', payload), 'finished')

  await house.redis.flush()
  t.equal(await send('otp', payload), 'finished')

  t.equal((await mailsOf(payload)).length, 1)
  t.match(await service.metrics(), /mail_deliveries_total\{queue="mail-otp",outcome="duplicate"\} 1/)
})

t.test('what cannot be what it claims to be fails once, leaves an audit row and no delivery', async (t) => {
  const id = newId('dlv')
  const good = codeMail(to)
  const cases: [string, QueueName, ReturnType<typeof payloadOf>, string][] = [
    ['a code mail of the gateway', 'gateway', payloadOf('gateway', good), 'template'],
    ['a notice of the signer in the gateway\'s name', 'gateway', payloadOf('gateway', { template: 'wallet_low', to, parameters: { wallet_id: 'w', chain_id: 1, balance: '1', needed: '2' } }), 'template'],
    ['the key of another producer', 'otp', payloadOf('otp', good, { sealKey: 'gateway' }), 'seal'],
    ['a seal moved from another queue', 'otp', payloadOf('otp', good, { sealFor: 'gateway' }), 'seal'],
    ['a seal moved from another delivery', 'otp', payloadOf('otp', good, { delivery_id: id, place: { delivery_id: newId('dlv') } }), 'seal'],
    ['a life made longer', 'otp', payloadOf('otp', good, { useful_until: inMinutes(600), place: { useful_until: inMinutes(5) } }), 'seal'],
    ['no seal at all', 'otp', payloadOf('otp', good, { sealed: randomToken(64) }), 'seal'],
    ['two recipients', 'otp', payloadOf('otp', { ...good, to: `${to}, other@example.org` }), 'contract'],
    ['a header in the recipient', 'otp', payloadOf('otp', { ...good, to: `${to}\r\nBcc: other@example.org` }), 'contract'],
    ['a quoted local part', 'otp', payloadOf('otp', { ...good, to: '"other@example.org x"@mailbox.example.org' }), 'contract'],
    ['a field too many', 'otp', payloadOf('otp', { ...good, bcc: 'other@example.org' }), 'contract'],
    ['no JSON', 'otp', payloadOf('otp', 'code 123456'), 'contract']
  ]
  const before = (await smtp.mails()).length
  for (const [name, queue, payload, reason] of cases) {
    t.equal(await send(queue, payload), 'failed', name)
    t.match(await db.collection('audit').findOne({ event: 'mail.refused', subject: payload.delivery_id }), { facts: { queue: `mail-${queue}`, reason } }, name)
    t.equal(await delivery(payload), null, name)
    t.equal(Number(await house.admin.hget(`{mail-${queue}}:mail-${queue}:${payload.delivery_id}`, 'atm')), 1, `${name}: one attempt`)
  }
  t.equal((await smtp.mails()).length, before)

  const real = payloadOf('otp', good, { delivery_id: id })
  await house.redis.flush()
  t.equal(await send('otp', real), 'finished', 'a forged job does not spoil the real one')
})

t.test('a mail that comes too late is dropped and counted', async (t) => {
  const payload = payloadOf('otp', codeMail(to), { useful_until: inMinutes(-0.02) })
  t.equal(await send('otp', payload), 'finished')
  t.match(await delivery(payload), { state: 'dropped' })
  t.same(await mailsOf(payload), [])
  t.match(await service.metrics(), /mail_deliveries_total\{queue="mail-otp",outcome="dropped"\} 1/)
})

t.test('while the mail server says "later" a mail waits, and goes once', async (t) => {
  smtp.fail('temporary')
  const payload = payloadOf('otp', codeMail(to))
  await producers.otp.add(payload)
  await until(async () => (await delivery(payload))?.reason, { what: 'a refusal' })
  t.match(await delivery(payload), { state: 'claimed', reason: /^smtp 451/ })

  smtp.fail('none')

  t.equal(await house.ended('otp', payload), 'finished')
  t.equal((await mailsOf(payload)).length, 1)
  t.match(await service.metrics(), /otp_email_errors\{queue="mail-otp"\} [1-9]/)
})

t.test('while the mail server is gone a mail waits, and goes once', async (t) => {
  wire.cut()
  const payload = payloadOf('otp', codeMail(to))
  await producers.otp.add(payload)
  await until(async () => (await delivery(payload))?.reason, { what: 'a fault' })
  t.match(await delivery(payload), { state: 'claimed', reason: /^E[A-Z]+$/ })

  wire.mend()

  t.equal(await house.ended('otp', payload), 'finished')
  t.equal((await mailsOf(payload)).length, 1)
})

t.test('a connection lost after the body leaves the mail in doubt and is not sent again at once, one lost before does not', async (t) => {
  const own = await startWire(t, smtp.port)
  const sender = createSmtpSender({ host: '127.0.0.1', port: own.port, auth: undefined, strict: false, maxConnections: 1, from: { name: 'Test House', address: 'no-reply@house.example.com' }, deadlineMs: 25_000, now: () => new Date() })
  t.teardown(() => { sender.close() })
  const mail = { subject: 's', text: 't', html: 'h' }
  const accepted = async (id: string) => (await smtp.mails()).filter(({ messageId }) => messageId === `<${id}@house.example.com>`).length

  own.lose('the receipt')
  await t.rejects(sender.send(to, mail, { deliveryId: 'doubtful', requestId: 'r' }), { name: 'SmtpFault', permanent: false, maybeSent: true })
  t.equal(await until(async () => await accepted('doubtful'), { what: 'the mail at the server' }), 1)

  own.lose('the greeting')
  await t.rejects(sender.send(to, mail, { deliveryId: 'unsent', requestId: 'r' }), { name: 'SmtpFault', permanent: false, maybeSent: false })
  own.lose('nothing')
  await sender.send(to, mail, { deliveryId: 'later', requestId: 'r' })
  smtp.fail('temporary')
  await t.rejects(sender.send(to, mail, { deliveryId: 'refused', requestId: 'r' }), { name: 'SmtpFault', reason: /^smtp 451/, maybeSent: false })
  smtp.fail('none')
  t.same([await accepted('doubtful'), await accepted('unsent'), await accepted('later')], [1, 0, 1])
})

t.test('a delivery that another worker holds ends with the last attempt of its job', async (t) => {
  const payload = payloadOf('otp', codeMail(to))
  await db.collection<Row & { lease_until: Date, created_at: Date }>('deliveries').insertOne({ _id: payload.delivery_id, state: 'claimed', epoch: 1, reason: null, queue: 'mail-otp', lease_until: new Date(Date.now() + 60_000), created_at: new Date() })
  const once = createProducer<typeof mailFromOtp>({ ...mailFromOtp, attempts: 1 }, house.io)
  t.teardown(() => once.close())
  await once.add(payload)

  t.equal(await house.ended('otp', payload), 'failed')
  t.match(await delivery(payload), { state: 'failed', reason: 'another worker holds this delivery' })
  t.match(await db.collection('audit').findOne({ event: 'mail.failed', subject: payload.delivery_id }), { facts: { queue: 'mail-otp' } })
  const sent = await createDeliveryRepository(db, 1_000).sent({ deliveryId: payload.delivery_id, epoch: 1 })
  t.ok(sent, 'the worker that held it may still say that it was sent')
  t.match(await delivery(payload), { state: 'sent' })
})

t.test('in production no mail leaves unencrypted, elsewhere it does when the server offers nothing better', async (t) => {
  const options = { host: smtp.host, port: smtp.port, auth: undefined, maxConnections: 1, from: { name: 'Test House', address: 'no-reply@house.example.com' }, deadlineMs: 25_000, now: () => new Date() }
  const [strict, lenient] = [createSmtpSender({ ...options, strict: true }), createSmtpSender({ ...options, strict: false })]
  t.teardown(() => { strict.close() })
  t.teardown(() => { lenient.close() })
  await t.rejects(strict.verify(), { name: 'SmtpFault', permanent: false })
  await t.rejects(strict.send(to, { subject: 's', text: 't', html: 'h' }, { deliveryId: 'd', requestId: 'r' }), { name: 'SmtpFault' })
  await t.resolves(lenient.verify())
})

t.test('a mail that the server will never take fails for good, with an audit row', async (t) => {
  smtp.fail('permanent')
  const payload = payloadOf('otp', codeMail(to))
  t.equal(await send('otp', payload), 'failed')
  smtp.fail('none')
  t.match(await delivery(payload), { state: 'failed', reason: /^smtp 550/, epoch: 1 })
  t.match(await db.collection('audit').findOne({ event: 'mail.failed', subject: payload.delivery_id }), { facts: { queue: 'mail-otp' } })
})

t.test('many mails at once each go once, whichever of two workers takes them', async (t) => {
  await house.openService(t)
  const payloads = Array.from({ length: 60 }, (_, i) => payloadOf('otp', codeMail(`reader-${i}@mailbox.example.org`)))
  await Promise.all(payloads.map((payload) => producers.otp.add(payload)))
  for (const payload of payloads) t.equal(await house.ended('otp', payload), 'finished')
  const ids = (await smtp.mails()).map(({ messageId }) => messageId)
  t.equal(new Set(ids).size, ids.length, 'no mail twice')
  for (const { delivery_id } of payloads) t.ok(ids.includes(`<${delivery_id}@house.example.com>`))
})

t.test('the heartbeat is there for a short time only, and metrics tell of every queue', async (t) => {
  const life = await house.admin.ttl('hb:email-worker')
  t.ok(await until(async () => await house.admin.exists('hb:email-worker') === 1, { what: 'a heartbeat', timeoutMs: 15_000 }))
  t.ok(life <= 30)
  const text = await service.metrics()
  for (const queue of ['mail-otp', 'mail-gateway', 'mail-signer']) {
    t.match(text, new RegExp(`^otp_email_sent_total\\{queue="${queue}"\\} [1-9]`, 'm'))
    t.match(text, new RegExp(`^otp_email_latency_count\\{queue="${queue}"\\} [1-9]`, 'm'))
  }
})

t.test('no log line holds a code, an address or a seal', async (t) => {
  const text = house.logs.text()
  for (const message of ['mail sent', 'mail refused', 'mail failed', 'mail dropped']) t.ok(text.includes(`"${message}"`), message)
  t.notMatch(text, /mailbox\.example\.org|other@example\.org/)
  t.notMatch(text, /493817|082917/)
  t.notMatch(text, /Send 1|"sealed":"(?!\[redacted])/)
  for (const key of Object.values(house.env).filter((value) => /^[A-Za-z0-9_-]{43}$/.test(value))) t.notOk(text.includes(key))
})

t.test('claims of one moment share their message: of one delivery exactly one sends, of two workers too, and each of many gets its own', async (t) => {
  const [here, there] = [createDeliveryRepository(db, 60_000), createDeliveryRepository(db, 60_000)]
  const request = (deliveryId: string, lifeMs = 60_000) => ({ deliveryId, queue: 'mail-otp', requestId: newId('req'), usefulUntil: new Date(Date.now() + lifeMs) })
  const [contested, late, ...own] = Array.from({ length: 22 }, () => newId('dlv')) as [string, string, ...string[]]

  const [raced, tooLate, ...others] = await Promise.all([
    Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? here : there).claim(request(contested)))),
    here.claim(request(late, -1_000)),
    ...own.map((id) => here.claim(request(id)))
  ])
  t.equal(raced.filter(({ decision }) => decision === 'send').length, 1)
  t.equal(raced.filter(({ decision }) => decision === 'busy').length, 29)
  t.same(tooLate, { decision: 'late' })
  t.same(others, own.map((deliveryId) => ({ decision: 'send', claim: { deliveryId, epoch: 1 }, maybeAgain: false })))

  t.same(await Promise.all([...own, contested].map((id) => there.claim(request(id)))), [...own, contested].map(() => ({ decision: 'busy' })))
  const [sent, ...rest] = await Promise.all([here.sent({ deliveryId: contested, epoch: 2 }), ...own.map((deliveryId) => here.sent({ deliveryId, epoch: 1 }))])
  t.equal(sent, undefined, 'another epoch writes no end')
  t.ok(rest.every((one) => one !== undefined))
  t.same(await here.claim(request(late)), { decision: 'over' })
})

t.test('claims that were written and whose message failed are the claimant\'s still, at the same epoch', async (t) => {
  let faults = 1
  const faulty = {
    collection: (name: string) => new Proxy(db.collection(name), {
      get: (rows, verb) => verb !== 'bulkWrite'
        ? Reflect.get(rows, verb) as unknown
        : async (...given: Parameters<typeof rows.bulkWrite>) => {
          const written = await rows.bulkWrite(...given)
          if (faults-- > 0) throw new MongoBulkWriteError({ message: 'a row was refused', code: 1, writeErrors: [] }, written)
          return written
        }
    })
  } as unknown as typeof db
  const deliveries = createDeliveryRepository(faulty, 60_000)
  const ids = Array.from({ length: 5 }, () => newId('dlv'))
  const claims = await Promise.all(ids.map((deliveryId) => deliveries.claim({ deliveryId, queue: 'mail-otp', requestId: newId('req'), usefulUntil: new Date(Date.now() + 60_000) })))
  t.ok(faults < 0, 'each went again by itself')
  t.same(claims, ids.map((deliveryId) => ({ decision: 'send', claim: { deliveryId, epoch: 1 }, maybeAgain: false })))
})
