/** A new factor, however it was proved, is told of at the addresses from before, whose readers may take it away; until their time is over it changes no other factor. */
import {
  answerMailbox, beginStepUp, beginTotp, confirmTotp, listFactors, makeRecoveryCodes, objectToFactor, removeFactor, sendStepUp, verifyStepUp,
  type MailContent, type StepUpAction
} from '@countersign/contracts'
import { until } from '@countersign/testing'
import { base32nopad } from '@scure/base'
import t from 'tap'
import { codeAt, stepAt } from '../src/totp/totp.ts'
import { mailboxesOf } from './mailbox-doors.ts'
import { openHouse, refusal, type CodeMail, type User } from './open-otp.ts'

const house = await openHouse(t, { FACTOR_OBJECTION_HOURS: '48', FRONTEND_URL: 'https://app.example.com/account/' })
const second = await house.openService()
const { db, mails, gateway, ask } = house
const factors = db.collection<{ _id: string, user_id: string, kind: string, last_step: number }>('factors')
const objections = db.collection<{ _id: string, user_id: string, factor_id: string, ends_at: Date, used_at: Date | null }>('factor_objections')

interface AppUser extends User { readonly appId: string, readonly secret: Uint8Array }
type AddedMail = Extract<MailContent, { template: 'factor_added' }>

const addTotp: StepUpAction = { type: 'factors.add_totp', resource_id: '-' }
const makeCodes: StepUpAction = { type: 'factors.make_recovery_codes', resource_id: '-' }
const removing = (factorId: string): StepUpAction => ({ type: 'factors.remove', resource_id: factorId })
const by = ({ userId, sessionId }: User) => ({ user_id: userId, session_id: sessionId })

const asked = async (user: User, action: StepUpAction): Promise<string> => (await gateway.call(beginStepUp, { ...by(user), action }, ask)).challenge_id
const byMail = async (user: User, action: StepUpAction): Promise<string> => {
  const id = await asked(user, action)
  const before = mails.to(user.address).length
  await gateway.call(sendStepUp, { ...by(user), challenge_id: id, factor_id: user.factorId }, ask)
  const { parameters: { code } } = await until(() => mails.to(user.address).slice(before).find(({ template }) => template === 'code') as CodeMail | undefined, { what: 'the code of a step-up' })
  await gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.factorId, code } }, ask)
  return id
}
const byApp = async (user: AppUser, action: StepUpAction): Promise<string> => {
  const id = await asked(user, action)
  await factors.updateOne({ _id: user.appId }, { $set: { last_step: 0 } })
  await gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.appId, code: codeAt(user.secret, stepAt(new Date())) } }, ask)
  return id
}
/** A user with an address, and an app that was added on its proof just now. */
const withNewApp = async (): Promise<AppUser> => {
  const user = await house.enrol()
  const begun = await gateway.call(beginTotp, { ...by(user), step_up: await byMail(user, addTotp) }, ask)
  const secret = base32nopad.decode(begun.secret)
  await gateway.call(confirmTotp, { ...by(user), factor_id: begun.factor_id, code: codeAt(secret, stepAt(new Date())) }, ask)
  return { ...user, appId: begun.factor_id, secret }
}
const tokenFor = async ({ address }: User): Promise<string> => {
  const { parameters: { link } } = await mails.newest(address, ({ template }) => template === 'factor_added') as AddedMail
  return new URL(link?.url ?? 'https://none.example.com#token=').hash.slice('#token='.length)
}
const object = (token: string, commandId?: string) => gateway.call(objectToFactor, { token }, { ...ask, ...commandId !== undefined && { commandId } })
const remove = (user: User, factorId: string, stepUp: string) => gateway.call(removeFactor, { ...by(user), factor_id: factorId, step_up: stepUp }, ask)
const kindsOf = async ({ userId }: User): Promise<string[]> => (await gateway.call(listFactors, { user_id: userId }, ask)).factors.map(({ kind }) => kind)
const removedMails = (user: User): number => mails.to(user.address).filter(({ template }) => template === 'factor_removed').length

t.test('the mail about a new factor leads to where it is taken away, once, and the token is stored nowhere', async (t) => {
  const user = await withNewApp()
  const { parameters: { link, at } } = await mails.newest(user.address, ({ template }) => template === 'factor_added') as AddedMail
  const token = await tokenFor(user)
  t.match(link?.url, /^https:\/\/app\.example\.com\/account\/new-factor#token=[A-Za-z0-9_-]{43}$/)
  t.equal(Date.parse(link?.expires_at ?? '') - Date.parse(at), 48 * 3_600_000)
  const row = await objections.findOne({ factor_id: user.appId })
  t.notMatch(JSON.stringify(row), token)

  t.match(await object(token), { removed: true })
  t.strictSame(await kindsOf(user), ['email_code'])
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_removed'), { parameters: { factor: 'Authenticator app' } })
  t.match(await db.collection('audit').findOne({ event: 'factor.objected', subject: user.userId }), { facts: { factor: user.appId, kind: 'totp' } })
  t.match(await object(token), { removed: true, factor: { id: user.appId, user_id: user.userId } }, 'whoever lost the reply is told again')
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.objected', subject: user.userId }), 1)
})

t.test('a mailbox that is no factor any more objects to nothing', async (t) => {
  const user = await withNewApp()
  const token = await tokenFor(user)
  await remove(user, user.factorId, await byMail(user, removing(user.factorId)))
  t.equal(await refusal(object(token)), 'code-rejected')
  t.strictSame(await kindsOf(user), ['totp'], 'the factor that is left is the only one')
})

t.test('the answer of a factor that somebody may have slipped in cancels no reset of lost factors; that of an old one does', async (t) => {
  const user = await withNewApp()
  const owners = db.collection<{ _id: string, reset?: object }>('factor_owners')
  await owners.updateOne({ _id: user.userId }, [{ $set: { reset: { id: 'rst_1', asked_at: '$$NOW', due_at: { $add: ['$$NOW', 86_400_000] } } } }])
  await byApp(user, makeCodes)
  t.ok((await owners.findOne({ _id: user.userId }))?.reset)
  await byMail(user, makeCodes)
  t.notOk((await owners.findOne({ _id: user.userId }))?.reset)
})

t.test('a new factor confirms what is no factor\'s change, and neither removes nor adds one until the time to object is over', async (t) => {
  const user = await withNewApp()
  t.ok(await byApp(user, { type: 'api_keys.create', resource_id: '-' }), 'an answer for anything else is a right one')
  t.equal(await refusal(remove(user, user.factorId, await byApp(user, removing(user.factorId)))), 'state-conflict', 'the old one')
  t.equal(await refusal(gateway.call(makeRecoveryCodes, { ...by(user), step_up: await byApp(user, makeCodes) }, ask)), 'state-conflict', 'a third one')
  t.strictSame(await kindsOf(user), ['email_code', 'totp'])
  const { codes } = await gateway.call(makeRecoveryCodes, { ...by(user), step_up: await byMail(user, makeCodes) }, ask)
  t.equal(codes.length, 10, 'the old one changes what it likes')

  await objections.updateMany({ user_id: user.userId }, [{ $set: { ends_at: { $subtract: ['$$NOW', 1] } } }])
  t.equal(await refusal(object(await tokenFor(user))), 'code-rejected', 'too late')
  t.equal(codes.length, (await gateway.call(makeRecoveryCodes, { ...by(user), step_up: await byApp(user, makeCodes) }, ask)).codes.length, 'the new one is like the old one')
})

t.test('whoever objects and whoever uses the new factor race: one objection counts, no old factor goes, and nothing of the new one is left', async (t) => {
  const user = await withNewApp()
  const token = await tokenFor(user)
  const proofs = await Promise.all(Array.from({ length: 5 }, async () => await asked(user, removing(user.factorId))))
  await factors.updateOne({ _id: user.appId }, { $set: { last_step: 0 } })
  const stepUp = proofs[0] ?? ''
  await gateway.call(verifyStepUp, { ...by(user), challenge_id: stepUp, proof: { factor_id: user.appId, code: codeAt(user.secret, stepAt(new Date())) } }, ask)

  const [objected, removed] = await Promise.all([
    Promise.all(Array.from({ length: 40 }, (_, i) => refusal(object(token, `cmd_object_${i}_${user.appId}`)))),
    Promise.all(Array.from({ length: 40 }, (_, i) => refusal(gateway.call(removeFactor, { ...by(user), factor_id: user.factorId, step_up: stepUp }, { ...ask, commandId: `cmd_remove_${i}_${user.appId}` })))),
    Promise.all(proofs.slice(1).map((id) => refusal(gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.appId, code: codeAt(user.secret, stepAt(new Date()) + 1) } }, ask))))
  ])
  t.ok(objected.every((slug) => ['none', 'code-rejected', 'unavailable'].includes(slug)), objected.join())
  t.ok(removed.every((slug) => ['state-conflict', 'step-up-required', 'unavailable'].includes(slug)), removed.join())
  await until(async () => (await kindsOf(user)).length === 1, { what: 'the objection' })
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.objected', subject: user.userId }), 1)
  t.strictSame(await kindsOf(user), ['email_code'])
  await until(() => removedMails(user) > 0, { what: 'the mail' })
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.removed', subject: user.userId }), 0)
  t.equal(removedMails(user), 1)
})

t.test('an objection and the owner\'s own removal at once take the factor away once', async (t) => {
  const user = await withNewApp()
  const token = await tokenFor(user)
  const stepUp = await byMail(user, removing(user.appId))
  const before = await db.collection('outbox').countDocuments({ queue: 'mail-otp' })
  await Promise.all([refusal(object(token)), refusal(remove(user, user.appId, stepUp))])
  t.strictSame(await kindsOf(user), ['email_code'])
  t.equal(await db.collection('audit').countDocuments({ event: { $in: ['factor.objected', 'factor.removed'] }, subject: user.userId }), 1)
  t.equal(await db.collection('outbox').countDocuments({ queue: 'mail-otp' }), before + 1)
})

t.test('a token of a mailbox objects to nothing, one of an objection proves no mailbox, and made-up ones are refused alike', async (t) => {
  const user = await withNewApp()
  const token = await tokenFor(user)
  const doors = mailboxesOf(house)
  const { token: other } = await doors.challenge({ purpose: 'login_email', link_base: 'https://app.example.com/verify-email' })
  for (const wrong of [other, 'x', `${token}A`, token.slice(1), 'A'.repeat(43)]) t.equal(await refusal(object(wrong)), 'code-rejected')
  t.equal(await refusal(gateway.call(answerMailbox, { purpose: 'login_email', proof: { link_token: token } }, ask)), 'code-rejected')
  t.match(await object(token), { removed: true })
  await second.stop()
})
