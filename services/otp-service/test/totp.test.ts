/** Authenticator apps: what is right, how long, how often, and what is kept of it. */
import { beginStepUp, beginTotp, confirmTotp, listFactors, verifyStepUp, type StepUpAction } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { deriveKey, open as openSeal, SealBroken } from '@countersign/secrets'
import { base32nopad } from '@scure/base'
import { until } from '@countersign/testing'
import fc from 'fast-check'
import t from 'tap'
import { createTotpSecrets } from '../src/totp/totp-secrets.ts'
import { codeAt, stepAt, stepOf } from '../src/totp/totp.ts'
import { allLogs, newUser, openHouse, refusal, wrong } from './open-otp.ts'

const house = await openHouse(t)
const second = await house.openService()
const { db, gateway, ask } = house
const budgets = db.collection<{ _id: string, failures: object[], in_a_row: number }>('failure_budgets')
const factors = db.collection<{ _id: string, last_step: number, failures: { at: Date }[] }>('factors')

interface Person { readonly userId: string, readonly sessionId: string }
interface AppUser extends Person { readonly factorId: string, readonly secret: Uint8Array }

const by = ({ userId, sessionId }: Person) => ({ user_id: userId, session_id: sessionId })
const codeNow = (secret: Uint8Array, steps = 0): string => codeAt(secret, stepAt(new Date()) + steps)
/** No code of about now. */
const noCode = (secret: Uint8Array): string => {
  let code = codeNow(secret)
  while (stepOf(secret, code, new Date()) !== undefined || [-2, 2].some((steps) => codeNow(secret, steps) === code)) code = wrong(code)
  return code
}
/** Forgets which code was the last one, so that a test need not wait for the next. */
const rewind = (factorId: string) => factors.updateOne({ _id: factorId }, { $set: { last_step: 0 } })
const enrol = async (who: Person = newUser()): Promise<AppUser> => {
  const begun = await gateway.call(beginTotp, by(who), ask)
  const secret = base32nopad.decode(begun.secret)
  await gateway.call(confirmTotp, { ...by(who), factor_id: begun.factor_id, code: codeNow(secret) }, ask)
  await rewind(begun.factor_id)
  return { ...who, factorId: begun.factor_id, secret }
}
const question = async (user: Person): Promise<string> => {
  const action: StepUpAction = { type: 'api_keys.rotate', resource_id: newId('key') }
  return (await gateway.call(beginStepUp, { ...by(user), action }, ask)).challenge_id
}
const answer = (user: AppUser, id: string, code: string, commandId?: string) =>
  gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.factorId, code } }, { ...ask, ...commandId !== undefined && { commandId } })

t.test('the codes are those of RFC 6238 (appendix B, SHA-1), cut to six digits', async (t) => {
  const secret = Buffer.from('12345678901234567890')
  for (const [seconds, code] of [
    [59, '94287082'], [1111111109, '07081804'], [1111111111, '14050471'], [1234567890, '89005924'], [2000000000, '69279037'], [20000000000, '65353130']
  ] as const) t.equal(codeAt(secret, stepAt(new Date(seconds * 1_000))), code.slice(2), `${seconds}`)
  // RFC 4226 appendix D.
  t.same([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((count) => codeAt(secret, count)), ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'])
})

t.test('a code is right in its own step and its neighbours, and in no other', async (t) => {
  const time = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  const secret = fc.uint8Array({ minLength: 20, maxLength: 20 })
  t.doesNotThrow(() => { fc.assert(fc.property(secret, time, fc.integer({ min: -1, max: 1 }), (key, at, steps) => {
    const found = stepOf(key, codeAt(key, stepAt(at) + steps), at)
    // Two of the three may have the same code by chance.
    return found !== undefined && codeAt(key, found) === codeAt(key, stepAt(at) + steps)
  })) })
  t.doesNotThrow(() => { fc.assert(fc.property(secret, time, fc.integer({ min: 2, max: 1_000 }), fc.boolean(), (key, at, distance, ahead) => {
    const code = codeAt(key, stepAt(at) + (ahead ? distance : -distance))
    return stepOf(key, code, at) === undefined || [-1, 0, 1].some((steps) => codeAt(key, stepAt(at) + steps) === code)
  })) })
  t.doesNotThrow(() => { fc.assert(fc.property(secret, time, fc.string(), (key, at, text) => stepOf(key, text, at) === undefined || /^\d{6}$/.test(text))) })
})

t.test('a secret opens for its own user and factor alone, and outlives rotations by being used', async (t) => {
  const [first, next, later] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string]
  const place = { userId: newId('usr'), factorId: newId('fct') }
  const sealed = createTotpSecrets(first).draw(place)
  const secret = createTotpSecrets(first).open(sealed, place)
  t.equal(secret.length, 20)
  for (const other of [{ ...place, userId: newId('usr') }, { ...place, factorId: newId('fct') }]) t.throws(() => createTotpSecrets(first).open(sealed, other), SealBroken)
  t.same(createTotpSecrets(next, first).open(sealed, place), secret)
  t.throws(() => createTotpSecrets(later, next).open(sealed, place), SealBroken)
  t.same(createTotpSecrets(later, next).open(createTotpSecrets(next, first).again(sealed, place), place), secret)
})

t.test('an app counts once a code of it was shown, and then answers what it is asked with receipts that say it shows nothing', async (t) => {
  const who = newUser()
  const begun = await gateway.call(beginTotp, by(who), ask)
  t.match(begun.secret, /^[A-Z2-7]{32}$/)
  t.same((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors, [])
  t.equal(await refusal(question(who)), 'factor-required')

  const secret = base32nopad.decode(begun.secret)
  const confirm = (code: string, person: Person = who) => gateway.call(confirmTotp, { ...by(person), factor_id: begun.factor_id, code, name: 'Telephone' }, ask)
  t.equal(await refusal(confirm(noCode(secret))), 'code-rejected')
  t.equal(await refusal(confirm(codeNow(secret), { ...who, sessionId: newId('ses') })), 'code-rejected', 'another session')
  t.equal(await refusal(confirm(codeNow(secret), newUser())), 'code-rejected', 'another user')
  const code = codeNow(secret)
  const { factor } = await confirm(code)
  t.match(factor, { id: begun.factor_id, kind: 'totp', label: 'Telephone', shown: false, sends: false })
  t.same((await confirm('000000')).factor, factor, 'a lost reply is read again')
  t.same((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors, [factor])

  const user = { ...who, factorId: begun.factor_id, secret }
  const id = await question(who)
  t.equal(await refusal(answer(user, id, code)), 'code-rejected', 'the code that confirmed it answers nothing more')
  await rewind(user.factorId)
  const { receipt } = await answer(user, id, codeNow(secret))
  const claims = await house.receipts.verify(receipt)
  t.match(claims, { aud: 'auth-gateway', purpose: 'step_up', sub: who.userId, factor_kind: 'totp', shown: false })
  t.equal(claims.factor_root, (await db.collection<{ _id: string, factor_root: string }>('factor_owners').findOne({ _id: who.userId }))?.factor_root)
})

t.test('at rest the secret is sealed, and no log holds it or a code', async (t) => {
  const user = await enrol()
  const stored = await db.collection<{ _id: string, sealed_secret: string }>('factors').findOne({ _id: user.factorId })
  const key = deriveKey(house.env.SECRET_KEY, 'otp-service/totp/v1')
  t.same(Uint8Array.from(openSeal({ key, sealed: stored?.sealed_secret ?? '', associated: `totp|${user.userId}|${user.factorId}` })), Uint8Array.from(user.secret))
  const everything = JSON.stringify([await factors.find().toArray(), await db.collection('totp_enrolments').find().toArray(), await db.collection('audit').find().toArray()]) + allLogs()
  t.notMatch(everything, base32nopad.encode(user.secret))
  t.notMatch(everything, Buffer.from(user.secret).toString('hex'))
})

t.test('of 200 right codes at once, over many questions at two processes, one is answered with a receipt', async (t) => {
  const user = await enrol()
  const sessions = Array.from({ length: 40 }, () => ({ ...user, sessionId: newId('ses') }))
  const ids = await Promise.all(sessions.map((session) => question(session)))
  const code = codeNow(user.secret)
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => {
    const session = sessions[index % 40] ?? user
    return refusal(answer(session, ids[index % 40] ?? '', code, `cmd_${index}_${user.factorId}`))
  }))
  // On a slow machine the reply to it may come too late.
  t.ok(answers.filter((outcome) => outcome === 'none').length <= 1)
  t.ok(await until(async () => {
    const [factor, budget] = [await factors.findOne({ _id: user.factorId }), await budgets.findOne({ _id: user.userId })]
    return factor?.failures.length === 0 && budget?.failures.length === 0 && budget.in_a_row === 0
  }, { what: 'every charge taken back', timeoutMs: 60_000 }), 'who repeats a right code guessed nothing')
  t.equal(await db.collection('receipts').countDocuments({ user_id: user.userId }), 1)
})

t.test('once a step has answered, neither it nor an earlier one does, at any process', async (t) => {
  const user = await enrol()
  await answer(user, await question(user), codeNow(user.secret, 1))
  for (const steps of [1, 0, -1]) t.equal(await refusal(answer(user, await question(user), codeNow(user.secret, steps))), 'code-rejected', `${steps}`)
})

t.test('time is the database\'s: a process whose clock is off takes no other codes', async (t) => {
  const clock = t.capture(Date, 'now', () => 0)
  const user = await enrol()
  t.ok(await answer(user, await question(user), codeNow(user.secret)))
  await rewind(user.factorId)
  t.equal(await refusal(answer(user, await question(user), codeAt(user.secret, 0))), 'code-rejected')
  clock.restore()
})

t.test('four wrong codes in a day close the app until the first is a day old, whatever it is asked for, and nothing else', async (t) => {
  const user = await enrol()
  for (let guess = 1; guess <= 4; guess++) t.equal(await refusal(answer(user, await question(user), noCode(user.secret))), 'code-rejected', `${guess}`)
  const id = await question(user)
  t.equal(await refusal(answer(user, id, codeNow(user.secret))), 'factor-locked')
  t.equal(await refusal(answer({ ...user, sessionId: newId('ses') }, id, codeNow(user.secret))), 'code-rejected', 'a stranger learns nothing')
  t.match(await db.collection<{ _id: string }>('challenges').findOne({ _id: id }), { attempts_left: 3 }, 'nothing was compared, so nothing was spent')
  t.match(await db.collection<{ _id: string }>('failure_budgets').findOne({ _id: user.userId }), { in_a_row: 4 }, 'they count in the budget of the account, and refusals do not')

  await factors.updateOne({ _id: user.factorId }, [{ $set: { failures: { $map: { input: '$failures', as: 'failure', in: { at: { $subtract: ['$$failure.at', 86_400_000] }, ref: '$$failure.ref' } } } } }])
  t.ok(await answer(user, id, codeNow(user.secret)))
})

t.test('whoever spends the day of an app from elsewhere does not keep its owner from it where they have answered before', async (t) => {
  const user = await enrol()
  await answer(user, await question(user), codeNow(user.secret))
  const thief = { ...user, sessionId: newId('ses') }
  for (let guess = 0; guess < 4; guess++) t.equal(await refusal(answer(thief, await question(thief), noCode(user.secret))), 'code-rejected')
  await rewind(user.factorId)
  t.equal(await refusal(answer(thief, await question(thief), codeNow(user.secret))), 'factor-locked', 'the thief is out, with a right code too')
  t.equal(await refusal(answer(user, await question(user), noCode(user.secret))), 'code-rejected', 'the owner may slip')
  t.ok(await answer(user, await question(user), codeNow(user.secret)))
  for (let slip = 0; slip < 2; slip++) await refusal(answer(user, await question(user), noCode(user.secret)))
  await rewind(user.factorId)
  t.equal(await refusal(answer(user, await question(user), codeNow(user.secret))), 'factor-locked', 'and not for ever')
})

t.test('of 200 wrong codes at once four are compared', async (t) => {
  const user = await enrol()
  const sessions = Array.from({ length: 20 }, () => ({ ...user, sessionId: newId('ses') }))
  const ids = await Promise.all(sessions.map((session) => question(session)))
  await Promise.all(Array.from({ length: 200 }, (_, index) => refusal(answer(sessions[index % 20] ?? user, ids[index % 20] ?? '', noCode(user.secret), `cmd_${index}_${user.factorId}`))))
  t.equal(await db.collection('audit').countDocuments({ event: 'challenge.rejected', actor: user.userId, 'facts.reason': 'wrong' }), 4)
})

t.test('a command repeated after a lost reply draws one secret, and two first apps at once make one', async (t) => {
  const who = newUser()
  const commandId = `cmd_${newId('idk')}`
  const begun = await Promise.all(Array.from({ length: 5 }, () => gateway.call(beginTotp, by(who), { ...ask, commandId })))
  t.equal(new Set(begun.map(({ secret }) => secret)).size, 1)

  const rival = { ...who, sessionId: newId('ses') }
  const other = await gateway.call(beginTotp, by(rival), ask)
  const [mine] = begun
  if (mine === undefined) throw new Error('no secret was drawn')
  const outcomes = await Promise.all([
    refusal(gateway.call(confirmTotp, { ...by(who), factor_id: mine.factor_id, code: codeNow(base32nopad.decode(mine.secret)) }, ask)),
    refusal(gateway.call(confirmTotp, { ...by(rival), factor_id: other.factor_id, code: codeNow(base32nopad.decode(other.secret)) }, ask))
  ])
  t.same(outcomes.sort(), ['code-rejected', 'none'])
  t.equal((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors.length, 1)
})

t.test('a secret that was not confirmed in time, or too often wrongly, is no factor', async (t) => {
  const pending = db.collection<{ _id: string }>('totp_enrolments')
  const who = newUser()
  const late = await gateway.call(beginTotp, by(who), ask)
  await pending.updateOne({ _id: late.factor_id }, [{ $set: { expires_at: '$$NOW' } }])
  t.equal(await refusal(gateway.call(confirmTotp, { ...by(who), factor_id: late.factor_id, code: codeNow(base32nopad.decode(late.secret)) }, ask)), 'code-rejected')
  const guessed = await gateway.call(beginTotp, by(who), ask)
  const secret = base32nopad.decode(guessed.secret)
  for (let guess = 0; guess < 10; guess++) await refusal(gateway.call(confirmTotp, { ...by(who), factor_id: guessed.factor_id, code: noCode(secret) }, ask))
  t.equal(await refusal(gateway.call(confirmTotp, { ...by(who), factor_id: guessed.factor_id, code: codeNow(secret) }, ask)), 'code-rejected')
})

t.teardown(() => second.stop())
