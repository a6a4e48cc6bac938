/** Codes of the earlier OTP system: to the proved address alone, one at a time, compared as often as it may be, and good for nothing else. */
import {
  confirmEmailFactor, confirmFactorWipe, earlierOtpStatus, earlierOtpText, sendEarlierOtp, verifyChallenge, verifyEarlierOtp, verifyStepUp, type EarlierOtpPurpose, type Problem
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import t from 'tap'
import { newAddress, newUser, openHouse, refusal, wrong, type CodeMail, type User } from './open-otp.ts'

const house = await openHouse(t, { OTP_SENDS_PER_MINUTE: '3' })
const { db, mails, gateway, signer, ask, enrol } = house

type Who = Pick<User, 'userId' | 'sessionId'>
const whose = ({ userId, sessionId }: Who) => ({ user_id: userId, session_id: sessionId })
const by = (commandId?: string) => ({ ...ask, ...commandId !== undefined && { commandId } })
const send = (user: User, purpose: EarlierOtpPurpose = 'wallet_funding', { email = user.address, commandId }: { email?: string, commandId?: string } = {}) =>
  gateway.call(sendEarlierOtp, { ...whose(user), purpose, email }, by(commandId))
const status = (user: Who, purpose: EarlierOtpPurpose = 'wallet_funding') => gateway.call(earlierOtpStatus, { ...whose(user), purpose }, ask)
const verify = (user: Who, id: string | undefined, code: string, commandId?: string) =>
  gateway.call(verifyEarlierOtp, { ...whose(user), ...id !== undefined && { challenge_id: id }, code }, by(commandId))
const codeOf = (user: User, purpose: EarlierOtpPurpose = 'wallet_funding') => mails.code(user.address, earlierOtpText(user.userId, purpose))
const codesTo = (address: string): CodeMail[] => mails.to(address).filter((mail): mail is CodeMail => mail.template === 'code' && mail.parameters.text.startsWith('The code for'))

t.test('a code is sent, its status told, and it is right once', async (t) => {
  const user = await enrol()
  t.match(await status(user), { exists: false, is_valid: false, is_locked: false, attempts: 0, max_attempts: 3, expires_at: null, expires_in: 0 })
  const { challenge_id: id, expires_in } = await send(user)
  t.equal(expires_in, 300)
  const code = await codeOf(user)

  t.match(await status(user), { exists: true, is_valid: true, attempts: 0, max_attempts: 3, expires_at: String })
  t.match(await status(user, 'wallet_deduction'), { exists: false })
  t.equal(await refusal(verify(user, id, wrong(code))), 'code-rejected')
  const seen = await status(user)
  t.match(seen, { exists: true, is_valid: true, attempts: 1 })
  t.ok(seen.expires_in > 0 && seen.expires_in <= 300)
  t.same(await verify(user, id, code), { challenge_id: id, purpose: 'wallet_funding' })
  t.equal(await refusal(verify(user, id, code)), 'code-rejected', 'once')
  t.match(await status(user), { exists: false, is_valid: false })
})

t.test('it goes to the proved address alone, and not without one', async (t) => {
  const user = await enrol()
  const thiefs = newAddress()
  t.equal(await refusal(send(user, 'wallet_funding', { email: thiefs })), 'address-mismatch')
  t.equal(await refusal(send({ ...user, ...newUser() })), 'factor-required')
  await send(user, 'wallet_funding', { email: user.address.toUpperCase() })
  await codeOf(user)
  t.same(mails.to(thiefs), [])
  t.equal(codesTo(user.address).length, 1)
})

t.test('while one code is good there is no second one, however many ask at once; another purpose or session has its own', async (t) => {
  const user = await enrol()
  const answers = await Promise.all(Array.from({ length: 20 }, () => refusal(send(user))))
  t.same(answers.filter((answer) => answer !== 'send-limited'), ['none'])
  await codeOf(user)
  t.equal(codesTo(user.address).length, 1)
  const { challenge_id: id } = await send(user, 'wallet_deduction')
  const refused: unknown = await send(user, 'wallet_deduction').catch((error: unknown) => error)
  t.match((refused as Problem).extensions, { challenge_id: id, retry_after: Number })
  const elsewhere = { ...user, sessionId: newId('ses') }
  t.ok((await send(elsewhere)).challenge_id)
  t.equal(await refusal(send({ ...user, sessionId: newId('ses') })), 'send-limited', 'three in a minute')
})

t.test('an answered, expired or exhausted code makes room for the next', async (t) => {
  const user = await enrol()
  const { challenge_id: first } = await send(user)
  const code = await codeOf(user)
  for (const attempt of [1, 2, 3]) t.equal(await refusal(verify(user, first, wrong(code))), 'code-rejected', `${attempt}`)
  t.equal(await refusal(verify(user, first, code)), 'code-rejected', 'exhausted')
  t.match(await status(user), { exists: true, is_valid: false, attempts: 3 })
  const { challenge_id: second } = await send(user)
  await db.collection<{ _id: string }>('challenges').updateOne({ _id: second }, [{ $set: { expires_at: { $subtract: ['$$NOW', 1] } } }])
  t.match(await status(user), { exists: true, is_valid: false, expires_in: 0 })
  t.not((await send(user)).challenge_id, second)
})

t.test('of 200 right codes at once one is right; without a name the newest code of the session is meant, and nobody else\'s', async (t) => {
  const user = await enrol()
  const { challenge_id: id } = await send(user)
  const code = await codeOf(user)
  t.equal(await refusal(verify({ ...user, sessionId: newId('ses') }, undefined, code)), 'code-rejected', 'another session')
  t.equal(await refusal(verify(newUser(), id, code)), 'code-rejected', 'another user')
  t.match(await status(user), { attempts: 0 })
  const answers = await Promise.all(Array.from({ length: 200 }, () => refusal(verify(user, undefined, code))))
  t.equal(answers.filter((answer) => answer === 'none').length, 1)
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: id, purpose: 'earlier_otp' }), 1)
})

t.test('a command repeated after a lost reply sends and answers once', async (t) => {
  const user = await enrol()
  const commandId = `cmd_${newId('idk')}`
  const sent = await Promise.all(Array.from({ length: 5 }, () => send(user, 'wallet_funding', { commandId })))
  t.equal(new Set(sent.map(({ challenge_id }) => challenge_id)).size, 1)
  const code = await codeOf(user)
  t.equal(codesTo(user.address).length, 1)
  t.equal(await refusal(send(user, 'wallet_deduction', { commandId })), 'state-conflict', 'one command, two purposes')
  const first = await verify(user, undefined, code, `${commandId}v`)
  t.same(await verify(user, undefined, code, `${commandId}v`), first)
})

t.test('its code opens no other door, and no other code opens this one', async (t) => {
  const user = await enrol()
  const { challenge_id: id } = await send(user)
  const code = await codeOf(user)
  const own = { challenge_id: id, ...whose(user), code }
  for (const [what, call] of [
    ['a transaction', () => signer.call(verifyChallenge, own, ask)],
    ['a step-up', () => gateway.call(verifyStepUp, { ...whose(user), challenge_id: id, proof: { factor_id: user.factorId, code } }, ask)],
    ['an enrolment', () => gateway.call(confirmEmailFactor, own, ask)],
    ['a deletion', () => gateway.call(confirmFactorWipe, { ...whose(user), proof: { challenge_id: id, code } }, ask)]
  ] as const) t.equal(await refusal(call()), 'code-rejected', what)
  const other = await house.challenge(user)
  t.equal(await refusal(verify(user, other.id, other.code)), 'code-rejected')
  t.same(await verify(user, id, code), { challenge_id: id, purpose: 'wallet_funding' }, 'nobody else used it up')
})

t.test('wrong codes here spend the one budget of the account, and a locked factor is told', async (t) => {
  const user = await enrol()
  await db.collection<{ _id: string }>('failure_budgets').updateOne({ _id: user.userId }, [{ $set: { locked_until: { $add: ['$$NOW', 60_000] }, own_sessions: [] } }])
  t.equal(await refusal(send(user)), 'factor-locked')
  t.match(await status(user), { is_locked: true, is_valid: false })
  const open = await enrol()
  const { challenge_id: id } = await send(open)
  t.equal(await refusal(verify(open, id, wrong(await codeOf(open)))), 'code-rejected')
  const budget = await db.collection<{ _id: string, failures: unknown[] }>('failure_budgets').findOne({ _id: open.userId })
  t.equal(budget?.failures.length, 1)
  t.match(await house.service.metrics(), /otp_send_total\{[^}]*purpose="earlier_otp"[^}]*\} [1-9]/)
})
