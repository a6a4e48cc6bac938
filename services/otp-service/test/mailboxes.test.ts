/** Proofs of mailboxes: codes and links for people who may have no account and no session, and what those confirm. */
import { createHash } from 'node:crypto'
import {
  answerMailbox, cancelMailbox, confirmEmailFactor, mailboxActionPreimage, mailboxLinkSeconds, mailFromOtp, mailSealContext, Problem, verifyChallenge, type MailboxPurpose
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { open as openSeal, ReceiptRefused } from '@countersign/secrets'
import { until } from '@countersign/testing'
import t from 'tap'
import { linkBase, mailboxesOf, newOpener, type MailboxMail, type Wanted } from './mailbox-doors.ts'
import { allLogs, newAddress, openHouse, refusal, wrong } from './open-otp.ts'

const purposes: readonly MailboxPurpose[] = ['signup', 'login_email', 'password_reset', 'email_link']
const house = await openHouse(t)

const { begin, mailTo, linkOf, tokenOf, challenge, byCode, byLink, resend, rows, row } = mailboxesOf(house)
const { db, gateway, mails, receipts, ask } = house
const receiptsOf = async (id: string) => await db.collection('receipts').countDocuments({ challenge_id: id })
const digestOf = (purpose: MailboxPurpose, userId: string | null, email: string) => `0x${createHash('sha256').update(mailboxActionPreimage(purpose, userId, email.toLowerCase())).digest('hex')}`

t.test('the right code proves its mailbox for its purpose, by one receipt that says so and nothing of a factor', async (t) => {
  for (const purpose of purposes) {
    for (const user_id of purpose === 'signup' ? [null, newId('usr')] : [newId('usr')]) {
      const { request, view, id, mail, code, token } = await challenge({ purpose, user_id, email: newAddress().replace('person', 'Person') })
      t.match(view, { sent_to: 'P***@m***.com', attempts_left: 3, expires_at: mail.parameters.expires_at }, purpose)
      const stored = await row(id)
      t.equal(stored.code_expires_at.getTime() - stored.created_at.getTime(), 300_000)
      if (purpose === 'email_link') {
        t.notOk(linkOf(mail), 'no link proves what somebody else typed in')
        t.equal('account' in mail.parameters && mail.parameters.account, user_id)
      } else {
        t.equal(linkOf(mail), `${linkBase}#token=${token}`, 'in the fragment')
        t.equal(Buffer.from(token, 'base64url').length, 32)
        t.equal(Number(stored.link_expires_at) - stored.created_at.getTime(), mailboxLinkSeconds[purpose] * 1_000)
        t.notMatch(JSON.stringify(stored), token, 'the token is not stored')
      }
      t.notMatch(JSON.stringify([stored.code_mac, stored.link_mac]), code, 'nor is the code')

      const answered = await byCode(request, id, code)

      t.match(answered, { challenge_id: id, user_id, email: request.email })
      const claims = await receipts.verifyMailbox(answered.receipt)
      t.match(claims, { challenge_id: id, aud: 'auth-gateway', purpose, proved_by: 'code', same_opener: true, action_digest: digestOf(purpose, user_id, request.email) })
      t.equal(claims.sub, user_id ?? undefined)
      t.equal(await receipts.verify(answered.receipt).catch((error: unknown) => error instanceof ReceiptRefused && error.reason), 'header', 'no receipt of a factor')
      t.equal(await refusal(byCode(request, id, code)), 'code-rejected', 'once')
      if (token !== '') t.equal(await refusal(byLink(purpose, token)), 'code-rejected', 'the code took the link with it')
      t.equal(await receiptsOf(id), 1)
    }
  }
  t.equal(await db.collection('factors').countDocuments(), 0, 'a mailbox is no factor')
  t.equal(await db.collection('failure_budgets').countDocuments(), 0)
})

t.test('a link is good once, in any browser, and says whether it is the one that asked', async (t) => {
  const here = await challenge({ purpose: 'password_reset' })
  t.match(await receipts.verifyMailbox((await byLink('password_reset', here.token, here.request.opener)).receipt), { proved_by: 'link', same_opener: true, sub: here.request.user_id })
  t.equal(await refusal(byCode(here.request, here.id, here.code)), 'code-rejected', 'the link took the code with it')
  t.equal(await refusal(byLink('password_reset', here.token)), 'code-rejected', 'once')

  for (const opener of [undefined, newOpener()]) {
    const { token, request } = await challenge({ purpose: 'signup', user_id: null })
    const answered = await byLink('signup', token, opener)
    t.match(answered, { user_id: null, email: request.email })
    t.match(await receipts.verifyMailbox(answered.receipt), { proved_by: 'link', same_opener: false })
  }

  const spent = await challenge()
  for (let i = 0; i < 3; i++) await refusal(byCode(spent.request, spent.id, wrong(spent.code)))
  t.equal(await refusal(byCode(spent.request, spent.id, spent.code)), 'code-rejected', 'out of attempts')
  t.equal(await refusal(byLink('login_email', spent.token)), 'none', 'the link is no guess')
})

t.test('a cut, lengthened or changed token is refused, whichever bit it is', async (t) => {
  const { token, id } = await challenge()
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const changed = [...token].map((character, i) => {
    const flipped = alphabet[alphabet.indexOf(character) ^ (1 << i % 6)] ?? '?'
    return `${token.slice(0, i)}${flipped}${token.slice(i + 1)}`
  })
  // The last character carries four bits: other spellings of the same 32 bytes are other tokens.
  const respelled = [1, 2, 3].map((bits) => `${token.slice(0, -1)}${alphabet[alphabet.indexOf(token.slice(-1)) ^ bits] ?? '?'}`)
  const cut = Array.from({ length: 42 }, (_, i) => [token.slice(0, i + 1), token.slice(i + 1)]).flat()
  for (const other of [...changed, ...respelled, ...cut, `${token}A`, `A${token}`, `${token}${token}`]) t.equal(await refusal(byLink('login_email', other)), 'code-rejected')
  t.equal(await receiptsOf(id), 0)
  t.equal(await refusal(byLink('login_email', token)), 'none')
})

t.test('200 right answers at once, by code and by link, give one receipt', async (t) => {
  for (const way of ['code', 'both']) {
    const { request, id, code, token } = await challenge()
    const answers = Array.from({ length: 200 }, (_, i) => () => way === 'code' || i % 2 === 0 ? byCode(request, id, code) : byLink(request.purpose, token))
    const results = await Promise.all(answers.map((answer) => refusal(answer())))

    // On a busy machine some get no answer by their deadline; what was done is in the database.
    t.ok(results.every((slug) => ['none', 'code-rejected', 'unavailable'].includes(slug)), way)
    t.ok(results.filter((slug) => slug === 'none').length <= 1, way)
    await until(async () => await receiptsOf(id) > 0, { what: 'the receipt' })
    t.equal(await receiptsOf(id), 1, way)
    t.equal(await db.collection('audit').countDocuments({ event: 'mailbox.proved', subject: id }), 1, way)
  }
})

t.test('of 200 wrong codes at once three are compared and counted, and the right one comes too late', async (t) => {
  const { request, id, code } = await challenge()
  const results = await Promise.all(Array.from({ length: 200 }, () => refusal(byCode(request, id, wrong(code)))))
  t.ok(results.every((slug) => slug === 'code-rejected' || slug === 'unavailable'))
  const compared = () => db.collection('audit').countDocuments({ event: 'mailbox.rejected', subject: id, 'facts.reason': 'wrong' })
  await until(async () => await compared() >= 3, { what: 'three to be compared' })
  t.equal(await compared(), 3)
  t.match(await db.collection('mailbox_budgets').findOne({ _id: `open:account:${String(request.user_id)}` as never }), { failures: { length: 3 }, in_a_row: 3 })
  t.equal(await refusal(byCode(request, id, code)), 'code-rejected')
})

t.test('a code answers to its opener, purpose and audience alone; whoever else tries is refused alike and costs nothing', async (t) => {
  const user = await house.enrol()
  const mine = await challenge({ user_id: user.userId, email: user.address })
  const confirming = await house.challenge(user)
  const before = [await row(mine.id), await db.collection('mailbox_budgets').findOne({ _id: `open:account:${user.userId}` as never }), await db.collection('failure_budgets').findOne({ _id: user.userId as never })]
  const answers = new Set<string>()
  const refused = async (what: string, call: Promise<unknown>) => {
    const error = await call.then(() => undefined, (reason: unknown) => reason)
    if (!(error instanceof Problem)) return t.fail(what)
    t.equal(error.kind.slug, 'code-rejected', what)
    answers.add(JSON.stringify([error.kind, error.extensions]))
  }
  await refused('another browser', byCode({ ...mine.request, opener: newOpener() }, mine.id, mine.code))
  await refused('no such challenge', byCode(mine.request, newId('chl'), mine.code))
  await refused('an unknown link', byLink('login_email', newOpener()))
  for (const purpose of purposes) {
    if (purpose === 'login_email') continue
    await refused(`the code, for ${purpose}`, byCode({ ...mine.request, purpose }, mine.id, mine.code))
    await refused(`the link, for ${purpose}`, byLink(purpose, mine.token))
  }
  // Neither kind of challenge is the other kind's.
  for (const purpose of purposes) await refused(`a factor's challenge, for ${purpose}`, byCode({ ...mine.request, purpose }, confirming.id, confirming.code))
  await refused('at the signer', house.signer.call(verifyChallenge, { challenge_id: mine.id, user_id: user.userId, session_id: user.sessionId, code: mine.code }, ask))
  await refused('as an enrolment', gateway.call(confirmEmailFactor, { challenge_id: mine.id, user_id: user.userId, session_id: user.sessionId, code: mine.code }, ask))
  const stolen = { purpose: 'login_email' as const, proof: { challenge_id: mine.id, opener: mine.request.opener, code: mine.code } }
  await t.rejects(house.signer.call({ ...answerMailbox, callers: ['signer-service'] }, stolen, ask), 'on the signer\'s list')

  t.equal(answers.size, 1, 'one answer for all of them')
  t.same([await row(mine.id), await db.collection('mailbox_budgets').findOne({ _id: `open:account:${user.userId}` as never }), await db.collection('failure_budgets').findOne({ _id: user.userId as never })], before)
  t.equal(await refusal(resend({ ...mine.request, opener: newOpener() }, mine.id)), 'not-found')
  t.equal(await refusal(byCode(mine.request, mine.id, mine.code)), 'none')
  t.equal(await refusal(house.verify(user, confirming.id, confirming.code)), 'none')
})

t.test('an address that must get no mail is answered like any other, and no answer to it is ever right', async (t) => {
  const count = async () => Promise.all(['mailbox_challenges', 'audit', 'outbox', 'withheld_mails', 'mailbox_budgets'].map((name) => db.collection(name).countDocuments()))
  const difference = async (work: () => Promise<unknown>) => {
    const before = await count()
    await work()
    return (await count()).map((number, i) => number - (before[i] ?? 0))
  }
  const shape = (view: object) => Object.entries(view).map(([key, value]) => [key, String(value).replace(/[0-9A-Z]/g, 'x')])
  const views: object[] = []
  const [known, unknown] = [{ email: newAddress(), opener: newOpener() }, { email: newAddress(), user_id: null, deliver: false, opener: newOpener() }]
  let ids = ['', '']
  const work = (more: Wanted, i: number) => async () => {
    const { view } = await begin(more)
    views.push(view)
    ids = ids.with(i, view.challenge_id)
  }
  t.same(await difference(work(known, 0)), [1, 1, 1, 0, 0])
  t.same(await difference(work(unknown, 1)), [1, 1, 0, 1, 0], 'as many rows')
  t.same(shape(views[0] ?? {}), shape(views[1] ?? {}))

  // What its mail would have said, with the worker's key.
  const withheld = await db.collection<{ payload: { sealed: string, delivery_id: string, useful_until: string } }>('withheld_mails').findOne({}, { sort: { createdAt: -1 } })
  if (withheld === null) throw new Error('nothing was withheld')
  const { payload } = withheld
  const mail = JSON.parse(openSeal({ key: Buffer.from(house.env.MAIL_SEAL_KEY, 'base64url'), sealed: payload.sealed, associated: mailSealContext(mailFromOtp.name, payload) }).toString()) as MailboxMail
  const real = await mailTo(known.email)
  const answerer = (opener: string) => ({ purpose: 'login_email' as const, opener })
  t.same(await difference(() => refusal(byCode(answerer(known.opener), ids[0] ?? '', wrong(real.parameters.code)))), [0, 1, 0, 0, 2])
  t.same(await difference(async () => { t.equal(await refusal(byCode(answerer(unknown.opener), ids[1] ?? '', mail.parameters.code)), 'code-rejected', 'even the right code') }), [0, 1, 0, 0, 2])
  t.equal(await refusal(byLink('login_email', tokenOf(mail))), 'code-rejected', 'even the right link')

  for (const [i, { opener }] of [known, unknown].entries()) {
    const again = await resend(answerer(opener), ids[i] ?? '')
    t.equal(again.attempts_left, 2)
    t.same(await Promise.all([1, 2, 3].map(() => refusal(byCode(answerer(opener), ids[i] ?? '', '0000000'.slice(1))))), ['code-rejected', 'code-rejected', 'code-rejected'])
    t.equal(await refusal(resend(answerer(opener), ids[i] ?? '')), 'state-conflict')
  }
  t.equal(mails.to(unknown.email).length, 0)
  t.equal(await receiptsOf(ids[1] ?? ''), 0)
})

t.test('an address that must get no mail costs the same messages to the database as any other, also when it is asked for again', async (t) => {
  // Only the rows of the mails themselves lie elsewhere; there are as many of one kind as of the other.
  const profile = db.collection('system.profile')
  const workOf = async <Answer>(ask: () => Promise<Answer>): Promise<{ answer: Answer, messages: string[] }> => {
    await db.command({ profile: 1, filter: { appName: { $exists: true }, ns: { $regex: '[.](mailbox_|failure_budgets|audit|factors|receipts)' } } })
    const seen = await profile.countDocuments()
    const answer = await ask()
    await db.command({ profile: 0 })
    const done = await profile.find().sort({ $natural: 1 }).skip(seen).toArray()
    return { answer, messages: done.map(({ op, ns, command }) => `${op as string} ${ns as string} ${Object.keys(command as object).join()}`) }
  }
  const [known, unknown] = [{ email: newAddress(), opener: newOpener() }, { email: newAddress(), user_id: null, deliver: false, opener: newOpener() }]

  const [begun, unbegun] = [await workOf(() => begin(known)), await workOf(() => begin(unknown))]
  t.same(unbegun.messages, begun.messages)
  t.ok(begun.messages.length > 0)
  const again = (opener: string, { answer: { view } }: typeof begun) => workOf(() => resend({ purpose: 'login_email', opener }, view.challenge_id))
  const [resent, unresent] = [await again(known.opener, begun), await again(unknown.opener, unbegun)]
  t.same(unresent.messages, resent.messages)
  t.ok(resent.messages.length > 0)
})

t.test('a resend kills the code and the link sent before, and keeps the attempts', async (t) => {
  const first = await challenge()
  const { request, id } = first
  await refusal(byCode(request, id, wrong(first.code)))
  const view = await resend(request, id, 'cmd-mailbox-resend')
  t.equal(view.attempts_left, 2)
  t.same(await resend(request, id, 'cmd-mailbox-resend'), view, 'a repeated command sends nothing')
  const second = await mailTo(request.email, 2)
  t.equal(await refusal(byLink('login_email', first.token)), 'code-rejected', 'the old link')
  if (second.parameters.code !== first.code) t.equal(await refusal(byCode(request, id, first.code)), 'code-rejected', 'the old code')
  t.equal((await row(id)).sends, 2)
  await rows.updateOne({ _id: id }, { $set: { attempts_left: 1 } })
  t.equal(await refusal(byCode(request, id, second.parameters.code)), 'none')
  t.equal(await refusal(resend(request, id)), 'state-conflict', 'answered')
  t.equal(mails.to(request.email).length, 2)
})

t.test('codes and links live by the clock of the database', async (t) => {
  const past = new Date(Date.now() - 1_000)
  const first = await challenge({ purpose: 'signup' })
  await rows.updateOne({ _id: first.id }, { $set: { code_expires_at: past } })
  t.equal(await refusal(byCode(first.request, first.id, first.code)), 'code-rejected', 'the code has ended')
  t.equal((await row(first.id)).attempts_left, 3)
  t.equal(await refusal(byLink('signup', first.token)), 'none', 'the link has not')

  const second = await challenge({ purpose: 'signup' })
  await rows.updateOne({ _id: second.id }, { $set: { link_expires_at: past } })
  t.equal(await refusal(byLink('signup', second.token)), 'code-rejected')
  t.equal(await refusal(byCode(second.request, second.id, second.code)), 'none')

  const third = await challenge()
  await rows.updateOne({ _id: third.id }, { $set: { link_expires_at: past, code_expires_at: past, ends_at: past } })
  t.equal(await refusal(resend(third.request, third.id)), 'state-conflict', 'what has ended is not sent again')
})

t.test('a command repeated after a lost reply does nothing twice and answers the same', async (t) => {
  const request = { email: newAddress(), user_id: newId('usr'), opener: newOpener() }
  const views = (await Promise.all(Array.from({ length: 6 }, () => begin(request, 'cmd-mailbox')))).map(({ view }) => view)
  for (const view of views) t.same(view, views[0])
  const mail = await mailTo(request.email)
  t.equal(await refusal(begin({ ...request, email: newAddress() }, 'cmd-mailbox')), 'state-conflict', 'another request')
  t.equal(mails.to(request.email).length, 1)

  const [id, code] = [views[0]?.challenge_id ?? '', mail.parameters.code]
  const who = { purpose: 'login_email' as const, opener: request.opener }
  const answered = await byCode(who, id, code, 'cmd-answer')
  t.same(await byCode(who, id, code, 'cmd-answer'), answered)
  t.equal(await refusal(byCode(who, id, wrong(code), 'cmd-answer')), 'code-rejected')
  t.equal(await refusal(byCode({ ...who, opener: newOpener() }, id, code, 'cmd-answer')), 'code-rejected')
  t.equal(await refusal(byLink('login_email', tokenOf(mail), undefined, 'cmd-answer')), 'code-rejected')

  const linked = await challenge()
  const once = await byLink('login_email', linked.token, undefined, 'cmd-link')
  t.same(await byLink('login_email', linked.token, undefined, 'cmd-link'), once)
  t.equal(await refusal(byLink('login_email', linked.token, undefined, 'cmd-other')), 'code-rejected')
})

t.test('of those begun at once each has its own code and link, the withheld none, and one command begins one', async (t) => {
  const wanted: Wanted[] = Array.from({ length: 9 }, (_, i) => ({ email: newAddress(), purpose: i % 2 === 0 ? 'login_email' : 'password_reset', deliver: i % 3 !== 2 }))
  const commandId = newId('cmd')
  const once: Wanted = { email: newAddress(), user_id: newId('usr'), opener: newOpener() }
  const withheld = async () => await db.collection('withheld_mails').countDocuments({})
  const before = await withheld()
  const [repeated, begun] = await Promise.all([
    Promise.all(Array.from({ length: 5 }, () => begin(once, commandId))),
    Promise.all(wanted.map((one) => begin(one)))
  ])

  t.equal(new Set(repeated.map(({ view }) => view.challenge_id)).size, 1)
  t.equal(await withheld(), before + 3)
  for (const [i, { request, view: { challenge_id: id } }] of [...begun, ...repeated.slice(0, 1)].entries()) {
    t.equal(await db.collection('audit').countDocuments({ subject: id, event: 'mailbox.challenged' }), 1)
    t.match(await row(id), { sends: 1, attempts_left: 3 })
    if (!request.deliver) continue
    const mail = await mailTo(request.email)
    t.equal(await refusal(i % 4 === 0 ? byLink(request.purpose, tokenOf(mail)) : byCode(request, id, mail.parameters.code)), 'none')
    t.equal(mails.to(request.email).length, 1)
  }
  for (const { request } of begun) if (!request.deliver) t.same(mails.to(request.email), [])
})

t.test('cancelling kills every code and link of a user or an address, and no other', async (t) => {
  const [userId, email] = [newId('usr'), newAddress()]
  const ofUser = await challenge({ user_id: userId, purpose: 'password_reset' })
  const ofAddress = await challenge({ user_id: null, purpose: 'signup', email })
  const other = await challenge()
  t.same(await gateway.call(cancelMailbox, { user_id: userId, email: email.toUpperCase() }, ask), { cancelled: 2 })
  for (const { request, id, code, token } of [ofUser, ofAddress]) {
    t.equal(await refusal(byCode(request, id, code)), 'code-rejected')
    t.equal(await refusal(byLink(request.purpose, token)), 'code-rejected')
    t.equal(await refusal(resend(request, id)), 'state-conflict')
  }
  t.same(await gateway.call(cancelMailbox, { user_id: userId }, ask), { cancelled: 0 })
  t.same(await gateway.call(cancelMailbox, { email }, ask), { cancelled: 0 })
  t.equal(await refusal(byCode(other.request, other.id, other.code)), 'none')
  t.equal(await db.collection('audit').countDocuments({ event: 'mailbox.cancelled', subject: userId }), 2)

  const racing = await challenge({ user_id: userId })
  const [cancelled, answered] = await Promise.all([gateway.call(cancelMailbox, { user_id: userId }, ask), refusal(byCode(racing.request, racing.id, racing.code))])
  t.equal(cancelled.cancelled === 1, answered !== 'none', 'one of the two')
})

t.test('an account\'s own request names the account, and a link leads to the configured application alone', async (t) => {
  t.equal(await refusal(begin({ purpose: 'email_link', user_id: null })), 'schema-violation')
  t.equal(await refusal(begin({ session_id: newId('ses'), user_id: null })), 'schema-violation')
  const bound = mailboxesOf(await openHouse(t, { FRONTEND_URL: 'https://app.example.com/start' }, house.mongo))
  for (const link_base of ['https://app.example.com.evil.example/x', 'http://app.example.com/x', 'https://app.example.com:8443/x']) t.equal(await refusal(bound.begin({ link_base })), 'not-permitted', link_base)
  t.equal(linkOf((await bound.challenge({ link_base: 'https://app.example.com/reset' })).mail)?.startsWith('https://app.example.com/reset#token='), true)
})

t.test('the metrics and log texts of the runbooks count mailboxes too, without an address, a code or a token', async (t) => {
  const text = await house.service.metrics()
  for (const purpose of purposes) for (const name of ['otp_send_total', 'otp_verify_total', 'otp_verify_success']) t.match(text, new RegExp(`^${name}\\{purpose="${purpose}"\\} [1-9]`, 'm'))
  const logs = allLogs()
  for (const message of ['OTP sent', 'OTP withheld', 'OTP verified', 'OTP verification failed']) t.ok(logs.includes(`"${message}"`), message)
  for (const mail of mails.all) {
    t.notOk(logs.includes(mail.to), 'no address')
    if (mail.template === 'login_code' || mail.template === 'signup_code' || mail.template === 'password_reset') {
      t.notOk(logs.includes(tokenOf(mail)), 'no token')
      t.notOk(new RegExp(`(?<![0-9A-Za-z_.-])${mail.parameters.code}(?![0-9A-Za-z_.-])`).test(logs), 'no code')
    }
  }
  const audit = JSON.stringify(await db.collection('audit').find().toArray())
  t.notMatch(audit, /mail\.example\.com/)
})
