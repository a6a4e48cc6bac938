/** Second proofs of the gateway's own actions: one question, one action, one answer, one receipt, and nothing of it counts elsewhere. */
import { createHash } from 'node:crypto'
import {
  answerMailbox, beginEmailFactor, beginFactorWipe, beginStepUp, confirmEmailFactor, confirmFactorWipe, confirmSms, isOfAction, listFactors, sendStepUp, stepUpActions, stepUpPreimage, stepUpText,
  verifyChallenge, verifyStepUp, type StepUpAction
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import t from 'tap'
import { createAnswerChallenge } from '../src/challenges/answer-challenge.ts'
import { newAddress, newUser, openHouse, refusal, wrong, type User } from './open-otp.ts'

const house = await openHouse(t)
const { db, mails, gateway, signer, ask, enrol } = house

const action = (): StepUpAction => ({ type: 'api_keys.rotate', resource_id: newId('key') })
const begin = async (user: Pick<User, 'userId' | 'sessionId'>, about: StepUpAction = action(), commandId?: string) =>
  await gateway.call(beginStepUp, { user_id: user.userId, session_id: user.sessionId, action: about }, { ...ask, ...commandId !== undefined && { commandId } })
const send = (user: Pick<User, 'userId' | 'sessionId'>, id: string, factorId: string, commandId?: string) =>
  gateway.call(sendStepUp, { user_id: user.userId, session_id: user.sessionId, challenge_id: id, factor_id: factorId }, { ...ask, ...commandId !== undefined && { commandId } })
const verify = (user: Pick<User, 'userId' | 'sessionId'>, id: string, factorId: string, code: string, commandId?: string) =>
  gateway.call(verifyStepUp, { user_id: user.userId, session_id: user.sessionId, challenge_id: id, proof: { factor_id: factorId, code } }, { ...ask, ...commandId !== undefined && { commandId } })
/** A step-up whose code was sent and read. */
const asked = async (user: User) => {
  const about = action()
  const { challenge_id: id } = await begin(user, about)
  await send(user, id, user.factorId)
  return { id, about, code: await mails.code(user.address, about.resource_id) }
}

t.test('the question names the factors, the mail shows the action, and the right code gives a receipt of both', async (t) => {
  const user = await enrol()
  const about = action()
  const asked = await begin(user, about)
  const [factor] = asked.factors
  t.match(asked, { attempts_left: 3, factors: [{ id: user.factorId, kind: 'email_code', label: 'p***@m***.com', shown: true, sends: true }] })
  t.same((await gateway.call(listFactors, { user_id: user.userId }, ask)).factors, asked.factors)
  const mailed = mails.to(user.address).length

  t.match(await send(user, asked.challenge_id, factor?.id ?? ''), { challenge_id: asked.challenge_id, sent_to: 'p***@m***.com', attempts_left: 3 })
  const code = await mails.code(user.address, about.resource_id)
  t.equal(mails.to(user.address).length, mailed + 1, 'nothing is sent before a factor is chosen')
  const { receipt } = await verify(user, asked.challenge_id, user.factorId, code)

  const text = stepUpText(user.userId, about)
  t.match(text, `Key: ${about.resource_id}`)
  t.equal((await mails.newest(user.address) as { parameters: { text: string } }).parameters.text, text)
  t.match(await house.receipts.verify(receipt), {
    challenge_id: asked.challenge_id, aud: 'auth-gateway', purpose: 'step_up', sub: user.userId, factor_root: user.factorRoot, factor_kind: 'email_code', shown: true,
    action_digest: `0x${createHash('sha256').update(stepUpPreimage(user.userId, user.sessionId, about)).digest('hex')}`,
    text_sha256: createHash('sha256').update(text).digest('hex')
  })
  t.equal(await refusal(verify(user, asked.challenge_id, user.factorId, code)), 'code-rejected', 'once')
})

t.test('without a factor there is nothing to ask, and without a sent code nothing to answer', async (t) => {
  t.equal(await refusal(begin(newUser())), 'factor-required')
  const user = await enrol()
  const { challenge_id: id } = await begin(user)
  t.equal(await refusal(verify(user, id, user.factorId, '000000')), 'code-rejected')
  t.equal(await refusal(send(user, id, newId('fct'))), 'not-found')
  const other = await enrol()
  t.equal(await refusal(send(user, id, other.factorId)), 'not-found', 'the factor of somebody else')
  t.equal(await refusal(send(other, id, other.factorId)), 'not-found', 'the question of somebody else')
})

t.test('a code confirms its own question, to its own session, by its own factor, and nothing else', async (t) => {
  const [user, other] = await Promise.all([enrol(), enrol()])
  const first = await asked(user)
  const second = await begin(user)
  const elsewhere = { ...user, sessionId: newId('ses') }
  for (const [what, call] of [
    ['another question of the same session', () => verify(user, second.challenge_id, user.factorId, first.code)],
    ['another session', () => verify(elsewhere, first.id, user.factorId, first.code)],
    ['another user', () => verify(other, first.id, other.factorId, first.code)],
    ['another user with this factor', () => verify(other, first.id, user.factorId, first.code)],
    ['the question about a transaction', () => signer.call(verifyChallenge, { challenge_id: first.id, user_id: user.userId, session_id: user.sessionId, code: first.code }, ask)],
    ['an enrolment', () => gateway.call(confirmEmailFactor, { challenge_id: first.id, user_id: user.userId, session_id: user.sessionId, code: first.code }, ask)],
    ['the enrolment of a number', () => gateway.call(confirmSms, { challenge_id: first.id, user_id: user.userId, session_id: user.sessionId, code: first.code }, ask)],
    ['the wish to delete', () => gateway.call(confirmFactorWipe, { user_id: user.userId, session_id: user.sessionId, proof: { challenge_id: first.id, code: first.code } }, ask)],
    ['a mailbox', () => gateway.call(answerMailbox, { purpose: 'login_email', proof: { challenge_id: first.id, opener: 'A'.repeat(43), code: first.code } }, ask)]
  ] as const) t.equal(await refusal(call()), 'code-rejected', what)

  t.ok((await verify(user, first.id, user.factorId, first.code)).receipt, 'nobody else used it up')
})

t.test('no code for anything else answers a question of the gateway', async (t) => {
  const user = await enrol()
  const { challenge_id: id } = await begin(user)
  const forSigner = await house.challenge(user)
  const wipe = await gateway.call(beginFactorWipe, { user_id: user.userId, session_id: user.sessionId }, ask)
  const wipeCode = await mails.code(user.address, 'Delete')
  const address = newAddress()
  const enrolment = await gateway.call(beginEmailFactor, { user_id: user.userId, session_id: user.sessionId, email: address }, ask)
  const enrolCode = await mails.code(address)
  for (const [what, challengeId, code] of [
    ['a transaction', forSigner.id, forSigner.code],
    ['a deletion', wipe.challenge?.challenge_id ?? '', wipeCode],
    ['an enrolment', enrolment.challenge_id, enrolCode]
  ] as const) {
    t.equal(await refusal(verify(user, challengeId, user.factorId, code)), 'code-rejected', `${what}, asked as what it is not`)
  }
  t.equal(await refusal(verify(user, id, user.factorId, forSigner.code)), 'code-rejected')
})

t.test('of 200 right codes at once one is answered with a receipt, and of 200 wrong ones three are compared', async (t) => {
  const user = await enrol()
  const right = await asked(user)
  const answers = await Promise.all(Array.from({ length: 200 }, () => refusal(verify(user, right.id, user.factorId, right.code))))
  t.equal(answers.filter((answer) => answer === 'none').length, 1)
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: right.id }), 1)

  const other = await enrol()
  const guessed = await asked(other)
  await Promise.all(Array.from({ length: 200 }, (_, index) => refusal(verify(other, guessed.id, other.factorId, wrong(guessed.code), `cmd_${index}_${guessed.id}`))))
  t.match(await db.collection<{ _id: string }>('challenges').findOne({ _id: guessed.id }), { attempts_left: 0 })
  t.equal(await db.collection('audit').countDocuments({ event: 'challenge.rejected', subject: guessed.id, 'facts.reason': 'wrong' }), 3)
  t.equal(await refusal(verify(other, guessed.id, other.factorId, guessed.code)), 'code-rejected', 'too late')
})

t.test('right answers that come together count each for its own: the one that came twice, the one whose factor goes meanwhile and the one that cancels a reset spoil no other', async (t) => {
  const users = await Promise.all(Array.from({ length: 40 }, () => enrol()))
  const questions = await Promise.all(users.map((user) => asked(user)))
  const [, going, resetting] = users as [User, User, User]
  const owners = db.collection<{ _id: string, reset?: object }>('factor_owners')
  await owners.updateOne({ _id: resetting.userId }, { $set: { reset: { id: 'rst_test', asked_at: new Date(), due_at: new Date(Date.now() + 3_600_000) } } })
  const answerOf = (index: number) => refusal(verify(users[index] as User, questions[index]?.id ?? '', users[index]?.factorId ?? '', questions[index]?.code ?? ''))

  const [slugs, again] = await Promise.all([
    Promise.all(users.map((_user, index) => answerOf(index))), answerOf(0), db.collection<{ _id: string }>('factors').deleteOne({ _id: going.factorId })
  ])

  t.strictSame([slugs[0], again].sort(), ['code-rejected', 'none'], 'once of twice')
  t.ok(['code-rejected', 'none'].includes(slugs[1] ?? ''))
  t.strictSame(slugs.slice(2).filter((slug) => slug !== 'none'), [], 'the others')
  const ids = questions.map(({ id }) => id)
  const counted = 39 + (slugs[1] === 'none' ? 1 : 0)
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: { $in: ids } }), counted)
  t.equal(await db.collection('audit').countDocuments({ event: 'challenge.answered', subject: { $in: ids } }), counted)
  t.equal(await db.collection('failure_budgets').countDocuments({ _id: { $in: users.slice(2).map(({ userId }) => userId) } as never, 'failures.0': { $exists: true } }), 0, 'no charge is left')
  t.equal((await owners.findOne({ _id: resetting.userId }))?.reset, undefined, 'who answers has not lost the factor')
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.reset_cancelled', subject: resetting.userId }), 1)
})

t.test('wrong answers here spend the one budget of the account', async (t) => {
  const user = await enrol()
  for (const round of [1, 2, 3]) {
    const { id, code } = await asked(user)
    for (const attempt of [1, 2, 3]) t.equal(await refusal(verify(user, id, user.factorId, wrong(code), `cmd_${attempt}_${id}`)), 'code-rejected', `question ${round}`)
  }
  const { id, code } = await asked(user)
  t.equal(await refusal(verify(user, id, user.factorId, wrong(code))), 'code-rejected', 'the tenth')
  const stranger = { ...user, sessionId: newId('ses') }
  const { challenge_id: late } = await begin(stranger)
  t.equal(await refusal(send(stranger, late, user.factorId)), 'factor-locked')
})

t.test('a command repeated after a lost reply asks, sends and answers once', async (t) => {
  const user = await enrol()
  const about = action()
  const commandId = `cmd_${newId('idk')}`
  const begun = await Promise.all(Array.from({ length: 5 }, () => begin(user, about, commandId)))
  t.equal(new Set(begun.map(({ challenge_id: id }) => id)).size, 1)
  t.equal(await refusal(begin(user, action(), commandId)), 'state-conflict', 'one command id, two actions')

  const id = begun[0]?.challenge_id ?? ''
  const sends = await Promise.all(Array.from({ length: 5 }, () => send(user, id, user.factorId, `${commandId}s`)))
  for (const view of sends) t.same(view, sends[0])
  const code = await mails.code(user.address, about.resource_id)
  t.equal(mails.to(user.address).filter((mail) => mail.template === 'code' && mail.parameters.text.includes(about.resource_id)).length, 1)

  const first = await verify(user, id, user.factorId, code, `${commandId}v`)
  t.same(await verify(user, id, user.factorId, code, `${commandId}v`), first)
})

t.test('a new code kills the old one and keeps the attempts', async (t) => {
  const user = await enrol()
  const { id, about, code } = await asked(user)
  await refusal(verify(user, id, user.factorId, wrong(code)))
  t.match(await send(user, id, user.factorId), { attempts_left: 2 })
  const second = await mails.newest(user.address, (mail) => mail.template === 'code' && mail.parameters.text.includes(about.resource_id) && mail.parameters.code !== code) as { parameters: { code: string } }
  t.equal(await refusal(verify(user, id, user.factorId, code)), 'code-rejected')
  t.ok((await verify(user, id, user.factorId, second.parameters.code)).receipt)
})

t.test('a question ends when it was said to, however often its code is sent', async (t) => {
  const user = await enrol()
  const { challenge_id: id, expires_at: end } = await begin(user)
  t.equal((await send(user, id, user.factorId)).expires_at, end)
  await db.collection<{ _id: string }>('challenges').updateOne({ _id: id }, [{ $set: { expires_at: '$$NOW' } }])
  t.equal(await refusal(send(user, id, user.factorId)), 'state-conflict')
})

t.test('no action is asked about with words or links of the asker in the place of what it is done to', async (t) => {
  const user = await enrol()
  const foreign = ['https://evil.example/stop', 'evil.example', 'approve:everything', `${newId('key')}:x`]
  for (const type of Object.keys(stepUpActions) as StepUpAction['type'][]) {
    for (const resource of foreign) if (!isOfAction({ type, resource_id: resource })) t.equal(await refusal(begin(user, { type, resource_id: resource })), 'schema-violation', `${type} ${resource}`)
    for (const link of foreign.slice(0, 2)) t.notOk(isOfAction({ type, resource_id: link }), `${type} ${link}`)
  }
})

t.test('a fault while an answer is looked at costs neither the question nor the account', async (t) => {
  const user = await enrol()
  const { challenge_id: challengeId } = await begin(user)
  const budget = { id: 'r', granted: true, spends: false, lock: { closed: false, retryAfterSeconds: 0 } }
  const back: string[] = []
  const { answer } = createAnswerChallenge({
    pay: () => Promise.resolve({ challenge: { id: challengeId, userId: user.userId, sessionId: user.sessionId } as never, reservation: budget }),
    challenges: { giveBackAttempt: (id) => { back.push(id); return Promise.resolve() } },
    budgets: { giveBack: (id) => { back.push(id); return Promise.resolve() } },
    codes: { matches: () => false, pretend: () => undefined },
    house: { count: () => Promise.reject(new Error('it was no wrong code')) },
    tellLock: () => Promise.reject(new Error('nor a lock')),
    audit: { append: () => Promise.reject(new Error('nor a refusal')) },
    events: { rejected: () => undefined, accountLocked: () => undefined },
    newReservationId: () => 'r'
  })
  const answerer = { aud: 'auth-gateway', userId: user.userId, sessionId: user.sessionId } as const
  await t.rejects(answer({ challengeId, purpose: 'step_up', answerer, code: '123456', judge: () => Promise.reject(new RangeError('sealed with a lost key')) }, { caller: 'auth-gateway', commandId: 'cmd_1', requestId: 'req_1' }), RangeError)
  t.same(back.sort(), [challengeId, user.userId].sort())
})

t.test('each action is said in words of its own, over one line for what it is done to', async (t) => {
  const texts = Object.keys(stepUpActions).map((type) => stepUpText('usr_01KJMBQDE0YX9JA2E2RWE7DPKB', { type: type as StepUpAction['type'], resource_id: 'key_1' }))
  t.equal(new Set(texts).size, texts.length)
  for (const text of texts) t.ok(text.split('\n').length <= 4)
  const user = await enrol()
  await t.rejects(begin(user, { type: 'api_keys.rotate', resource_id: 'two\nlines' }), /resource_id/)
})

t.test('a command that is given many times at once is answered with one receipt each time, and costs nothing in the end', async (t) => {
  const user = await enrol()
  const { id, code } = await asked(user)
  const repeat = () => verify(user, id, user.factorId, code, 'cmd_the_same')
  const receipts = await Promise.all([repeat(), repeat(), repeat()])
  receipts.push(await repeat())
  t.equal(new Set(receipts.map(({ receipt }) => receipt)).size, 1)
  t.match(await db.collection<{ _id: string }>('failure_budgets').findOne({ _id: user.userId }), { failures: [], in_a_row: 0 })
  t.equal(await db.collection('receipts').countDocuments({ challenge_id: id }), 1)
})
