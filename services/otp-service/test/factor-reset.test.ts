/** Lost factors: the operator asks, every old address hears of it, a proof or the operator cancels it, and after the delay they are gone. */
import { beginStepUp, describeFactors, sendStepUp, verifyStepUp } from '@countersign/contracts'
import { createCli, newId } from '@countersign/runtime'
import t from 'tap'
import { operatorCommands } from '../src/operator-commands.ts'
import { openHouse, refusal, type User } from './open-otp.ts'

const house = await openHouse(t)
const { db, mails, gateway, signer, ask, enrol, begin, confirm } = house

const cli = async (...args: string[]) => {
  let [out, err] = ['', '']
  const env = { MONGODB_URI: house.env.MONGODB_URI, MAIL_SEAL_KEY: house.env.MAIL_SEAL_KEY }
  const code = await createCli({ name: 'otp-service', description: '', stdout: (text) => { out += text }, stderr: (text) => { err += text } })
    .add(...operatorCommands(env, db.databaseName)).run(['node', 'cli', ...args, '--json'])
  return { code, err, json: (out === '' ? {} : JSON.parse(out)) as Record<string, unknown> }
}
const rootOf = async (user: User): Promise<string> => (await signer.call(describeFactors, { user_id: user.userId }, ask)).factor_root
const auditOf = async (user: User): Promise<string[]> => (await db.collection('audit').find({ subject: user.userId, event: /^factor\.reset/ }).sort({ recordedAt: 1 }).toArray()).map(({ event }) => String(event))
const owners = db.collection<{ _id: string }>('factor_owners')
const { applyFactorResets } = house.service.parts
const makeDue = async (user: User): Promise<void> => {
  await owners.updateOne({ _id: user.userId, reset: { $exists: true } }, [{ $set: { 'reset.due_at': { $subtract: ['$$NOW', 1] } } }])
}
const letComeDue = async (user: User): Promise<void> => {
  await makeDue(user)
  await applyFactorResets()
}
const stepUp = async (user: User): Promise<string> => {
  const whose = { user_id: user.userId, session_id: user.sessionId }
  const about = newId('key')
  const { challenge_id } = await gateway.call(beginStepUp, { ...whose, action: { type: 'api_keys.rotate', resource_id: about } }, ask)
  await gateway.call(sendStepUp, { ...whose, challenge_id, factor_id: user.factorId }, ask)
  return (await gateway.call(verifyStepUp, { ...whose, challenge_id, proof: { factor_id: user.factorId, code: await mails.code(user.address, about) } }, ask)).receipt
}

t.test('after the delay the factors are gone, codes on their way are dead, and the next enrolment makes a new root', async (t) => {
  const user = await enrol()
  const pending = await house.challenge(user)
  const dry = await cli('factors', 'reset', user.userId, '--dry-run')
  t.match(dry.json, { dry_run: true, state: 'none', delay_hours: 72, told: ['p***@m***.com'] })
  t.same(await auditOf(user), [], 'nothing was done')

  const asked = await cli('factors', 'reset', user.userId)
  t.match(asked, { code: 0, json: { state: 'pending', fresh: true, told: ['p***@m***.com'], next: /principals grant/ } })
  const wait = Date.parse(String(asked.json['due_at'])) - Date.parse(String(asked.json['asked_at']))
  t.equal(wait, 72 * 3_600_000)
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_reset_asked'), { parameters: { account: user.userId, due_at: asked.json['due_at'] } })
  const again = await Promise.all(Array.from({ length: 5 }, () => cli('factors', 'reset', user.userId)))
  for (const { json } of again) t.match(json, { fresh: false, reset: asked.json['reset'], due_at: asked.json['due_at'] })
  t.equal(await rootOf(user), user.factorRoot, 'nothing is lost before its time')
  t.equal(await applyFactorResets(), 0)
  t.equal(await rootOf(user), user.factorRoot)

  await makeDue(user)
  // A process that starts does it at once.
  await (await house.openService()).stop()
  t.equal(await refusal(signer.call(describeFactors, { user_id: user.userId }, ask)), 'factor-required')
  t.equal(await refusal(house.verify(user, pending.id, pending.code)), 'code-rejected')
  await mails.newest(user.address, ({ template }) => template === 'factor_reset_done')
  t.equal(mails.to(user.address).filter(({ template }) => template === 'factor_reset_asked').length, 1, 'told once')
  t.same(await auditOf(user), ['factor.reset_asked', 'factor.reset_done'])
  t.equal((await cli('factors', 'reset', user.userId)).code, 1, 'nothing is left to reset')

  const next = await enrol(undefined, user)
  t.not(next.factorRoot, user.factorRoot)
  t.equal(await rootOf(user), next.factorRoot)
})

t.test('the operator cancels it, and so does any right answer of an old factor', async (t) => {
  const user = await enrol()
  t.equal((await cli('factors', 'cancel-reset', user.userId)).code, 1, 'none waits')
  await cli('factors', 'reset', user.userId)
  t.match(await cli('factors', 'cancel-reset', user.userId), { code: 0, json: { cancelled: true } })
  await cli('factors', 'reset', user.userId)
  t.match((await cli('factors', 'show', user.userId)).json, { reset_due_at: String })
  await stepUp(user)
  t.match((await cli('factors', 'show', user.userId)).json, { reset_due_at: null })
  await cli('factors', 'reset', user.userId)
  const { id, code } = await house.challenge(user)
  await house.verify(user, id, code)
  await letComeDue(user)
  t.equal(await rootOf(user), user.factorRoot)
  t.same(await auditOf(user), ['factor.reset_asked', 'factor.reset_cancelled', 'factor.reset_asked', 'factor.reset_cancelled', 'factor.reset_asked', 'factor.reset_cancelled'])
})

t.test('who proves a new address alone cancels nothing', async (t) => {
  const user = await enrol()
  await cli('factors', 'reset', user.userId)
  const thiefs = `thief-${newId('usr').toLowerCase()}@mail.example.com`
  const { challenge_id } = await begin({ user_id: user.userId, session_id: user.sessionId, email: thiefs })
  t.equal(await refusal(confirm({ user_id: user.userId, session_id: user.sessionId, challenge_id, code: await mails.code(thiefs) })), 'code-rejected')
  await letComeDue(user)
  t.equal(await refusal(signer.call(describeFactors, { user_id: user.userId }, ask)), 'factor-required')
})

t.test('a proof that races the end of the delay either cancels the reset or is refused', async (t) => {
  for (let round = 0; round < 10; round++) {
    const user = await enrol()
    await cli('factors', 'reset', user.userId)
    const { id, code } = await house.challenge(user)
    await makeDue(user)
    const [proved] = await Promise.all([refusal(house.verify(user, id, code)), applyFactorResets()])
    const kept = await refusal(signer.call(describeFactors, { user_id: user.userId }, ask)) === 'none'
    t.equal(proved === 'none', kept, `round ${round}: ${proved}`)
    t.equal(await db.collection('factors').countDocuments({ user_id: user.userId }), kept ? 1 : 0)
  }
})
