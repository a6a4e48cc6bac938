/** What strangers may guess at and send to a mailbox, and whom that keeps out: nobody who reads it, no session, no factor. */
import { createChallenge, problems, resendMailbox, type Problem } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { Redis } from 'ioredis'
import t from 'tap'
import { mailboxesOf, newOpener, type Wanted } from './mailbox-doors.ts'
import { allLogs, newAddress, openHouse, refusal, wrong } from './open-otp.ts'

// No lock ends by itself in this file, on however slow a machine.
const house = await openHouse(t, { OTP_LOCK_SECONDS: '900' })
const { db, signer, ask } = house
const { begin, challenge, byCode, byLink, resend } = mailboxesOf(house)
interface Budget { _id: string, failures: { at: Date, ref: string }[], own_failures: unknown[], in_a_row: number, locked_until: Date | null, closed_at: Date | null }
const budgets = db.collection<Budget>('mailbox_budgets')
/** As the gateway names places: by a hash of 32 bytes. */
const [here, elsewhere] = [newOpener(), newOpener()]
const accountOf = (userId: string | null | undefined, opened = 'open') => `${opened}:account:${String(userId)}`
const newAccount = () => ({ user_id: newId('usr'), email: newAddress() })

/** Wrong codes of strangers, each over whatever challenge of his has attempts left. */
const guess = async (about: Wanted, times: number): Promise<string[]> => {
  const slugs: string[] = []
  for (let left = times; left > 0; left -= 3) {
    const { request, id, code } = await challenge(about)
    for (let i = 0; i < Math.min(3, left); i++) slugs.push(await refusal(byCode(request, id, wrong(code))))
  }
  return slugs
}

t.test('ten wrong codes of strangers lock the codes of the address, and neither its links, nor its account\'s session or factor', async (t) => {
  const user = await house.enrol()
  const account = { user_id: user.userId, email: user.address }
  const pending = await challenge(account)
  const mine = await challenge({ ...account, purpose: 'email_link', session_id: user.sessionId, opener: newOpener() })
  const factors = async () => await db.collection('failure_budgets').findOne({ _id: user.userId as never })
  const before = await factors()

  t.same(new Set(await guess(account, 10)), new Set(['code-rejected']))

  const error = await byCode(pending.request, pending.id, pending.code).then(() => undefined, (reason: unknown) => reason as Problem)
  t.equal(error?.kind, problems.factorLocked, 'even the right code')
  t.ok(Number(error?.extensions.retry_after) > 0 && Number(error?.extensions.retry_after) <= 900)
  t.equal(await refusal(begin({ ...account, link_base: null })), 'factor-locked', 'a mail with nothing but a code is not sent')
  t.equal(await refusal(begin({ ...account, purpose: 'password_reset' })), 'none', 'one with a link is')
  t.equal(await db.collection('audit').countDocuments({ event: 'mailbox.locked', subject: { $ne: pending.id } }) > 0, true)
  t.match(allLogs(), /"msg":"OTP account locked"/)

  t.same(await factors(), before, 'no factor lost a try')
  t.equal(await refusal(signer.call(createChallenge, house.transaction(user), ask)), 'none')
  t.equal(await refusal(byCode(mine.request, mine.id, mine.code)), 'none', 'what the session asked for')
  t.equal(await refusal(byLink('login_email', pending.token)), 'none', 'a link is no guess')
  t.match(await budgets.findOne({ _id: accountOf(user.userId) }), { in_a_row: 0, locked_until: null, failures: { length: 10 } }, 'who reads the mailbox ends the lock, and not the count of the day')
})

t.test('an address without an account is locked alike', async (t) => {
  const nobody = { email: newAddress(), user_id: null, deliver: false }
  for (let left = 10; left > 0; left -= 3) {
    const { request, view } = await begin(nobody)
    for (let i = 0; i < Math.min(3, left); i++) t.equal(await refusal(byCode(request, view.challenge_id, '000000')), 'code-rejected')
  }
  const { request, view } = await begin(nobody)
  t.equal(await refusal(byCode(request, view.challenge_id, '000000')), 'factor-locked')
  t.equal(await refusal(begin({ ...nobody, link_base: null })), 'factor-locked')
  t.equal(await refusal(resend(request, view.challenge_id)), 'none')
})

t.test('200 wrong codes at once over twenty challenges of one address compare ten', async (t) => {
  const account = newAccount()
  const pending: Awaited<ReturnType<typeof challenge>>[] = []
  for (let i = 0; i < 20; i++) pending.push(await challenge(account))
  const slugs = await Promise.all(Array.from({ length: 200 }, (_, i) => {
    const one = pending[i % pending.length] as typeof pending[number]
    return refusal(byCode(one.request, one.id, wrong(one.code)))
  }))
  t.ok(slugs.every((slug) => ['code-rejected', 'factor-locked', 'unavailable'].includes(slug)))
  const compared = () => db.collection('audit').countDocuments({ event: 'mailbox.rejected', actor: account.user_id, 'facts.reason': 'wrong' })
  await until(async () => await compared() >= 10, { what: 'ten to be compared' })
  t.equal(await compared(), 10)
  t.equal((await budgets.findOne({ _id: accountOf(account.user_id) }))?.failures.length, 10)
})

t.test('two addresses of one account share its tries, and tell nothing of each other', async (t) => {
  const account = { user_id: newId('usr') }
  const [one, two] = [newAddress(), newAddress()]
  await guess({ ...account, email: one }, 5)
  await guess({ ...account, email: two }, 5)
  const last = await challenge({ ...account, email: two })
  t.equal(await refusal(byCode(last.request, last.id, last.code)), 'code-rejected', 'locked, and answered like any wrong code')
  t.equal(await refusal(byLink('login_email', last.token)), 'none')
})

t.test('a browser that answered rightly before has three wrong codes a day of its own while strangers have spent the address\'s', async (t) => {
  const account = newAccount()
  const opener = newOpener()
  const first = await challenge({ ...account, opener })
  t.equal(await refusal(byCode(first.request, first.id, first.code)), 'none')
  await guess(account, 10)

  const stranger = await challenge(account)
  t.equal(await refusal(byCode(stranger.request, stranger.id, stranger.code)), 'factor-locked')
  const own = await challenge({ ...account, opener })
  t.equal(await refusal(byCode(own.request, own.id, wrong(own.code))), 'code-rejected')
  t.equal(await refusal(byCode(own.request, own.id, own.code)), 'none')

  // A link that was opened elsewhere makes no browser known: who asked for it may be a stranger.
  const asked = await challenge({ ...account, opener: newOpener() })
  t.equal(await refusal(byLink('login_email', asked.token, newOpener())), 'none')
  await guess(account, 10)
  const again = await challenge({ ...account, opener: asked.request.opener })
  t.equal(await refusal(byCode(again.request, again.id, again.code)), 'factor-locked')
})

t.test('seventeen wrong codes in a day lock, a hundred in a row close, and a link reopens what no time does', async (t) => {
  const account = newAccount()
  const pending = await challenge(account)
  const others = await budgets.distinct('_id')
  await guess(account, 1)
  const keys = (await budgets.find({ _id: { $nin: others }, 'failures.0': { $exists: true }, in_a_row: 1 }).toArray()).map(({ _id }) => _id)
  t.equal(keys.length, 2, 'the address and its account')
  const day = Array.from({ length: 17 }, (_, i) => ({ at: new Date(Date.now() - 20 * 3_600_000), ref: `day-${i}` }))
  await budgets.updateMany({ _id: { $in: keys } }, { $set: { failures: day } })
  const error = await byCode(pending.request, pending.id, pending.code).then(() => undefined, (reason: unknown) => reason as Problem)
  t.ok(Math.abs(Number(error?.extensions.retry_after) - 4 * 3_600) < 300, 'until the oldest is a day old')

  await budgets.updateMany({ _id: { $in: keys } }, { $set: { failures: [], in_a_row: 99 } })
  t.equal(await refusal(byCode(pending.request, pending.id, wrong(pending.code))), 'code-rejected')
  const closed = await byCode(pending.request, pending.id, pending.code).then(() => undefined, (reason: unknown) => reason as Problem)
  t.equal(closed?.kind, problems.factorLocked)
  t.equal(closed?.extensions.retry_after, undefined, 'no time opens it')
  const linked = await challenge(account)
  t.equal(await refusal(byLink('login_email', linked.token)), 'none')
  t.equal(await refusal(byCode(pending.request, pending.id, pending.code)), 'none', 'open again, and the lock did not eat the challenge')
})

t.test('one place has five mails an hour sent to one mailbox, over all doors, first and again, and a hundred to whomever', async (t) => {
  const limited = await openHouse(t, { OTP_SENDS_PER_HOUR: '10', OTP_SENDS_PER_PLACE_PER_HOUR: '12' }, house.mongo)
  const doors = mailboxesOf(limited)
  const email = newAddress()
  const place = { id: here }
  const first = await doors.begin({ email, place })
  const again = () => refusal(limited.gateway.call(resendMailbox, { challenge_id: first.view.challenge_id, purpose: first.request.purpose, opener: first.request.opener, place }, ask))
  const kinds: Wanted[] = [{ purpose: 'signup', user_id: null, deliver: false }, { purpose: 'login_email' }, { purpose: 'password_reset' }]
  const slugs = await Promise.all(Array.from({ length: 12 }, (_, i) => i % 4 === 3 ? again() : refusal(doors.begin({ ...kinds[i % 4], email, place }))))
  t.equal(slugs.filter((slug) => slug === 'none').length, 4, 'beside the first')
  t.ok(slugs.every((slug) => slug === 'none' || slug === 'send-limited'))
  t.equal(await refusal(doors.begin({ email, place: { id: elsewhere } })), 'none', 'from elsewhere it still gets one')

  const others = await Promise.all(Array.from({ length: 20 }, (_, i) => refusal(i % 2 === 0
    ? doors.begin({ email: newAddress(), place })
    : limited.begin({ user_id: newId('usr'), session_id: newId('ses'), email: newAddress(), place }))))
  t.equal(others.filter((slug) => slug === 'none').length, 12 - 5, 'enrolments among them')
  t.equal(await refusal(doors.begin({ email: newAddress(), place: { ...place, known: true } })), 'none', 'but not whose login was right from there before')
})

t.test('one mailbox gets three mails a minute over all purposes, sent or withheld, and sessions and factors have their own', async (t) => {
  const limited = await openHouse(t, { OTP_SENDS_PER_MINUTE: '3', OTP_SENDS_PER_HOUR: '10', OTP_ENROLMENTS_PER_HOUR: '5', OTP_ENROLMENTS_PER_DAY: '10' }, house.mongo)
  const doors = mailboxesOf(limited)
  const user = await limited.enrol()
  const kinds: Wanted[] = [{ purpose: 'signup', user_id: null, deliver: false }, { purpose: 'login_email' }, { purpose: 'password_reset' }]
  const slugs = await Promise.all(Array.from({ length: 12 }, (_, i) => refusal(doors.begin({ ...kinds[i % 3], email: i % 2 === 0 ? user.address : user.address.toUpperCase() }))))
  t.ok(slugs.filter((slug) => slug === 'none').length <= 3, 'three, or fewer when a minute just ended')
  t.ok(slugs.every((slug) => slug === 'none' || slug === 'send-limited'))
  t.equal(await limited.db.collection('mailbox_challenges').countDocuments(), slugs.filter((slug) => slug === 'none').length, 'a refused one leaves nothing')

  const known = await Promise.all(Array.from({ length: 8 }, () => refusal(doors.begin({ purpose: 'login_email', email: user.address, place: { id: here, known: true } }))))
  t.ok(known.includes('none'), 'from where the address signed in before it still gets one')
  t.ok(known.filter((slug) => slug === 'none').length <= 6, 'of a count of its own, of as many')
  t.equal(await refusal(limited.signer.call(createChallenge, limited.transaction(user), ask)), 'none', 'the factor\'s codes go on')
  const session = { purpose: 'email_link' as const, user_id: newId('usr'), session_id: newId('ses') }
  const asked = await Promise.all(Array.from({ length: 8 }, () => refusal(doors.begin({ ...session, email: newAddress() }))))
  t.ok(asked.filter((slug) => slug === 'none').length <= 5, 'five of a user in an hour, whichever the addresses')
  t.equal(await refusal(doors.begin({ email: newAddress() })), 'none', 'others are not limited')

  const redis = new Redis(limited.redis.url)
  t.teardown(() => { redis.disconnect() })
  for (const key of await redis.keys('*')) t.notOk(/person/i.test(key), key.slice(0, 24))
  t.notMatch(JSON.stringify(await limited.db.collection('mailbox_budgets').find().toArray()), /person/i)
})
