/** Factors come and go on the proof of one that this service has on its own record: a session, and a gateway with all that it holds, change nothing alone. */
import {
  beginEmailFactor, beginStepUp, beginTotp, confirmEmailFactor, confirmFactorWipe, confirmTotp, describeFactors, listFactors, makeRecoveryCodes, removeFactor, renameFactor,
  problems, sendStepUp, verifyStepUp, type Problem, type StepUpAction
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { base32nopad } from '@scure/base'
import fc from 'fast-check'
import t from 'tap'
import type { FactorChecks } from '../src/factors/factor-check.ts'
import { mayRemove } from '../src/factors/may-remove.ts'
import { bytesOf, createRecoveryCodes } from '../src/recovery-codes/recovery-codes.ts'
import { codeAt, stepAt } from '../src/totp/totp.ts'
import { allLogs, newAddress, newUser, openHouse, refusal, type CodeMail, type User } from './open-otp.ts'

const house = await openHouse(t)
const second = await house.openService()
t.teardown(() => second.stop())
const { db, mails, gateway, signer, ask } = house
const factors = db.collection<{ _id: string, user_id: string, kind: string, last_step: number, hashes: string[], factor_root: string }>('factors')

interface Person { readonly userId: string, readonly sessionId: string }
interface AppUser extends Person { readonly appId: string, readonly secret: Uint8Array }
const by = ({ userId, sessionId }: Person) => ({ user_id: userId, session_id: sessionId })
const elsewhere = (who: Person): Person => ({ ...who, sessionId: newId('ses') })

const addTotp: StepUpAction = { type: 'factors.add_totp', resource_id: '-' }
const makeCodes: StepUpAction = { type: 'factors.make_recovery_codes', resource_id: '-' }
const addEmail = (address: string): StepUpAction => ({ type: 'factors.add_email', resource_id: address })
const removing = (factorId: string): StepUpAction => ({ type: 'factors.remove', resource_id: factorId })

const asked = async (who: Person, action: StepUpAction): Promise<string> => (await gateway.call(beginStepUp, { ...by(who), action }, ask)).challenge_id
const verify = (who: Person, id: string, factorId: string, code: string, commandId?: string) =>
  gateway.call(verifyStepUp, { ...by(who), challenge_id: id, proof: { factor_id: factorId, code } }, { ...ask, ...commandId !== undefined && { commandId } })

/** Answered by the mailed code, by the app, by a recovery code. */
const byMail = async (user: Person & Pick<User, 'address' | 'factorId'>, action: StepUpAction): Promise<string> => {
  const id = await asked(user, action)
  const before = mails.to(user.address).length
  await gateway.call(sendStepUp, { ...by(user), challenge_id: id, factor_id: user.factorId }, ask)
  const { parameters: { code } } = await until(() => mails.to(user.address).slice(before).find(({ template }) => template === 'code') as CodeMail | undefined, { what: 'the code of a step-up' })
  await verify(user, id, user.factorId, code)
  return id
}
const byApp = async (user: AppUser, action: StepUpAction): Promise<string> => {
  const id = await asked(user, action)
  await factors.updateOne({ _id: user.appId }, { $set: { last_step: 0 } })
  await verify(user, id, user.appId, codeAt(user.secret, stepAt(new Date())))
  return id
}
const byRecoveryCode = async (who: Person, factorId: string, code: string, action: StepUpAction): Promise<string> => {
  const id = await asked(who, action)
  await verify(who, id, factorId, code)
  return id
}

const withApp = async (who: Person, stepUp?: string): Promise<AppUser> => {
  const begun = await gateway.call(beginTotp, { ...by(who), ...stepUp !== undefined && { step_up: stepUp } }, ask)
  const secret = base32nopad.decode(begun.secret)
  await gateway.call(confirmTotp, { ...by(who), factor_id: begun.factor_id, code: codeAt(secret, stepAt(new Date())) }, ask)
  return { ...who, appId: begun.factor_id, secret }
}
/** A user with an address and an app. */
const withBoth = async (): Promise<User & AppUser> => {
  const user = await house.enrol()
  return { ...user, ...await withApp(user, await byMail(user, addTotp)) }
}
const codesOf = async (who: Person, stepUp: string) => {
  const { factor, codes } = await gateway.call(makeRecoveryCodes, { ...by(who), step_up: stepUp }, ask)
  return { id: factor.id, factor, codes, code: codes[0] ?? '' }
}
const remove = (who: Person, factorId: string, stepUp?: string) => gateway.call(removeFactor, { ...by(who), factor_id: factorId, ...stepUp !== undefined && { step_up: stepUp } }, ask)
const kindsOf = async ({ userId }: Person): Promise<string[]> => (await gateway.call(listFactors, { user_id: userId }, ask)).factors.map(({ kind }) => kind)
const rootOf = async ({ userId }: Person): Promise<string | undefined> => (await db.collection<{ _id: string, factor_root: string }>('factor_owners').findOne({ _id: userId }))?.factor_root

t.test('whoever plays the gateway with all that it holds adds no factor to a user who has one, makes no codes and removes nothing', async (t) => {
  const user = await house.enrol()
  const other = await house.enrol()
  const before = JSON.stringify(await factors.find({ user_id: user.userId }).toArray())
  const unanswered = await asked(user, addTotp)
  const wrongAction = await byMail(user, { type: 'api_keys.create', resource_id: 'profile:read' })
  const others = await byMail(other, addTotp)
  const elsewheres = await byMail({ ...user, ...elsewhere(user) }, addTotp)
  const transaction = await house.challenge(user)
  await house.verify(user, transaction.id, transaction.code)
  for (const [what, stepUp] of [
    ['none', undefined], ['made up', newId('chl')], ['one that nobody answered', unanswered], ['one for another action', wrongAction], ['of another user', others],
    ['of another session', elsewheres], ['a confirmed transaction', transaction.id]
  ] as const) {
    const given = { ...by(user), ...stepUp !== undefined && { step_up: stepUp } }
    t.equal(await refusal(gateway.call(beginTotp, given, ask)), 'step-up-required', `app: ${what}`)
    t.equal(await refusal(gateway.call(makeRecoveryCodes, given, ask)), 'step-up-required', `codes: ${what}`)
    t.equal(await refusal(remove(user, user.factorId, stepUp)), 'step-up-required', `removal: ${what}`)
  }
  for (const foreign of [newId('fct'), other.factorId]) t.equal(await refusal(asked(user, removing(foreign))), 'not-found', 'nobody is asked about a factor that is not theirs')
  t.equal(JSON.stringify(await factors.find({ user_id: user.userId }).toArray()), before)
  t.equal(await db.collection('totp_enrolments').countDocuments({ user_id: user.userId }), 0)

  const late = await byMail(user, addTotp)
  await db.collection<{ _id: string }>('challenges').updateOne({ _id: late }, [{ $set: { consumed_at: { $subtract: ['$consumed_at', 300_000] } } }])
  t.equal(await refusal(gateway.call(beginTotp, { ...by(user), step_up: late }, ask)), 'step-up-required', 'too late')
})

t.test('an app that is guessed at until it locks is told of at the address of the account, once', async (t) => {
  const user = await withBoth()
  const sessions = Array.from({ length: 10 }, () => elsewhere(user))
  const ids = await Promise.all(sessions.map((session) => asked(session, removing(user.appId))))
  const mailRows = () => db.collection('outbox').countDocuments({ queue: 'mail-otp' })
  const before = await mailRows()
  const near = [-2, -1, 0, 1, 2].map((steps) => codeAt(user.secret, stepAt(new Date()) + steps))
  const noCode = ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.includes(code)) ?? ''
  const slugs = await Promise.all(Array.from({ length: 100 }, (_, index) => refusal(verify(sessions[index % 10] ?? user, ids[index % 10] ?? '', user.appId, noCode, `cmd_${index}_${user.appId}`))))
  t.ok(slugs.every((slug) => ['code-rejected', 'factor-locked', 'unavailable'].includes(slug)))

  const locks = { event: 'factor.locked', subject: user.userId }
  const ofApp = { ...locks, 'facts.factor': user.appId }
  await until(async () => await db.collection('audit').countDocuments(ofApp) > 0, { what: 'the lock' })
  t.equal(await db.collection('audit').countDocuments(ofApp), 1)
  t.match(await db.collection('audit').findOne(ofApp), { facts: { closed: false } })
  // Ten guesses under way at once are all that the account has left, whatever comes of them: its own lock is told too, once.
  const told = await until(async () => {
    const count = await db.collection('audit').countDocuments(locks)
    return await mailRows() === before + count ? count : undefined
  }, { what: 'a mail for each lock' })
  t.ok(told <= 2)
  t.match(await mails.newest(user.address, ({ template, parameters }) => template === 'factor_locked' && 'factor' in parameters), { parameters: { factor: 'Authenticator app', until: String } })
})

t.test('a factor added on a proof inherits the root, is told by mail, and the proof counts once', async (t) => {
  const user = await house.enrol()
  const stepUp = await byMail(user, addTotp)
  const begun = await Promise.all(Array.from({ length: 20 }, (_, index) => refusal(gateway.call(beginTotp, { ...by(user), step_up: stepUp }, { ...ask, commandId: `cmd_${index}_${stepUp}` }))))
  t.equal(begun.filter((outcome) => outcome === 'none').length, 1)
  const app = await withApp(user, await byMail(user, addTotp))
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_added'), { parameters: { factor: 'Authenticator app' } })
  t.same(await kindsOf(user), ['email_code', 'totp'])
  t.same((await factors.find({ user_id: user.userId }).toArray()).map(({ factor_root: root }) => root), [user.factorRoot, user.factorRoot])
  t.equal(await refusal(gateway.call(beginTotp, { ...by(user), step_up: await byApp(app, addTotp) }, ask)), 'state-conflict', 'one app')
  const described = await signer.call(describeFactors, { user_id: user.userId }, ask)
  t.same(described.factors.map(({ kind }) => kind), ['email_code', 'totp'], 'an operator is shown all that is under the root')
  t.equal(described.factor_root, user.factorRoot)
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.enrolled', subject: user.userId, 'facts.kind': 'totp' }), 1)
})

t.test('recovery codes are shown once, kept as hashes, and each of them answers once', async (t) => {
  const user = await withBoth()
  t.equal(await refusal(gateway.call(makeRecoveryCodes, by(newUser()), ask)), 'factor-required')
  const made = await codesOf(user, await byApp(user, makeCodes))
  t.equal(new Set(made.codes).size, 10)
  for (const code of made.codes) t.match(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/)
  t.match(made.factor, { kind: 'recovery_codes', shown: false, sends: false, codes_left: 10 })
  t.match(await mails.newest(user.address, (mail) => mail.template === 'factor_added' && mail.parameters.factor === 'Recovery codes'), { to: user.address })
  const stored = JSON.stringify([await factors.find().toArray(), await db.collection('audit').find().toArray()]) + allLogs()
  for (const code of made.codes) for (const form of [code, code.replaceAll('-', ''), bytesOf(code)?.toString('hex') ?? '-', bytesOf(code)?.toString('base64url') ?? '-']) t.notOk(stored.includes(form))

  const id = await asked(user, addTotp)
  const { receipt } = await verify(user, id, made.id, made.code.toLowerCase().replaceAll('-', ''))
  t.match(await house.receipts.verify(receipt), { factor_kind: 'recovery_codes', shown: false, factor_root: user.factorRoot })
  t.equal(await refusal(verify(user, await asked(user, addTotp), made.id, made.code)), 'code-rejected', 'used')
  t.match((await gateway.call(listFactors, { user_id: user.userId }, ask)).factors[2], { codes_left: 9 })

  const found = await byRecoveryCode(user, made.id, made.codes[1] ?? '', makeCodes)
  t.equal(await refusal(gateway.call(makeRecoveryCodes, { ...by(user), step_up: found }, ask)), 'state-conflict', 'one code that somebody found does not make ten')
  const again = await codesOf(user, await byApp(user, makeCodes))
  t.equal(await refusal(verify(user, await asked(user, addTotp), made.id, made.codes[2] ?? '')), 'code-rejected', 'those from before are dead')
  t.equal(await refusal(verify(user, await asked(user, addTotp), again.id, made.codes[2] ?? '')), 'code-rejected')
  t.ok(await verify(user, await asked(user, addTotp), again.id, again.code))
  t.equal(await factors.countDocuments({ user_id: user.userId, kind: 'recovery_codes' }), 1)
})

t.test('of 200 uses of one recovery code at once, over many questions at two processes, one is answered with a receipt', async (t) => {
  const user = await house.enrol()
  const made = await codesOf(user, await byMail(user, makeCodes))
  const receipts = () => db.collection('receipts').countDocuments({ user_id: user.userId })
  const before = await receipts()
  const sessions = Array.from({ length: 40 }, () => elsewhere(user))
  const ids = await Promise.all(sessions.map((session) => asked(session, addTotp)))
  const outcomes = await Promise.all(Array.from({ length: 200 }, (_, index) => refusal(verify(sessions[index % 40] ?? user, ids[index % 40] ?? '', made.id, made.code, `cmd_${index}_${made.id}`))))
  // On a slow machine the reply to it may come too late.
  t.ok(outcomes.filter((outcome) => outcome === 'none').length <= 1)
  t.equal(await until(async () => await receipts() - before || undefined, { what: 'the receipt' }), 1)
  t.equal((await factors.findOne({ _id: made.id }))?.hashes.length, 9)
})

t.test('wrong recovery codes cost the account nothing, and its lock stops no recovery code', async (t) => {
  const user = await house.enrol()
  const made = await codesOf(user, await byMail(user, makeCodes))
  const thief = elsewhere(user)
  for (let guess = 0; guess < 12; guess++) t.equal(await refusal(verify(thief, await asked(thief, addTotp), made.id, '0000-0000-0000-0000')), 'code-rejected')
  t.ok(await byMail({ ...user, ...elsewhere(user) }, addTotp), 'mailed codes go on, at a session that never answered before')

  for (let guess = 0; guess < 10; guess++) await refusal(verify(thief, await asked(thief, addTotp), user.factorId, '000000'))
  const locked = elsewhere(user)
  t.equal(await refusal(verify(locked, await asked(locked, addTotp), user.factorId, '000000')), 'factor-locked')
  t.ok(await verify(locked, await asked(locked, addTotp), made.id, made.code))
})

t.test('a flood of recovery codes is refused as soon as it cannot be hashed soon, and whoever was refused has lost nothing', async (t) => {
  const narrow = createRecoveryCodes({ maxInFlight: 1, queueLimit: 4 })
  const { codes, salt, hashes } = await narrow.draw()
  const flood = Array.from({ length: 40 }, (_, i) => narrow.hash(codes[i % 10] ?? '', salt))
  const meanwhile = narrow.draw().then(() => undefined, (reason: unknown) => reason as Problem)
  const settled = await Promise.allSettled(flood)
  t.same(settled.flatMap((one) => one.status === 'fulfilled' ? [one.value] : []), hashes.slice(0, 5), 'the first come, and four who wait')
  for (const one of settled.slice(5)) t.match(one, { reason: { kind: problems.unavailable, extensions: { retry_after: 1 } } })
  t.equal((await meanwhile)?.kind, problems.unavailable, 'ten at once are refused whole')
  t.equal(await narrow.hash('no code', salt), undefined)
  t.equal(await narrow.hash(codes[9] ?? '', salt), hashes[9], 'afterwards it goes on')

  const user = await house.enrol()
  const made = await codesOf(user, await byMail(user, makeCodes))
  const thieves = Array.from({ length: 20 }, () => elsewhere(user))
  const ids = await Promise.all(thieves.map((thief) => asked(thief, addTotp)))
  const outcomes = await Promise.all(Array.from({ length: 60 }, (_, i) => refusal(verify(thieves[i % 20] ?? user, ids[i % 20] ?? '', made.id, '0000-0000-0000-0000'))))
  t.ok(outcomes.every((outcome) => outcome === 'code-rejected' || outcome === 'unavailable'))
  const compared = async () => await db.collection('audit').countDocuments({ event: 'challenge.rejected', subject: { $in: ids }, 'facts.reason': 'wrong' })
  const left = async () => (await db.collection<{ _id: string, attempts_left: number }>('challenges').find({ _id: { $in: ids } }).toArray()).reduce((sum, { attempts_left: attempts }) => sum + attempts, 0)
  // On a slow machine a reply may be late, and its work still under way.
  await until(async () => await left() + await compared() === 60, { what: 'each attempt to be compared or given back' })
  const owner = elsewhere(user)
  const question = await asked(owner, addTotp)
  await until(async () => await refusal(verify(owner, question, made.id, made.code)) === 'none', { what: 'the owner to be let in' })
})

t.test('a recovery code may be typed as people type, and nothing else is one', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), fc.boolean(), fc.boolean(), (bytes, lower, letters) => {
    const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
    let bits = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
    let text = ''
    for (let index = 0; index < 16; index++, bits >>= 5n) text = (alphabet[Number(bits & 31n)] ?? '') + text
    const typed = (letters ? text.replaceAll('0', 'O').replaceAll('1', 'l') : text).replace(/(.{4})/g, '$1-')
    return bytesOf(lower ? typed.toLowerCase() : typed)?.equals(Buffer.from(bytes)) === true
  }))
  for (const none of ['', '----', 'A'.repeat(15), 'A'.repeat(17), `${'A'.repeat(15)}U`, `${'A'.repeat(15)} `]) t.equal(bytesOf(none), undefined)
  const codes = createRecoveryCodes()
  const { codes: [code = ''], salt, hashes } = await codes.draw()
  t.equal(await codes.hash(code, salt), hashes[0])
  t.not(await codes.hash(code, 'A'.repeat(22)), hashes[0], 'another salt')
})

t.test('which proof lets which factor go', async (t) => {
  const checks = { email_code: { shown: true }, totp: { shown: false }, recovery_codes: { shown: false } } as unknown as FactorChecks
  const [email, app, codes] = [{ id: '1', kind: 'email_code' }, { id: '2', kind: 'totp' }, { id: '3', kind: 'recovery_codes' }] as const
  const may = (factor: typeof email | typeof app | typeof codes, proof: typeof email | typeof app | typeof codes, count = 3) => mayRemove(factor, proof, { checks, count })
  t.ok(may(email, email), 'its own mail shows it')
  for (const unshown of [app, codes]) {
    t.notOk(may(email, unshown), `${unshown.kind} never takes away what confirms money`)
    t.ok(may(unshown, email))
    t.notOk(may(unshown, unshown), 'not by itself')
    t.ok(may(unshown, unshown, 1), 'unless it is the last')
  }
  t.ok(may(app, codes))
  t.ok(may(codes, app))
})

t.test('a factor goes on the proof of another, its addresses are told, and the address goes only with a proof that showed it', async (t) => {
  const user = await withBoth()
  t.equal(await refusal(remove(user, user.factorId, await byApp(user, removing(user.factorId)))), 'state-conflict')
  t.equal(await refusal(remove(user, user.appId, await byApp(user, removing(user.appId)))), 'state-conflict')
  t.same(await kindsOf(user), ['email_code', 'totp'])

  t.same(await remove(user, user.appId, await byMail(user, removing(user.appId))), { factors_left: 1 })
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_removed'), { parameters: { factor: 'Authenticator app' } })
  t.equal(await refusal(asked(user, removing(user.appId))), 'not-found')

  const pending = await house.challenge(user)
  t.same(await remove(user, user.factorId, await byMail(user, removing(user.factorId))), { factors_left: 0 })
  t.match(await mails.newest(user.address, (mail) => mail.template === 'factor_removed' && mail.parameters.factor.startsWith('E-mail address: p***')), { to: user.address })
  t.equal(await refusal(house.verify(user, pending.id, pending.code)), 'code-rejected', 'a code on its way is dead')
  t.equal(await rootOf(user), undefined)
  const anew = await withApp(user)
  t.not(await rootOf(anew), user.factorRoot, 'a first factor makes another root')
})

t.test('a proof counts while the factor that gave it is there', async (t) => {
  const user = await withBoth()
  const made = await codesOf(user, await byMail(user, makeCodes))
  const old = await byRecoveryCode(user, made.id, made.code, removing(user.appId))
  await remove(user, made.id, await byMail(user, removing(made.id)))
  t.equal(await refusal(remove(user, user.appId, old)), 'step-up-required')
})

t.test('an address beside factors that show nothing needs the proof of one, and makes another root', async (t) => {
  const app = await withApp(newUser())
  const root = await rootOf(app)
  const address = newAddress()
  const begin = (stepUp?: string) => gateway.call(beginEmailFactor, { ...by(app), email: address, ...stepUp !== undefined && { step_up: stepUp } }, ask)
  t.equal(await refusal(begin()), 'step-up-required')
  t.equal(await refusal(begin(await byApp(app, addTotp))), 'step-up-required')
  t.equal(await refusal(begin(await byApp(app, addEmail(newAddress())))), 'step-up-required', 'of another address')
  t.equal(mails.to(address).length, 0)

  const { challenge_id: id } = await begin(await byApp(app, addEmail(address)))
  const confirmed = await gateway.call(confirmEmailFactor, { ...by(app), challenge_id: id, code: await mails.code(address) }, ask)
  t.same((await kindsOf(app)).sort(), ['email_code', 'totp'])
  const next = await rootOf(app)
  t.not(next, root, 'a principal of the old root is none of this address')
  t.equal((await house.receipts.verify(confirmed.receipt)).factor_root, next)
  t.same(await factors.distinct('factor_root', { user_id: app.userId }), [next])
})

t.test('an address whose proof was taken away before it was confirmed is none', async (t) => {
  const app = await withApp(newUser())
  const made = await codesOf(app, await byApp(app, makeCodes))
  const address = newAddress()
  const { challenge_id: id } = await gateway.call(beginEmailFactor, { ...by(app), email: address, step_up: await byApp(app, addEmail(address)) }, ask)
  await remove(app, app.appId, await byRecoveryCode(app, made.id, made.code, removing(app.appId)))
  t.equal(await refusal(gateway.call(confirmEmailFactor, { ...by(app), challenge_id: id, code: await mails.code(address) }, ask)), 'code-rejected')
  t.same(await kindsOf(app), ['recovery_codes'])
})

t.test('an address that was asked for as a first factor is none beside an app that came meanwhile', async (t) => {
  const who = newUser()
  const address = newAddress()
  const { challenge_id: id } = await gateway.call(beginEmailFactor, { ...by(who), email: address }, ask)
  await withApp(elsewhere(who))
  t.equal(await refusal(gateway.call(confirmEmailFactor, { ...by(who), challenge_id: id, code: await mails.code(address) }, ask)), 'code-rejected')
  t.same(await kindsOf(who), ['totp'])
  t.equal(await refusal(gateway.call(confirmFactorWipe, by(who), ask)), 'factor-proof-required', 'factors without an address are not wiped by a session')
})

t.test('names may be changed by the session; an address is its own name', async (t) => {
  const user = await withBoth()
  const rename = (factorId: string, name: string, who: Person = user) => gateway.call(renameFactor, { user_id: who.userId, factor_id: factorId, name }, ask)
  t.match(await rename(user.appId, '$Telephone'), { factor: { id: user.appId, label: '$Telephone' } })
  for (const name of ['two\nlines', 'https://evil.example', 'evil.example', 'me@evil.example', 'a\u200fb', '']) await t.rejects(rename(user.appId, name), /name/, JSON.stringify(name))
  const { challenge_id: id } = await gateway.call(beginStepUp, { ...by(user), action: removing(user.appId) }, ask)
  t.match(await db.collection<{ _id: string, text: string }>('challenges').findOne({ _id: id }), { text: new RegExp(`Factor: Authenticator app: \\$Telephone, ${user.appId}`) }, 'what goes is called by its name')
  t.equal(await refusal(rename(user.factorId, 'x')), 'state-conflict')
  t.equal(await refusal(rename(user.appId, 'x', newUser())), 'not-found')
  await remove(user, user.appId, await byMail(user, removing(user.appId)))
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_removed'), { parameters: { factor: 'Authenticator app: $Telephone' } })
  t.match(await second.metrics(), /otp_factor_changes_total\{[^}]*change="removed"[^}]*kind="totp"/)
})
