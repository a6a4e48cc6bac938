/** A telephone number as a factor: enrolled, asked, answered and removed as a mailbox is, for countries on a list alone. */
import { createHash } from 'node:crypto'
import {
  beginSms, beginStepUp, beginTotp, confirmEmailFactor, confirmFactorWipe, confirmSms, confirmTotp, listFactors, mailSealContext, makeRecoveryCodes, removeFactor, renameFactor,
  sendStepUp, SmsContent, smsActionPreimage, smsFromOtp, stepUpActions, stepUpShortText, stepUpText, verifyChallenge, verifyStepUp, type MailPayload, type Problem, type StepUpAction
} from '@countersign/contracts'
import { inTransaction } from '@countersign/mongo'
import { jobConnection, startWorker } from '@countersign/redis'
import { newId, readEnvironment } from '@countersign/runtime'
import { open as openSeal } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { base32nopad } from '@scure/base'
import t from 'tap'
import { Value } from 'typebox/value'
import { environment } from '../src/config.ts'
import { createAdmitNumber } from '../src/sms/admit-number.ts'
import { callingCodes, placeOf } from '../src/sms/calling-codes.ts'
import { codeAt, stepAt } from '../src/totp/totp.ts'
import { allLogs, newUser, openHouse, refusal, wrong, type User } from './open-otp.ts'

const house = { ...await openHouse(t, { SMS_COUNTRIES: 'CH,+43,US', SMS_SENDS_PER_NUMBER_PER_DAY: '1000' }) }
const { db, gateway, signer, mails, ask, enrol } = house
const key = Buffer.from(house.env.MAIL_SEAL_KEY, 'base64url')

/** In email-worker's place. */
const texts: SmsContent[] = []
const payloads: MailPayload[] = []
const worker = startWorker(smsFromOtp, {
  ...house.io,
  connection: jobConnection(house.redis.url, 'email-worker'),
  handle: async (payload: MailPayload) => {
    payloads.push(payload)
    texts.push(Value.Parse(SmsContent, JSON.parse(openSeal({ key, sealed: payload.sealed, associated: mailSealContext(smsFromOtp.name, payload) }).toString())))
  }
})
t.teardown(worker.close)

interface Person { readonly userId: string, readonly sessionId: string }
interface SmsUser extends Person { readonly number: string, readonly smsId: string }
let numbers = 1_000_000
const newNumber = (): string => `+4179${++numbers}`
const by = ({ userId, sessionId }: Person) => ({ user_id: userId, session_id: sessionId })
const meta = (commandId: string | undefined) => ({ ...ask, ...commandId !== undefined && { commandId } })
const begin = (who: Person, number: string, { stepUp, name, commandId }: { stepUp?: string, name?: string, commandId?: string } = {}) =>
  gateway.call(beginSms, { ...by(who), phone_number: number, ...name !== undefined && { name }, ...stepUp !== undefined && { step_up: stepUp } }, meta(commandId))
const confirm = (who: Person, id: string, code: string, commandId?: string) => gateway.call(confirmSms, { ...by(who), challenge_id: id, code }, meta(commandId))
const newest = async (number: string, textHas = ''): Promise<SmsContent> =>
  await until(() => texts.findLast(({ to, parameters }) => to === number && parameters.text.includes(textHas)), { what: 'a text message', timeoutMs: 30_000 })
const codeOf = async (number: string, textHas?: string): Promise<string> => (await newest(number, textHas)).parameters.code

const withNumber = async (who: Person = newUser(), given: { stepUp?: string, name?: string, number?: string } = {}): Promise<SmsUser> => {
  const { number = newNumber(), ...more } = given
  const { challenge_id: id } = await begin(who, number, more)
  const { factor } = await confirm(who, id, await codeOf(number))
  return { ...who, number, smsId: factor.id }
}

const action = (): StepUpAction => ({ type: 'api_keys.rotate', resource_id: newId('key') })
const adding = (number: string): StepUpAction => ({ type: 'factors.add_sms', resource_id: number })
const asked = async (who: Person, about: StepUpAction): Promise<string> => (await gateway.call(beginStepUp, { ...by(who), action: about }, ask)).challenge_id
const send = (who: Person, id: string, factorId: string, commandId?: string) => gateway.call(sendStepUp, { ...by(who), challenge_id: id, factor_id: factorId }, meta(commandId))
const verify = (who: Person, id: string, factorId: string, code: string, commandId?: string) =>
  gateway.call(verifyStepUp, { ...by(who), challenge_id: id, proof: { factor_id: factorId, code } }, meta(commandId))
/** A question whose code came by text message. */
const texted = async (user: SmsUser, about = action()) => {
  const id = await asked(user, about)
  await send(user, id, user.smsId)
  return { id, about, code: await codeOf(user.number, about.resource_id === '-' ? stepUpShortText(about) : about.resource_id) }
}
const bySms = async (user: SmsUser, about: StepUpAction): Promise<string> => {
  const { id, code } = await texted(user, about)
  await verify(user, id, user.smsId, code)
  return id
}
const byMail = async (user: User, about: StepUpAction): Promise<string> => {
  const id = await asked(user, about)
  const text = about.resource_id === '-' ? stepUpText(user.userId, about) : about.resource_id
  const codes = () => mails.to(user.address).filter(({ template, parameters }) => template === 'code' && 'text' in parameters && parameters.text.includes(text)).length
  const before = codes()
  await send(user, id, user.factorId)
  await until(() => codes() > before, { what: 'the code of this one' })
  await verify(user, id, user.factorId, await mails.code(user.address, text))
  return id
}
const factors = db.collection<{ _id: string, user_id: string, kind: string, factor_root: string, number?: string, last_step?: number }>('factors')
const rootOf = async ({ userId }: Person) => (await db.collection<{ _id: string, factor_root: string }>('factor_owners').findOne({ _id: userId }))?.factor_root
const withApp = async (who: Person, stepUp?: string): Promise<{ appId: string, byApp: (about: StepUpAction) => Promise<string> }> => {
  const begun = await gateway.call(beginTotp, { ...by(who), ...stepUp !== undefined && { step_up: stepUp } }, ask)
  const secret = base32nopad.decode(begun.secret)
  await gateway.call(confirmTotp, { ...by(who), factor_id: begun.factor_id, code: codeAt(secret, stepAt(new Date())) }, ask)
  return {
    appId: begun.factor_id,
    byApp: async (about) => {
      const id = await asked(who, about)
      await factors.updateOne({ _id: begun.factor_id }, { $set: { last_step: 0 } })
      await verify(who, id, begun.factor_id, codeAt(secret, stepAt(new Date())))
      return id
    }
  }
}

t.test('a number is proved by its code, and then answers for one action, whose one line the text message shows', async (t) => {
  const who = newUser()
  const number = newNumber()
  const begun = await begin(who, number, { name: 'Telephone' })
  t.match(begun, { sent_to: `+41…••${number.slice(-2)}`, attempts_left: 3 })
  const text = await newest(number)
  t.equal(text.parameters.text, `Add this number to the account ${who.userId}`)
  t.equal(await refusal(confirm(who, begun.challenge_id, wrong(text.parameters.code))), 'code-rejected')
  const { factor } = await confirm(who, begun.challenge_id, text.parameters.code)
  t.match(factor, { kind: 'sms', label: `Telephone, +41…••${number.slice(-2)}`, shown: true, sends: true })
  t.same((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors, [factor])
  const [enrolment] = await db.collection('receipts').find({ challenge_id: begun.challenge_id }).toArray()
  t.match(await house.receipts.verify(enrolment?.['receipt'] as string), {
    purpose: 'sms_enrol', factor_kind: 'sms', shown: true, factor_root: await rootOf(who), action_digest: `0x${createHash('sha256').update(smsActionPreimage(who.userId, number)).digest('hex')}`
  })

  const user = { ...who, number, smsId: factor.id }
  const { id, about, code } = await texted(user)
  t.equal((await newest(number)).parameters.text, `${stepUpActions['api_keys.rotate'].title}: ${about.resource_id}`)
  const { receipt } = await verify(user, id, factor.id, code)
  t.match(await house.receipts.verify(receipt), {
    aud: 'auth-gateway', purpose: 'step_up', sub: who.userId, factor_kind: 'sms', shown: true, text_sha256: createHash('sha256').update(stepUpShortText(about)).digest('hex')
  }, 'what was shown is what the receipt tells of')
  t.equal(await refusal(verify(user, id, factor.id, code)), 'code-rejected', 'once')

  const codes = await gateway.call(makeRecoveryCodes, { ...by(user), step_up: await bySms(user, { type: 'factors.make_recovery_codes', resource_id: '-' }) }, ask)
  t.equal(codes.codes.length, 10, 'its answer is used')
  t.match(await house.service.metrics(), /otp_send_total\{purpose="sms_enrol"\} [1-9]/)
})

t.test('a number of no country on the list is refused, nothing of it is kept, and nothing goes to a number whose country left the list', async (t) => {
  const stored = async () => await Promise.all(['challenges', 'outbox', 'factors', 'audit'].map((name) => db.collection(name).countDocuments()))
  const [before, sent] = [await stored(), payloads.length]
  for (const number of ['+4915112345678', '+18765550123', '+19005550123', '+881612345678', '+999912345678']) {
    const error = await begin(newUser(), number).then(() => undefined, (reason: unknown) => reason as Problem)
    t.equal(error?.kind.slug, 'number-not-served', number)
  }
  await t.rejects(begin(newUser(), '0790000012'), /phone_number/)
  t.same(await stored(), before)
  t.equal(payloads.length, sent)

  const user = await withNumber()
  const elsewhere = await house.openService({ SMS_COUNTRIES: 'US' })
  await house.service.stop()
  t.equal(await refusal(send(user, await asked(user, action()), user.smsId)), 'number-not-served')
  const off = await house.openService({ SMS_COUNTRIES: '' })
  await elsewhere.stop()
  t.match(await begin(newUser(), newNumber()).catch((error: unknown) => error as Problem), { extensions: { detail: /sends no text messages/ } })
  house.service = await house.openService()
  await off.stop()
})

t.test('countries are told by the longest beginning of a number, and a setting that names none is a fault', (t) => {
  for (const [number, code, country] of [['+12025550123', '1', 'US'], ['+18765550123', '1876', 'JM'], ['+77011234567', '77', 'KZ'], ['+79161234567', '7', 'RU'], ['+447912345678', '44', 'GB']] as const) {
    const place = placeOf(number)
    t.equal(place?.code, code, number)
    t.ok(place?.countries.includes(country), number)
  }
  t.same(placeOf('+447012345678')?.countries, [], 'personal numbers are of no country')
  t.equal(placeOf('+88161234567'), undefined)
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  for (const [code, countries] of callingCodes) {
    t.match(code, /^[1-9][0-9]{0,3}$/)
    for (const country of countries) t.ok(names.of(country) !== undefined, country)
  }
  t.throws(() => { createAdmitNumber(['+1'])('+18765550123') }, { message: /country/ }, 'the islands are not the mainland')
  t.doesNotThrow(() => { createAdmitNumber(['CA'])('+12025550123') })
  t.doesNotThrow(() => { createAdmitNumber([])('ada@example.com') })
  t.throws(() => readEnvironment(environment, { ...house.env, SMS_COUNTRIES: 'CH,XX' }), { message: /SMS_COUNTRIES names no country that is known: XX/ })
  t.end()
})

t.test('a code confirms its own question, to its own session, by its own factor, and nothing else', async (t) => {
  const mailed = await enrol()
  const number = newNumber()
  const user = { ...await withNumber(mailed, { number, stepUp: await byMail(mailed, adding(number)) }), ...mailed, smsId: '' }
  const smsId = (await factors.findOne({ user_id: user.userId, kind: 'sms' }))?._id ?? ''
  const sms: SmsUser = { ...user, smsId }
  const other = await withNumber()
  const first = await texted(sms)
  const second = await asked(sms, action())
  for (const [what, call] of [
    ['another question of the same session', () => verify(sms, second, smsId, first.code)],
    ['another session', () => verify({ ...sms, sessionId: newId('ses') }, first.id, smsId, first.code)],
    ['another user', () => verify(other, first.id, other.smsId, first.code)],
    ['the mailbox of the same user', () => verify(sms, first.id, mailed.factorId, first.code)],
    ['a transaction', () => signer.call(verifyChallenge, { challenge_id: first.id, ...by(sms), code: first.code }, ask)],
    ['an address', () => gateway.call(confirmEmailFactor, { challenge_id: first.id, ...by(sms), code: first.code }, ask)],
    ['a number', () => confirm(sms, first.id, first.code)],
    ['the wish to delete', () => gateway.call(confirmFactorWipe, { ...by(sms), proof: { challenge_id: first.id, code: first.code } }, ask)]
  ] as const) t.equal(await refusal(call()), 'code-rejected', what)
  await db.collection<{ _id: string }>('challenges').updateOne({ _id: first.id }, { $set: { attempts_left: 3 } })
  t.ok((await verify(sms, first.id, smsId, first.code)).receipt, 'nobody else used it up')

  const transaction = await house.challenge(user)
  const mine = await asked(sms, action())
  await send(sms, mine, mailed.factorId)
  const enrolling = newUser()
  const toEnrol = newNumber()
  const enrolment = await begin(enrolling, toEnrol)
  const enrolCode = await codeOf(toEnrol)
  t.equal(await refusal(verify(sms, mine, smsId, await mails.code(mailed.address))), 'code-rejected', 'what was mailed is not what was texted')
  t.equal(await refusal(confirm(sms, transaction.id, transaction.code)), 'code-rejected', 'a transaction\'s code proves no number')
  t.equal(await refusal(gateway.call(confirmEmailFactor, { ...by(enrolling), challenge_id: enrolment.challenge_id, code: enrolCode }, ask)), 'code-rejected', 'a number\'s code proves no address')
  t.ok((await confirm(enrolling, enrolment.challenge_id, enrolCode)).factor)
})

t.test('of 200 right codes at once one counts, and of 200 wrong ones three are compared', async (t) => {
  const who = newUser()
  const number = newNumber()
  const { challenge_id: enrolment } = await begin(who, number)
  const enrolCode = await codeOf(number)
  const confirmed = await Promise.all(Array.from({ length: 50 }, () => refusal(confirm(who, enrolment, enrolCode))))
  t.equal(confirmed.filter((answer) => answer === 'none').length, 1)
  const user = { ...who, number, smsId: (await factors.findOne({ user_id: who.userId }))?._id ?? '' }
  t.equal(await factors.countDocuments({ user_id: who.userId }), 1)

  const right = await texted(user)
  const answers = await Promise.all(Array.from({ length: 200 }, () => refusal(verify(user, right.id, user.smsId, right.code))))
  t.equal(answers.filter((answer) => answer === 'none').length, 1)
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: right.id }), 1)

  const compared = (id: string) => db.collection('audit').countDocuments({ event: 'challenge.rejected', subject: id, 'facts.reason': 'wrong' })
  const guessed = await texted(user)
  await Promise.all(Array.from({ length: 200 }, (_, index) => refusal(verify(user, guessed.id, user.smsId, wrong(guessed.code), `cmd_${index}_${guessed.id}`))))
  t.equal(await compared(guessed.id), 3)
  t.equal(await refusal(verify(user, guessed.id, user.smsId, guessed.code)), 'code-rejected', 'too late')

  const [stranger, target] = [newUser(), newNumber()]
  const { challenge_id: id } = await begin(stranger, target)
  const code = await codeOf(target)
  await Promise.all(Array.from({ length: 50 }, () => refusal(confirm(stranger, id, wrong(code)))))
  t.equal(await compared(id), 3)
})

t.test('wrong codes by text and by mail spend the one budget of the account', async (t) => {
  const mailed = await enrol()
  const number = newNumber()
  const sms = { ...await withNumber(mailed, { number, stepUp: await byMail(mailed, adding(number)) }) }
  for (let round = 0; round < 2; round++) {
    const { id, code } = await texted(sms)
    for (let i = 0; i < 3; i++) await refusal(verify(sms, id, sms.smsId, wrong(code), `cmd_${i}_${id}`))
  }
  const { id: about, code } = await house.challenge(mailed)
  for (let i = 0; i < 3; i++) await refusal(house.verify(mailed, about, wrong(code)))
  const last = await texted(sms)
  t.equal(await refusal(verify(sms, last.id, sms.smsId, wrong(last.code))), 'code-rejected', 'the tenth')
  const stranger = { ...sms, sessionId: newId('ses') }
  t.equal(await refusal(send(stranger, await asked(stranger, action()), sms.smsId)), 'factor-locked')
  t.equal(await refusal(begin(stranger, newNumber())), 'factor-locked')
})

t.test('a new code kills the old one, keeps the attempts, and a repeated command sends none', async (t) => {
  const user = await withNumber()
  const { id, about, code } = await texted(user)
  await refusal(verify(user, id, user.smsId, wrong(code)))
  const commandId = `cmd_${newId('idk')}`
  const views = await Promise.all(Array.from({ length: 5 }, () => send(user, id, user.smsId, commandId)))
  for (const view of views) t.match(view, { attempts_left: 2, sent_to: /^\+41…••\d\d$/ })
  const again = await until(() => texts.findLast(({ to, parameters }) => to === user.number && parameters.text.includes(about.resource_id) && parameters.code !== code), { what: 'a new code' })
  t.equal(texts.filter(({ to, parameters }) => to === user.number && parameters.text.includes(about.resource_id)).length, 2)
  t.equal(await refusal(verify(user, id, user.smsId, code)), 'code-rejected')
  t.ok((await verify(user, id, user.smsId, again.parameters.code)).receipt)

  const [who, number, enrolId] = [newUser(), newNumber(), `cmd_${newId('idk')}`]
  const begun = await Promise.all(Array.from({ length: 5 }, () => begin(who, number, { commandId: enrolId })))
  t.equal(new Set(begun.map(({ challenge_id }) => challenge_id)).size, 1)
  t.equal(await refusal(begin(who, newNumber(), { commandId: enrolId })), 'state-conflict', 'one command id, two numbers')
  const enrolCode = await codeOf(number)
  t.equal(texts.filter(({ to }) => to === number).length, 1)
  const first = await confirm(who, begun[0]?.challenge_id ?? '', enrolCode, `${enrolId}c`)
  t.same(await confirm(who, begun[0]?.challenge_id ?? '', enrolCode, `${enrolId}c`), first, 'whoever lost the reply reads it again')
})

t.test('beside an address it takes the proof that showed this very number, and takes its root; the address is told', async (t) => {
  const user = await enrol()
  const [number, another] = [newNumber(), newNumber()]
  t.equal(await refusal(begin(user, number)), 'step-up-required')
  t.equal(await refusal(begin(user, number, { stepUp: await byMail(user, adding(another)) })), 'step-up-required', 'shown for another number')
  const app = await withApp(user, await byMail(user, { type: 'factors.add_totp', resource_id: '-' }))
  t.equal(await refusal(begin(user, number, { stepUp: await app.byApp(adding(number)) })), 'state-conflict', 'an app shows nothing')
  const sms = await withNumber(user, { number, stepUp: await byMail(user, adding(number)) })
  t.equal(await rootOf(user), user.factorRoot)
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_added'), { parameters: { factor: new RegExp(`^Telephone number: \\+41…••${number.slice(-2)}$`) } })
  t.equal(await refusal(begin(user, newNumber(), { stepUp: await byMail(user, adding(number)) })), 'state-conflict', 'one of its kind')

  t.match(await gateway.call(renameFactor, { user_id: user.userId, factor_id: sms.smsId, name: 'Work' }, ask), { factor: { label: `Work, +41…••${number.slice(-2)}` } })
  const pending = await texted(sms)
  const remove = (stepUp: string) => gateway.call(removeFactor, { ...by(user), factor_id: sms.smsId, step_up: stepUp }, ask)
  const removing: StepUpAction = { type: 'factors.remove', resource_id: sms.smsId }
  t.equal(await refusal(remove(await app.byApp(removing))), 'state-conflict', 'what confirms by showing goes by showing')
  t.same(await remove(await bySms(sms, removing)), { factors_left: 2 })
  t.equal((await newest(number, sms.smsId)).parameters.text, `Remove a second factor: Telephone number: Work, +41..**${number.slice(-2)}, ${sms.smsId}`, 'called by its name')
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_removed'), { parameters: { factor: /^Telephone number: Work, / } })
  t.equal(await refusal(verify(user, pending.id, sms.smsId, pending.code)), 'code-rejected', 'codes on their way to it are dead')
})

t.test('beside an app alone it makes a new root, and factors that changed meanwhile undo its enrolment', async (t) => {
  const who = newUser()
  const app = await withApp(who)
  const before = await rootOf(who)
  const number = newNumber()
  await withNumber(who, { number, stepUp: await app.byApp(adding(number)) })
  t.not(await rootOf(who), before)
  t.equal(await factors.countDocuments({ user_id: who.userId, factor_root: await rootOf(who) }), 2)

  const [late, target] = [newUser(), newNumber()]
  const { challenge_id: id } = await begin(late, target)
  const code = await codeOf(target)
  await enrol(undefined, late)
  t.equal(await refusal(confirm(late, id, code)), 'code-rejected')
  t.equal(await factors.countDocuments({ user_id: late.userId }), 1)
})

t.test('texts have limits of their own: a number in a day over all accounts, all numbers in an hour, and enrolments half of that', async (t) => {
  const tight = await openHouse(t, { SMS_COUNTRIES: 'CH', SMS_SENDS_PER_NUMBER_PER_DAY: '2', SMS_SENDS_PER_HOUR: '10' }, house.mongo)
  const ofTight = (number: string) => refusal(tight.gateway.call(beginSms, { ...by(newUser()), phone_number: number }, ask))
  const number = newNumber()
  t.same([await ofTight(number), await ofTight(number), await ofTight(number)], ['none', 'none', 'send-limited'], 'whoever asks')
  t.same([await ofTight(newNumber()), await ofTight(newNumber()), await ofTight(newNumber())], ['none', 'none', 'none'])
  const before = await tight.db.collection('challenges').countDocuments()
  t.equal(await ofTight(newNumber()), 'send-limited', 'half of ten')
  t.equal(await tight.db.collection('challenges').countDocuments(), before, 'nothing is kept of it')
  t.equal(await refusal(tight.begin({ user_id: newId('usr'), session_id: newId('ses'), email: 'free@mail.example.com' })), 'none', 'mails go on')
})

t.test('an account that is deleted leaves no number behind', async (t) => {
  const mailed = await enrol()
  const number = newNumber()
  await withNumber(mailed, { number, stepUp: await byMail(mailed, adding(number)) })
  const kept = async () => JSON.stringify(await db.collection('challenges').find({ user_id: mailed.userId }).toArray())
  t.match(await kept(), number.slice(1))
  const { mongo, challenges } = house.service.parts
  await inTransaction(mongo, async (transaction) => { await challenges.bury(mailed.userId, transaction) })
  t.notMatch(await kept(), number.slice(1))
})

t.test('numbers and codes are in no log, no audit and no queue in clear', async (t) => {
  const user = await withNumber()
  const { code } = await texted(user)
  const kept = [allLogs(), ...await Promise.all(['audit', 'outbox', 'receipts'].map(async (name) => JSON.stringify(await db.collection(name).find().toArray()))), JSON.stringify(payloads)]
  const digits = user.number.slice(3)
  for (const [index, text] of kept.entries()) {
    t.notOk(text.includes(digits), `the number, ${index}`)
    t.notMatch(text, new RegExp(`"(code|otp)":"?${code}`), `the code, ${index}`)
  }
  t.match(allLogs(), /"sentTo":"\+41…••\d\d"/)
})
