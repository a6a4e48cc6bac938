/** What an account and a mailbox may have: wrong codes, locks, sends. */
import { createChallenge, problems, resendChallenge, type Problem } from '@countersign/contracts'
import { inTransaction } from '@countersign/mongo'
import { createLimiter } from '@countersign/redis'
import { until } from '@countersign/testing'
import { Redis } from 'ioredis'
import { MongoBulkWriteError } from 'mongodb'
import t from 'tap'
import { createBudgetRepository } from '../src/budgets/budget-repository.ts'
import { budgetRules } from '../src/budgets/budget.ts'
import { createChallengeRepository } from '../src/challenges/challenge-repository.ts'
import { createPayAttempt, type PayAttempt } from '../src/challenges/pay-attempt.ts'
import { createSendLimit, type Send } from '../src/mail/send-limit.ts'
import type { Transact } from '../src/transaction.ts'
import { allLogs, newAddress, newUser, openHouse, refusal, wrong, type User } from './open-otp.ts'

const lockSeconds = 2
const house = await openHouse(t, { OTP_LOCK_SECONDS: String(lockSeconds) })
const { db, challenge, transaction, verify, signer, ask } = house
/** A user in a session that has never answered rightly. */
const enrol = async (): Promise<User> => ({ ...await house.enrol(), sessionId: newUser().sessionId })
interface Budget { _id: string, failures: { at: Date, ref: string }[], own_failures: { at: Date, ref: string }[], in_a_row: number, locked_until: Date | null, closed_at: Date | null }
const budgets = db.collection<Budget>('failure_budgets')
const budget = async ({ userId }: User) => await budgets.findOne({ _id: userId }) as Budget
const attemptsLeft = async (id: string) => (await db.collection<{ _id: string, attempts_left: number }>('challenges').findOne({ _id: id }))?.attempts_left
const lockOver = async (user: User, id: string) => await until(async () => await refusal(verify(user, id, '0'.repeat(6))) !== 'factor-locked', { what: 'the end of the lock', everyMs: 100 })

/** Wrong codes, each over whatever challenge has attempts left. */
const fail = async (user: User, times: number): Promise<string[]> => {
  const slugs: string[] = []
  for (let left = times; left > 0; left -= 3) {
    const { id, code } = await challenge(user)
    for (let i = 0; i < Math.min(3, left); i++) slugs.push(await refusal(verify(user, id, wrong(code))))
  }
  return slugs
}

t.test('ten wrong codes over any challenges lock the factor for a while, and no new challenge helps', async (t) => {
  const user = await enrol()
  const pending = await challenge(user)
  t.same(new Set(await fail(user, 9)), new Set(['code-rejected']))
  const last = await challenge(user)
  t.equal(await refusal(verify(user, last.id, wrong(last.code))), 'code-rejected', 'the tenth is answered like the others')

  const error = await verify(user, pending.id, pending.code).then(() => undefined, (reason: unknown) => reason as Problem)
  t.equal(error?.kind, problems.factorLocked, 'even the right code')
  t.ok(Number(error?.extensions.retry_after) >= 1 && Number(error?.extensions.retry_after) <= lockSeconds)
  t.equal(await attemptsLeft(pending.id), 3, 'the lock does not eat the challenge')
  t.equal(await refusal(signer.call(createChallenge, transaction(user), ask)), 'factor-locked')
  t.equal(await refusal(house.begin({ user_id: user.userId, session_id: user.sessionId, email: newAddress() })), 'factor-locked')
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.locked', subject: user.userId }), 1)
  t.match(await house.service.metrics(), /^otp_account_locked 1$/m)
  t.match(allLogs(), /"msg":"OTP account locked"/)

  await until(async () => await refusal(verify(user, pending.id, pending.code)) === 'none', { what: 'the end of the lock', everyMs: 200 })
  t.match(await budget(user), { in_a_row: 0, locked_until: null, failures: { length: 10 } }, 'a success ends the row and keeps the day\'s count')
})

t.test('a right code begins the count of 15 minutes anew', async (t) => {
  const user = await enrol()
  await fail(user, 9)
  const { id, code } = await challenge(user)
  t.ok((await verify(user, id, code)).receipt)

  t.same(new Set(await fail(user, 9)), new Set(['code-rejected']))
  t.equal(await refusal(signer.call(createChallenge, transaction(user), ask)), 'none', 'still open')
})

t.test('two right codes of one change count as no failure, even as the last of the budget', async (t) => {
  const user = await enrol()
  const email = newAddress()
  await fail(user, 9)
  const begun = await house.begin({ user_id: user.userId, session_id: user.sessionId, email })
  const [code, existing_code] = [await house.mails.code(email), await house.mails.code(user.address, email)]
  t.equal(await refusal(house.confirm({ user_id: user.userId, session_id: user.sessionId, challenge_id: begun.challenge_id, code, existing_code })), 'none')
  t.match(await budget(user), { in_a_row: 0, locked_until: null, failures: { length: 9 } })
})

t.test('200 wrong codes at once over ten challenges compare ten', async (t) => {
  // A lock that outlasts them all, on however slow a machine.
  const locking = await openHouse(t, { OTP_LOCK_SECONDS: '900' }, house.mongo)
  const user = { ...await locking.enrol(), sessionId: newUser().sessionId }
  const pending: { id: string, code: string }[] = []
  for (let i = 0; i < 10; i++) pending.push(await locking.challenge(user))

  const mailRows = () => locking.db.collection('outbox').countDocuments({ queue: 'mail-otp' })
  const before = await mailRows()
  const slugs = await Promise.all(Array.from({ length: 200 }, (_, i) => {
    const { id, code } = pending[i % pending.length] ?? { id: '', code: '' }
    return refusal(locking.verify(user, id, wrong(code)))
  }))

  const compared = () => locking.db.collection('audit').countDocuments({ event: 'challenge.rejected', actor: user.userId, 'facts.reason': 'wrong' })
  await until(async () => await compared() >= 10, { what: 'ten to be compared' })
  t.equal((await locking.db.collection<Budget>('failure_budgets').findOne({ _id: user.userId }))?.failures.length, 10)
  t.equal(await compared(), 10)
  t.ok(slugs.every((slug) => ['code-rejected', 'factor-locked', 'unavailable'].includes(slug)))
  await until(async () => await locking.db.collection('audit').countDocuments({ event: 'factor.locked', subject: user.userId }) === 1, { what: 'the lock' })
  t.equal(await mailRows(), before + 1, 'one mail for one lock')
  const told = await locking.mails.newest(user.address, ({ template }) => template === 'factor_locked')
  t.match(told, { parameters: { closed: false, at: String, until: String } })
  t.notOk('factor' in told.parameters, 'every code of the account')
})

t.test('seventeen wrong codes in a day lock until the first of them is a day old', async (t) => {
  const user = await enrol()
  await fail(user, 6)
  const { id, code } = await challenge(user)
  // Ten of them happened 23 hours ago: rows are moved, not clocks.
  const old = new Date(Date.now() - 23 * 3_600_000)
  await budgets.updateOne({ _id: user.userId }, { $push: { failures: { $each: Array.from({ length: 10 }, (_, i) => ({ at: old, ref: `old-${i}` })), $position: 0 } } })

  await refusal(verify(user, id, wrong(code)))

  const error = await verify(user, id, code).then(() => undefined, (reason: unknown) => reason as Problem)
  t.equal(error?.kind, problems.factorLocked)
  t.ok(Math.abs(Number(error?.extensions.retry_after) - 3_600) < 60, 'an hour, when the old ones are forgotten')
  await budgets.updateOne({ _id: user.userId }, { $pull: { failures: { at: old } } })
  await lockOver(user, id)
  t.equal(await refusal(verify(user, id, code)), 'none')
})

t.test('a session that answered rightly before has three wrong codes a day of its own while others have spent the account\'s', async (t) => {
  const owner = await house.enrol()
  const thief = { ...owner, sessionId: newUser().sessionId }
  const day = Array.from({ length: 17 }, (_, i) => ({ at: new Date(), ref: `thief-${i}` }))
  await budgets.updateOne({ _id: owner.userId }, { $set: { failures: day, in_a_row: 17 } })
  t.equal(await refusal(signer.call(createChallenge, transaction(thief), ask)), 'factor-locked')

  const pending = [await challenge(owner), await challenge(owner), await challenge(owner)]
  const kept = await challenge(owner)
  const slugs = await Promise.all(Array.from({ length: 60 }, (_, i) => {
    const { id, code } = pending[i % pending.length] ?? kept
    return refusal(verify(owner, id, wrong(code)))
  }))

  t.ok(slugs.every((slug) => slug === 'code-rejected' || slug === 'factor-locked'))
  t.equal(await db.collection('audit').countDocuments({ event: 'challenge.rejected', actor: owner.userId, 'facts.reason': 'wrong' }), 3, 'compared')
  t.match(await budget(owner), { failures: { length: 17 }, own_failures: { length: 3 }, in_a_row: 20 }, 'twenty in all')
  t.equal(await refusal(verify(owner, kept.id, kept.code)), 'factor-locked', 'its own are spent')
  await budgets.updateOne({ _id: owner.userId }, { $set: { 'own_failures.$[].at': new Date(Date.now() - 25 * 3_600_000) } })
  t.equal(await refusal(verify(owner, kept.id, kept.code)), 'none')
  t.match(await budget(owner), { failures: { length: 17 }, own_failures: [], in_a_row: 0 }, 'the day of the others goes on')
  t.equal(await refusal(signer.call(createChallenge, transaction(thief), ask)), 'factor-locked')

  const last = await challenge(owner)
  await budgets.updateOne({ _id: owner.userId }, { $set: { in_a_row: 99 } })
  await refusal(verify(owner, last.id, wrong(last.code)))
  t.ok((await budget(owner)).closed_at, 'the hundredth in a row closes for this session, too')
  t.equal(await refusal(verify(owner, last.id, last.code)), 'factor-locked')
})

t.test('somebody elsewhere, who holds a session of the same account and every id, neither burns the owner\'s code nor locks the session that answered rightly before', async (t) => {
  const owner = await house.enrol()
  const pending = await challenge(owner)
  const [thief, stranger] = [{ ...owner, sessionId: newUser().sessionId }, newUser()]
  const slugs = await Promise.all(Array.from({ length: 200 }, (_, i) => refusal(verify(i % 2 === 0 ? thief : stranger, pending.id, i % 3 === 0 ? pending.code : wrong(pending.code)))))
  t.ok(slugs.every((slug) => slug === 'code-rejected' || slug === 'unavailable'), 'the right code as well')
  t.equal(await attemptsLeft(pending.id), 3)
  t.match(await budget(owner), { failures: [], in_a_row: 0 }, 'nothing is counted against the account')

  await fail(thief, 10)
  t.equal(await refusal(signer.call(createChallenge, transaction(thief), ask)), 'factor-locked', 'he has locked himself out')
  t.ok((await verify(owner, pending.id, pending.code)).receipt)
})

t.test('wrong codes of all accounts together are counted by the hour, and warned of once above their number', async (t) => {
  const alarmed = await openHouse(t, { OTP_HOUSE_FAILURES_PER_HOUR: '4' }, house.mongo)
  const redis = new Redis(alarmed.redis.url)
  t.teardown(() => { redis.disconnect() })
  const said = () => alarmed.logs.lines().filter(({ msg }) => msg === 'OTP wrong codes of all accounts above the number of an hour')
  const counted = async (failures: number) => await until(async () => (await alarmed.service.metrics()).includes(`\notp_failures_house ${failures}\n`), { what: `${failures} wrong codes to be counted` })
  const guess = async (times: number) => {
    const user = await alarmed.enrol()
    const { id, code } = await alarmed.challenge(user)
    for (let i = 0; i < times; i++) t.equal(await refusal(alarmed.verify(user, id, wrong(code))), 'code-rejected')
  }
  await guess(3)
  await counted(3)
  // An earlier hour's row counts for nothing.
  await redis.hset('otp:house-failures', 'hour', 1, 'count', 900)
  await guess(3)
  await counted(3)
  t.same(said(), [])
  await guess(3)
  await counted(6)
  t.match(said(), [{ level: 'warn', failures: 5, perHour: 4 }])
})

t.test('a hundred wrong codes in a row close the factor for good, one right code before that ends the row', async (t) => {
  const [closed, saved] = [await enrol(), await enrol()]
  const two = [await challenge(closed), await challenge(saved)] as const
  for (const { userId } of [closed, saved]) await budgets.updateOne({ _id: userId }, { $set: { in_a_row: 99 } })

  t.equal(await refusal(verify(saved, two[1].id, two[1].code)), 'none')
  t.match(await budget(saved), { in_a_row: 0, closed_at: null })

  await refusal(verify(closed, two[0].id, wrong(two[0].code)))
  const error = await verify(closed, two[0].id, two[0].code).then(() => undefined, (reason: unknown) => reason as Problem)
  t.equal(error?.kind, problems.factorLocked)
  t.equal(error?.extensions.retry_after, undefined, 'no time opens it')
  t.match(error?.extensions.detail, /operator/)
  const told = await house.mails.newest(closed.address, ({ template }) => template === 'factor_locked')
  t.match(told.parameters, { closed: true })
  t.notOk('until' in told.parameters)
})

t.test('strangers who enrol a proved address take nothing from the codes of its owner', async (t) => {
  const limited = await openHouse(t, { OTP_SENDS_PER_MINUTE: '3', OTP_SENDS_PER_HOUR: '10' }, house.mongo)
  const owner = await limited.enrol()
  const slugs: string[] = []
  for (let i = 0; i < 4; i++) slugs.push(await refusal(limited.begin({ user_id: newUser().userId, session_id: newUser().sessionId, email: owner.address })))
  t.equal(slugs.at(-1), 'send-limited')

  const { id } = await limited.challenge(owner)
  t.equal(await refusal(limited.signer.call(resendChallenge, { challenge_id: id, user_id: owner.userId, session_id: owner.sessionId }, ask)), 'none')
  t.equal(await refusal(limited.begin({ user_id: owner.userId, session_id: owner.sessionId, email: newAddress() })), 'none')
  t.equal(await refusal(limited.signer.call(createChallenge, limited.transaction(owner), ask)), 'send-limited', 'three codes to the factor in a minute')
})

t.test('one user begins five enrolments an hour, whatever the addresses', async (t) => {
  const limited = await openHouse(t, { OTP_ENROLMENTS_PER_HOUR: '5', OTP_ENROLMENTS_PER_DAY: '10' }, house.mongo)
  const { userId, sessionId } = newUser()
  const slugs = await Promise.all(Array.from({ length: 8 }, () => refusal(limited.begin({ user_id: userId, session_id: sessionId, email: newAddress() }))))

  const begun = slugs.filter((slug) => slug === 'none').length
  t.ok(begun >= 4 && begun <= 5, 'five, or fewer when an hour just ended')
  t.equal(slugs.filter((slug) => slug === 'send-limited').length, 8 - begun)
  t.equal(await limited.db.collection('challenges').countDocuments({ user_id: userId }), begun, 'a refused one leaves nothing')
})

t.test('of one command repeated in parallel the limit pays for one mail', async (t) => {
  const limited = await openHouse(t, { OTP_SENDS_PER_MINUTE: '2', OTP_SENDS_PER_HOUR: '10' }, house.mongo)
  const owner = await limited.enrol()
  const request = limited.transaction(owner)
  const five = async (call: () => Promise<unknown>) => await Promise.all(Array.from({ length: 5 }, () => refusal(call())))

  t.same(new Set(await five(() => limited.signer.call(createChallenge, request, ask))), new Set(['none']))
  const resend = { challenge_id: request.challenge_id, user_id: owner.userId, session_id: owner.sessionId }
  t.same(new Set(await five(() => limited.signer.call(resendChallenge, resend, { ...ask, commandId: 'cmd-parallel' }))), new Set(['none']))

  t.equal((await limited.db.collection<{ _id: string, sends: number }>('challenges').findOne({ _id: request.challenge_id }))?.sends, 2)
})

t.test('of a thousand sends at once exactly as many are admitted as recipient and place may have, and each is counted for both or for neither', async (t) => {
  const [redis, second] = [new Redis(house.redis.url), new Redis(house.redis.url)]
  t.teardown(() => { redis.disconnect(); second.disconnect() })
  let refused = 0
  const many = 1_000_000
  const limitOver = (connection: Redis) => createSendLimit({
    limiter: createLimiter({ redis: connection, prefix: 'otp:{race}' }), hashKey: Buffer.alloc(32, 7), onLimited: () => { refused++ },
    rules: { perMinute: many, perHour: 10, perPlacePerHour: 100, enrolmentsPerHour: 20, enrolmentsPerDay: many, textsPerNumberPerDay: many, textsPerHour: many }
  })
  const either = [limitOver(redis), limitOver(second)] as const
  const admitted = async (send: (i: number) => Send): Promise<number> => {
    refused = 0
    const slugs = await Promise.all(Array.from({ length: 1_000 }, (_, i) => refusal((either[i % 2] ?? either[0]).taking([send(i)])())))
    t.equal(slugs.filter((slug) => slug === 'send-limited').length, refused)
    return 1_000 - refused
  }
  const counted = async (name: string): Promise<number> => {
    const counts = await Promise.all((await redis.keys(`otp:{race}:3600000:${name}:*`)).map((key) => redis.hget(key, 'count')))
    return counts.reduce((sum, count) => sum + Number(count), 0)
  }
  const counts = async () => Object.fromEntries(await Promise.all(['mailbox', 'enrol', 'user', 'place', 'place-to'].map(async (name) => [name, await counted(name)] as const)))
  const place = (i: number) => ({ id: `place-${i}` })
  const next = async () => { await redis.del(await redis.keys('otp:{race}*')) }

  t.equal(await admitted((i) => ({ to: 'mailbox', address: 'victim@example.com', place: place(i) })), 10, 'to one mailbox, from a thousand places')
  t.match(await counts(), { mailbox: 10, place: 10, 'place-to': 10 }, 'no place has paid for what its recipient did not get')
  await next()
  t.equal(await admitted((i) => ({ to: 'mailbox', address: `${i}@example.com`, place: place(0) })), 100, 'from one place, to a thousand mailboxes')
  t.match(await counts(), { mailbox: 100, place: 100, 'place-to': 100 }, 'nor has a recipient for what its place may not send')
  await next()
  t.equal(await admitted((i) => ({ to: 'mailbox', address: 'victim@example.com', place: place(i % 2) })), 10, 'from two places half each')
  t.match(await counts(), { mailbox: 10, place: 10, 'place-to': 10 })
  await next()
  t.equal(await admitted(() => ({ to: 'mailbox', address: 'victim@example.com', place: { ...place(0), known: true } })), 5, 'from a known place, to its own mailbox')
  t.match(await counts(), { place: 0, 'place-to': 5 }, 'its neighbours pay nothing for it')
  await next()
  t.equal(await admitted((i) => ({ to: 'enrolment', userId: 'usr_one', address: `${i}@example.com`, place: place(i), own: true })), 20, 'of one user')
  t.match(await counts(), { enrol: 20, user: 20, place: 20, 'place-to': 20 })
})

t.test('all sessions of an account share the sends of its factor, and leave a fifth of them to those that have answered rightly before', async (t) => {
  const limited = await openHouse(t, { OTP_SENDS_PER_MINUTE: '1000', OTP_SENDS_PER_HOUR: '10' }, house.mongo)
  const owner = await limited.enrol()
  const ask = async (user: User): Promise<string> => await refusal(limited.signer.call(createChallenge, limited.transaction(user), { requestId: 'req-test' }))
  const granted = (slugs: readonly string[]): number => slugs.filter((slug) => slug === 'none').length
  const askAll = async (users: readonly User[]): Promise<string[]> => await Promise.all(users.map(ask))
  const strangers = Array.from({ length: 30 }, () => ({ ...owner, sessionId: newUser().sessionId }))

  const slugs = await askAll(strangers)
  t.equal(granted(slugs), 8, 'as many as all others may have, whichever sessions they are')
  t.equal(slugs.filter((slug) => slug === 'send-limited').length, 22)
  t.equal(granted(await askAll(Array.from({ length: 5 }, () => owner))), 2, 'the rest is the owner\'s, and no more')
  t.equal(await ask(strangers[0] as User), 'send-limited')

  const alone = await limited.enrol()
  t.equal(granted(await askAll(Array.from({ length: 30 }, () => alone))), 10, 'where nobody else asks it has all of them')
})

t.test('one mailbox gets three codes a minute, whoever asks, and Redis never learns its address', async (t) => {
  const limited = await openHouse(t, { OTP_SENDS_PER_MINUTE: '3', OTP_SENDS_PER_HOUR: '10' }, house.mongo)
  const address = newAddress()
  const slugs = await Promise.all(Array.from({ length: 20 }, () => {
    const { userId, sessionId } = newUser()
    return refusal(limited.begin({ user_id: userId, session_id: sessionId, email: Math.random() < 0.5 ? address : address.toUpperCase() }))
  }))

  t.ok(slugs.filter((slug) => slug === 'none').length <= 3, 'three, or fewer when a minute just ended')
  t.equal(slugs.filter((slug) => slug === 'send-limited').length, 20 - slugs.filter((slug) => slug === 'none').length)
  t.match(await limited.service.metrics(), /^otp_rate_limit_hits\{limit="sends"\} 1[789]$/m)
  t.equal(await refusal(limited.begin({ user_id: newUser().userId, session_id: newUser().sessionId, email: newAddress() })), 'none', 'others are not limited')

  const redis = new Redis(limited.redis.url)
  t.teardown(() => { redis.disconnect() })
  const keys = await redis.keys('*')
  t.ok(keys.some((key) => key.startsWith('otp:')))
  for (const key of keys) t.notOk(key.includes('person') || key.includes('PERSON'), key.slice(0, 24))
})

t.test('attempts that are paid together are counted once each, also when the writes fail after the first of them and each goes again', async (t) => {
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
  const users = await Promise.all(Array.from({ length: 4 }, enrol))
  const pending = await Promise.all(users.map((user) => challenge(user)))
  const transact: Transact = async (work) => await inTransaction(house.mongo, work)
  const pay = createPayAttempt({ challenges: createChallengeRepository(db), budgets: createBudgetRepository(faulty, budgetRules(lockSeconds)), transact })

  const paid = await Promise.all(users.map(({ userId, sessionId }, i) => pay(
    { id: pending[i]?.id ?? '', purpose: 'transaction', answerer: { aud: 'signer-service', userId, sessionId }, commandId: `cmd_${i}`, reservationId: `attempt-${i}`, uncharged: false })))

  t.ok(faults < 1, 'each went again by itself')
  const given = paid.map((one) => typeof one === 'object' ? one : undefined)
  t.same(given.map((one) => one?.challenge.id), pending.map(({ id }) => id))
  t.same(await Promise.all(pending.map(({ id }) => attemptsLeft(id))), [2, 2, 2, 2])
  t.ok(given.every((one) => one?.reservation.granted === true && !one.reservation.spends))
  for (const user of users) t.match(await budget(user), { failures: { length: 1 }, in_a_row: 1 })
})

t.test('of many attempts that two processes are asked for at once, each challenge and each account pays exactly what it has; strangers and the unknown pay on rows of nobody', async (t) => {
  const [guessed, other, stranger] = await Promise.all([enrol(), enrol(), enrol()])
  const pending = [...await Promise.all(Array.from({ length: 4 }, () => challenge(guessed))), await challenge(other)]
  const transact: Transact = async (work) => await inTransaction(house.mongo, work)
  const paidOf = (paid: Awaited<ReturnType<PayAttempt>>) => typeof paid === 'object' ? paid : undefined
  const payer = (): PayAttempt => createPayAttempt({ challenges: createChallengeRepository(db), budgets: createBudgetRepository(db, budgetRules(lockSeconds)), transact })
  const [one, two] = [payer(), payer()]
  const attempt = async (i: number, { userId, sessionId }: User, id: string, uncharged = false) =>
    paidOf(await (i % 2 === 0 ? one : two)({ id, purpose: 'transaction', answerer: { aud: 'signer-service', userId, sessionId }, commandId: `cmd_${i}`, reservationId: `${id}-${i}`, uncharged }))
  const idOf = (i: number): string => pending[i]?.id ?? ''

  const guesses = await Promise.all(Array.from({ length: 24 }, (_, i) => attempt(i, guessed, idOf(i % 4))))
  t.equal(guesses.filter((paid) => paid !== undefined).length, 12, 'three of each challenge')
  t.same(await Promise.all([0, 1, 2, 3].map((i) => attemptsLeft(idOf(i)))), [0, 0, 0, 0])
  const granted = guesses.filter((paid) => paid?.reservation.granted === true)
  t.equal(granted.length, 10, 'what the account had')
  t.equal(granted.filter((paid) => paid?.reservation.spends === true).length, 1, 'one of them was the last')
  t.match(await budget(guessed), { failures: { length: 10 }, in_a_row: 10, locked_until: Date })

  const strange = await Promise.all([attempt(0, stranger, idOf(4)), attempt(1, guessed, idOf(4)), attempt(2, stranger, 'chl_none'), attempt(3, other, idOf(4)), attempt(4, other, idOf(4), true)])
  t.same(strange.map((paid) => paid?.reservation.granted), [undefined, undefined, undefined, true, true])
  t.equal(await attemptsLeft(idOf(4)), 1)
  t.match(await budget(other), { failures: { length: 1 } }, 'the uncharged one costs the account nothing')
  t.match(await budget(stranger), { failures: [] })
  t.ok(await budgets.countDocuments({ _id: /^nobody:/ }) >= 1)
})
