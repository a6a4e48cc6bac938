/** Codes that are sent at the same time share their writes: who may send nothing is refused alone, and what is not committed is not there for anybody. */
import { beginStepUp, createChallenge, sendStepUp, verifyStepUp, type StepUpAction } from '@countersign/contracts'
import { createAudit, createOutbox, inTransaction } from '@countersign/mongo'
import { newId } from '@countersign/runtime'
import { randomToken } from '@countersign/secrets'
import t from 'tap'
import { createChallengeRepository } from '../src/challenges/challenge-repository.ts'
import { createSealCode } from '../src/challenges/code-sms.ts'
import { createCodes } from '../src/challenges/codes.ts'
import { createOpenTogether } from '../src/challenges/open-together.ts'
import { createSendTogether, type SendTogether } from '../src/challenges/send-together.ts'
import { createMailWriter } from '../src/mail/mail-writer.ts'
import { createSmsWriter } from '../src/sms/sms-writer.ts'
import type { Transact } from '../src/transaction.ts'
import { openHouse, refusal, type User } from './open-otp.ts'

const house = await openHouse(t, { OTP_SENDS_PER_MINUTE: '2' })
const { db, mongo, mails, gateway, ask, enrol } = house

const begin = async ({ userId, sessionId }: User) => {
  const action: StepUpAction = { type: 'api_keys.rotate', resource_id: newId('key') }
  const { challenge_id: id } = await gateway.call(beginStepUp, { user_id: userId, session_id: sessionId, action }, ask)
  return { id, action }
}
const send = ({ userId, sessionId, factorId }: User, id: string, commandId?: string) =>
  gateway.call(sendStepUp, { user_id: userId, session_id: sessionId, challenge_id: id, factor_id: factorId }, { ...ask, ...commandId !== undefined && { commandId } })
const verify = ({ userId, sessionId, factorId }: User, id: string, code: string) =>
  gateway.call(verifyStepUp, { user_id: userId, session_id: sessionId, challenge_id: id, proof: { factor_id: factorId, code } }, ask)
const challengeOf = async (id: string) => await db.collection<{ _id: string, sends: number, code_mac: string | null }>('challenges').findOne({ _id: id })
const told = async (id: string) => await db.collection('audit').countDocuments({ subject: id, event: { $in: ['challenge.sent', 'challenge.resent'] } })

t.test('of codes sent at once the limited, the answered and the repeated are refused or answered alone, and nobody pays or is mailed twice', async (t) => {
  const [limited, done, repeating, ...others] = await Promise.all(Array.from({ length: 8 }, () => enrol())) as [User, User, User, ...User[]]
  const used = await begin(limited)
  await send(limited, used.id)
  await send(limited, used.id)
  const usedCode = await mails.newest(limited.address, ({ parameters }) => 'text' in parameters && parameters.text.includes(used.action.resource_id))
  const before = await challengeOf(used.id)
  const over = await begin(done)
  await send(done, over.id)
  await verify(done, over.id, await mails.code(done.address, over.action.resource_id))
  const again = await begin(repeating)
  const plain = await Promise.all(others.map(begin))

  const [ofLimited, ofDone, ...rest] = await Promise.all([
    refusal(send(limited, used.id)), refusal(send(done, over.id)),
    ...Array.from({ length: 5 }, () => refusal(send(repeating, again.id, `cmd_${again.id}`))),
    ...others.map((user, i) => refusal(send(user, plain[i]?.id ?? '')))
  ])

  t.equal(ofLimited, 'send-limited')
  t.equal(ofDone, 'state-conflict')
  t.same(new Set(rest), new Set(['none']))
  t.same(await challengeOf(used.id), before, 'the code that was sent before is the one that counts')
  t.equal(await told(used.id), 2)
  t.match(await challengeOf(again.id), { sends: 1 })
  t.equal(await told(again.id), 1)
  for (const [i, { id, action }] of plain.entries()) {
    const user = others[i] as User
    t.match(await challengeOf(id), { sends: 1 })
    t.equal(await told(id), 1)
    t.equal(await refusal(verify(user, id, await mails.code(user.address, action.resource_id))), 'none')
    t.equal(mails.to(user.address).filter(({ parameters }) => 'text' in parameters && parameters.text.includes(action.resource_id)).length, 1)
  }
  t.ok(usedCode)
  t.equal(await refusal(send(repeating, again.id)), 'none', 'five repetitions paid for one')
})

t.test('of questions opened at once the limited, the ended and the repeated are refused or answered alone, and each of the others has its own code', async (t) => {
  const [limited, ended, repeating, ...others] = await Promise.all(Array.from({ length: 8 }, () => enrol())) as [User, User, User, ...User[]]
  const { signer, transaction } = house
  const ask3 = async (request: ReturnType<typeof transaction>) => await refusal(signer.call(createChallenge, request, ask))
  for (let i = 0; i < 2; i++) t.equal(await ask3(transaction(limited)), 'none')
  const [tooMany, late, again] = [transaction(limited), transaction(ended, { action_ends_at: '2020-01-01T00:00:00Z' }), transaction(repeating)]
  const plain = others.map((user) => transaction(user))
  const action: StepUpAction = { type: 'api_keys.rotate', resource_id: newId('key') }
  const commandId = newId('cmd')
  const begun = Array.from({ length: 5 }, () => gateway.call(beginStepUp, { user_id: ended.userId, session_id: ended.sessionId, action }, { ...ask, commandId }))

  const [ofLimited, ofEnded, ...rest] = await Promise.all([ask3(tooMany), ask3(late), ...Array.from({ length: 5 }, () => ask3(again)), ...plain.map(ask3)])
  t.equal(ofLimited, 'send-limited')
  t.equal(ofEnded, 'state-conflict')
  t.same(new Set(rest), new Set(['none']))
  t.equal(new Set((await Promise.all(begun)).map(({ challenge_id: id }) => id)).size, 1, 'one command begins one question')
  for (const { challenge_id: id } of [tooMany, late]) t.equal(await challengeOf(id), null, 'nothing of it was written')
  const created = async (id: string) => await db.collection('audit').countDocuments({ subject: id, event: 'challenge.created' })
  for (const [i, { challenge_id: id, text }] of [again, ...plain].entries()) {
    const user = [repeating, ...others][i] as User
    t.equal(await created(id), 1)
    t.equal(await refusal(house.verify(user, id, await mails.code(user.address, text))), 'none')
    t.equal(mails.to(user.address).filter(({ parameters }) => 'text' in parameters && parameters.text === text).length, 1)
  }

  let transactions = 0
  const outbox = createOutbox(db)
  const sealing = { outbox, sealKey: Buffer.alloc(32, 7), newDeliveryId: () => newId('dlv') }
  const open = createOpenTogether({
    challenges: createChallengeRepository(db), sealCode: createSealCode({ mails: createMailWriter(sealing), texts: createSmsWriter(sealing) }), outbox, audit: createAudit(db),
    transact: async (work) => await inTransaction(mongo, async (session) => { transactions++; return await work(session) })
  })
  const draft = { id: '', aud: 'auth-gateway' as const, purpose: 'step_up' as const, userId: 'usr_x', sessionId: 'ses_x', factorId: null, address: null, actionDigest: '0x', text: '$NOW', actionEndsAt: null, fingerprint: 'f', enrolment: null, codeMac: null, pepperId: null, attemptsMax: 3 }
  const ids = Array.from({ length: 6 }, () => newId('chl'))
  const opened = await Promise.all([...ids, ids[0] ?? ''].map((id) => open({
    opening: { challenge: { ...draft, id, commandId: newId('cmd') }, ttlSeconds: 60 }, requestId: 'req-test', audited: (challenge) => ({ event: 'challenge.created', subject: challenge.id })
  })))
  t.same(opened.map((one) => one?.challenge.id), [...ids, undefined], 'an id is opened once')
  t.equal(opened[0]?.challenge.text, '$NOW')
  t.equal(transactions, 1, 'one for all of them')
  t.same(await Promise.all(ids.map(created)), ids.map(() => 1))
})

t.test('two codes for one challenge at the same time come after one another: the last one counts', async (t) => {
  const user = await enrol()
  const { id, action } = await begin(user)
  t.same(await Promise.all([refusal(send(user, id)), refusal(send(user, id))]), ['none', 'none'])
  t.match(await challengeOf(id), { sends: 2 })
  t.equal(await told(id), 2)
  const codes = () => mails.to(user.address).flatMap(({ parameters }) => 'code' in parameters && 'text' in parameters && parameters.text.includes(action.resource_id) ? [parameters.code] : [])
  await mails.newest(user.address, () => codes().length === 2)
  const answers: string[] = []
  for (const code of codes()) answers.push(await refusal(verify(user, id, code)))
  t.equal(answers.filter((answer) => answer === 'none').length, 1)
})

t.test('a process that ends before the commit has written nothing of any of them, and whoever asks again pays no second time', async (t) => {
  const users = await Promise.all(Array.from({ length: 5 }, () => enrol()))
  const ids = (await Promise.all(users.map(begin))).map(({ id }) => id)
  const challenges = createChallengeRepository(db)
  const outbox = createOutbox(db)
  const sealing = { outbox, sealKey: Buffer.alloc(32, 7), newDeliveryId: () => newId('dlv') }
  const codes = createCodes(randomToken(48))
  const openWith = (transact: Transact): SendTogether =>
    createSendTogether({ challenges, sealCode: createSealCode({ mails: createMailWriter(sealing), texts: createSmsWriter(sealing) }), outbox, audit: createAudit(db), transact })
  let transactions = 0
  const living = openWith(async (work) => await inTransaction(mongo, async (transaction) => { transactions++; return await work(transaction) }))
  const dying = openWith(async (work) => await inTransaction(mongo, async (transaction) => {
    await work(transaction)
    throw new Error('the process ended')
  }))
  const paid = users.map(() => 0)
  const sendings = await Promise.all(users.map(async ({ address, factorId, userId, sessionId }, i) => {
    const challenge = await challenges.findFor(ids[i] ?? '', { aud: 'auth-gateway', userId, sessionId })
    if (challenge === undefined) throw new Error('no challenge')
    const { code, ...stored } = codes.draw(challenge)
    let taken: Promise<void> | undefined
    return {
      renewal: { challenge, code: stored, ttlSeconds: undefined, commandId: `cmd_${i}_${challenge.id}`, to: { factorId, address } }, code, requestId: newId('req'),
      takeSend: () => taken ??= (async () => { paid[i] = (paid[i] ?? 0) + 1 })()
    }
  }))
  const jobs = async () => await db.collection('outbox').countDocuments({})
  const before = await jobs()

  t.ok((await Promise.allSettled(sendings.map((sending) => dying(sending)))).every(({ status }) => status === 'rejected'))
  t.equal(await jobs(), before)
  for (const id of ids) {
    t.match(await challengeOf(id), { sends: 0, code_mac: null })
    t.equal(await told(id), 0)
  }

  const sent = await Promise.all(sendings.map((sending) => living(sending)))
  t.same(sent.map((one) => one?.challenge.sends), ids.map(() => 1))
  t.equal(transactions, 1, 'one for all of them')
  t.equal(await jobs(), before + ids.length)
  t.same(paid, ids.map(() => 1))
})
