/** The end of an account: what otp-service wipes, on whose proof, and what a stolen gateway cannot have it wipe. */
import { createHash } from 'node:crypto'
import {
  accountDeletedOtp, accountDeleteOtp, beginFactorWipe, beginPasskey, beginTotp, confirmFactorWipe, describeFactors, listFactors, wipeActionPreimage, type PayloadOf, type RequestOf
} from '@countersign/contracts'
import { createProducer, jobConnection, startWorker } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t from 'tap'
import { maskAddress } from '../src/factors/factor.ts'
import { newAddress, newUser, openHouse, refusal, wrong, type CodeMail, type User } from './open-otp.ts'

const house = await openHouse(t)
const { begin, confirm, enrol, mails, receipts, db, gateway, signer, ask } = house
const owners = db.collection<{ _id: string }>('factor_owners')

const acknowledged: PayloadOf<typeof accountDeletedOtp>[] = []
const producer = createProducer(accountDeleteOtp, { ...house.io, connection: jobConnection(house.redis.url, 'auth-gateway') })
const worker = startWorker(accountDeletedOtp, {
  ...house.io, connection: jobConnection(house.redis.url, 'auth-gateway'), handle: async (payload) => { acknowledged.push(payload) }
})
t.teardown(() => Promise.all([producer.close(), worker.close()]))

type Who = Pick<User, 'userId' | 'sessionId'>
const beginWipe = ({ userId, sessionId }: Who, commandId?: string) =>
  gateway.call(beginFactorWipe, { user_id: userId, session_id: sessionId }, { ...ask, ...commandId !== undefined && { commandId } })
const confirmWipe = ({ userId, sessionId }: Who, proof?: RequestOf<typeof confirmFactorWipe>['proof'], commandId?: string) =>
  gateway.call(confirmFactorWipe, { user_id: userId, session_id: sessionId, ...proof && { proof } }, { ...ask, ...commandId !== undefined && { commandId } })
const wipeMail = async ({ address, userId }: User) => await mails.newest(address, (mail) => mail.template === 'code' && mail.parameters.text.includes(`Delete the account ${userId}`)) as CodeMail
const prove = async (user: User): Promise<string | null> => {
  const { challenge } = await beginWipe(user)
  return (await confirmWipe(user, { challenge_id: String(challenge?.challenge_id), code: (await wipeMail(user)).parameters.code })).receipt
}
/** As the gateway's queue brings it. */
const deletion = async (userId: string, id = newId('del')) => {
  await producer.add({ deletion_id: id, user_id: userId, request_id: 'req-test' })
  return await until(() => acknowledged.find(({ deletion_id: known }) => known === id), { what: 'the acknowledgement', timeoutMs: 45_000 })
}
const hasFactor = async ({ userId }: Who) => await refusal(signer.call(describeFactors, { user_id: userId }, ask)) === 'none'

t.test('with the code of its own mailbox an account loses its factor for good, and the receipt says what was shown', async (t) => {
  const user = await enrol()
  const pending = await house.challenge(user)
  await begin({ user_id: user.userId, session_id: user.sessionId, email: newAddress() })
  const listed = await gateway.call(listFactors, { user_id: user.userId }, ask)
  t.match(listed, { factors: [{ kind: 'email_code', label: maskAddress(user.address) }] })
  t.notMatch(JSON.stringify(listed), user.address)
  const { challenge } = await beginWipe(user)
  t.equal(challenge?.sent_to, maskAddress(user.address))
  const mail = await wipeMail(user)
  const { receipt } = await confirmWipe(user, { challenge_id: String(challenge?.challenge_id), code: mail.parameters.code })
  t.match(await receipts.verify(String(receipt)), {
    aud: 'auth-gateway', purpose: 'account_delete', sub: user.userId, challenge_id: challenge?.challenge_id, factor_root: user.factorRoot, shown: true,
    action_digest: `0x${createHash('sha256').update(wipeActionPreimage(user.userId)).digest('hex')}`,
    text_sha256: createHash('sha256').update(mail.parameters.text).digest('hex')
  })
  t.ok(await hasFactor(user), 'the proof alone wipes nothing')

  t.match(await deletion(user.userId), { user_id: user.userId, factors: 'wiped', request_id: 'req-test' })

  t.notOk(await hasFactor(user))
  t.equal(await db.collection('factors').countDocuments({ user_id: user.userId }), 0)
  t.same(await gateway.call(listFactors, { user_id: user.userId }, ask), { factors: [] })
  for (const { name } of await db.listCollections().toArray()) {
    const rows = (await db.collection(name).find({}).toArray()).map((row) => JSON.stringify(row)).filter((row) => row.includes(user.userId) || row.includes(user.address))
    t.notMatch(rows.join('\n'), /@mail\.example\.com/, `${name} holds no address of theirs`)
  }
  t.equal(await db.collection<{ _id: string }>('failure_budgets').countDocuments({ _id: user.userId }), 0)
  t.equal(await refusal(house.verify(user, pending.id, pending.code)), 'code-rejected', 'a code that was on its way is dead')
  const email = newAddress()
  const again = await begin({ user_id: user.userId, session_id: user.sessionId, email })
  t.equal(await refusal(confirm({ user_id: user.userId, session_id: user.sessionId, challenge_id: again.challenge_id, code: await mails.code(email) })), 'code-rejected', 'nobody enrols a factor for that id again')
  t.match(await db.collection('audit').find({ event: 'account.deletion_done', subject: user.userId }).toArray(), [{ requestId: 'req-test', facts: { factors: 'wiped' } }])
})

t.test('a deletion that nobody proved wipes nothing, and says so', async (t) => {
  const [victim, thief] = [await enrol(), await enrol()]
  await prove(thief)
  const { challenge } = await beginWipe(victim)

  t.match(await deletion(victim.userId), { factors: 'retained' })

  t.ok(await hasFactor(victim))
  t.match(await db.collection('factors').findOne({ user_id: victim.userId }), { address: victim.address })
  t.match(await db.collection('audit').findOne({ event: 'account.deletion_done', subject: victim.userId }), { facts: { factors: 'retained' } })
  t.ok(house.logs.lines().some((line) => JSON.stringify(line).includes('"retained"')), 'an operator can see it')
  t.ok((await confirmWipe(victim, { challenge_id: String(challenge?.challenge_id), code: (await wipeMail(victim)).parameters.code })).receipt, 'its own code is still good')
  t.match(await deletion(victim.userId), { factors: 'wiped' })
})

t.test('no other code, of no other session and no other user, is that proof', async (t) => {
  const [user, other] = [await enrol(), await enrol()]
  t.equal(await refusal(confirmWipe(user)), 'factor-proof-required')
  const { challenge } = await beginWipe(user)
  const id = String(challenge?.challenge_id)
  const { code } = (await wipeMail(user)).parameters
  const transaction = await house.challenge(user)
  const address = newAddress()
  const change = await begin({ user_id: user.userId, session_id: user.sessionId, email: address })
  const forChange = await mails.code(user.address, address)

  for (const [name, who, proof] of [
    ['a wrong code', user, { challenge_id: id, code: wrong(code) }],
    ['another session', { ...user, sessionId: newId('ses') }, { challenge_id: id, code }],
    ['another user', other, { challenge_id: id, code }],
    ['the code of a transaction', user, { challenge_id: transaction.id, code: transaction.code }],
    ['the code of a changed address', user, { challenge_id: String(change.existing_factor?.challenge_id), code: forChange }],
    ['no such challenge', user, { challenge_id: newId('chl'), code }]
  ] as const) t.equal(await refusal(confirmWipe(who, proof)), 'code-rejected', name)
  t.equal(await refusal(house.verify(user, id, code)), 'code-rejected', 'and it confirms no transaction')
  t.match(await deletion(user.userId), { factors: 'retained' })

  t.ok((await confirmWipe(user, { challenge_id: id, code })).receipt)
  t.match(await deletion(other.userId), { factors: 'retained' }, 'nor does it serve another account')
  t.equal(await refusal(confirmWipe(user, { challenge_id: id, code })), 'code-rejected', 'it is used up')
})

t.test('a code that went to an address which was replaced since proves nothing', async (t) => {
  const user = await enrol()
  const { challenge } = await beginWipe(user)
  const { code } = (await wipeMail(user)).parameters
  const email = newAddress()
  const change = await begin({ user_id: user.userId, session_id: user.sessionId, email })
  await confirm({ user_id: user.userId, session_id: user.sessionId, challenge_id: change.challenge_id, code: await mails.code(email), existing_code: await mails.code(user.address, email) })

  t.equal(await refusal(confirmWipe(user, { challenge_id: String(challenge?.challenge_id), code })), 'code-rejected')
})

t.test('a proof that no deletion followed within a week is no proof any more', async (t) => {
  const user = await enrol()
  await prove(user)
  await owners.updateOne({ _id: user.userId }, [{ $set: { 'wipe_proof.at': { $subtract: ['$$NOW', 7 * 86_400_000] } } }])

  t.match(await deletion(user.userId), { factors: 'retained' })
  t.ok(await hasFactor(user))
})

t.test('an account without a factor needs no code, and is done at once', async (t) => {
  const user = newUser()
  t.same(await beginWipe(user), { challenge: null })
  t.same(await confirmWipe(user), { receipt: null })
  for (const begin of [gateway.call(beginPasskey, { user_id: user.userId, session_id: user.sessionId, account: 'ada' }, ask), gateway.call(beginTotp, { user_id: user.userId, session_id: user.sessionId }, ask)]) await begin
  t.match(await deletion(user.userId), { factors: 'none' })
  for (const begun of ['passkey_enrolments', 'totp_enrolments']) t.equal(await db.collection(begun).countDocuments({ user_id: user.userId }), 0, `what was begun is gone: ${begun}`)
  await t.resolves(enrol(newAddress(), user), 'and such a job keeps nobody from enrolling one')
})

t.test('commands and jobs that come twice do their work once and answer the same', async (t) => {
  const user = await enrol()
  const begun = await Promise.all(Array.from({ length: 5 }, () => beginWipe(user, 'cmd-wipe')))
  for (const one of begun) t.same(one, begun[0])
  const proof = { challenge_id: String(begun[0]?.challenge?.challenge_id), code: (await wipeMail(user)).parameters.code }
  t.equal(mails.to(user.address).filter((mail) => mail.template === 'code' && mail.parameters.text.includes('Delete')).length, 1)
  t.equal(await refusal(beginWipe(newUser(), 'cmd-wipe')), 'state-conflict', 'the id of somebody else\'s command')

  const proved = await confirmWipe(user, proof, 'cmd-prove')
  t.same(await confirmWipe(user, proof, 'cmd-prove'), proved)
  t.equal(await refusal(confirmWipe(user, { ...proof, code: wrong(proof.code) }, 'cmd-prove')), 'code-rejected')

  const id = newId('del')
  await deletion(user.userId, id)
  const before = await db.collection('audit').countDocuments({ subject: user.userId })
  // Redis was emptied, and the gateway's outbox brings the job again.
  await house.redis.flush()
  await producer.add({ deletion_id: id, user_id: user.userId, request_id: 'req-test' })
  await until(async () => await producer.stateOf(id) === 'finished', { what: 'the repeated job', timeoutMs: 45_000 })
  t.equal(await db.collection('audit').countDocuments({ subject: user.userId }), before)
  t.equal(await db.collection('outbox').countDocuments({ queue: accountDeletedOtp.name, jobId: id }), 1)
  t.match(await deletion(user.userId), { factors: 'none' }, 'another deletion of the same account finds nothing left')
})
