/** Factors: enrolling an address, changing it, and what others may know of it. */
import { createHash } from 'node:crypto'
import { describeFactors, emailActionPreimage, Problem, problems } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import t from 'tap'
import type { RightAnswer } from '../src/challenges/answer-challenge.ts'
import type { Challenge } from '../src/challenges/challenge.ts'
import { createChallengeRepository } from '../src/challenges/challenge-repository.ts'
import { createConfirmEmailFactor } from '../src/factors/confirm-email-factor.ts'
import { maskAddress } from '../src/factors/factor.ts'
import { createFactorRepository } from '../src/factors/factor-repository.ts'
import { newAddress, newUser, openHouse, refusal, wrong, type CodeMail } from './open-otp.ts'

const house = await openHouse(t)
const { begin, confirm, enrol, mails, receipts, db, signer, ask } = house

t.test('an address is masked down to two characters and the top level', async (t) => {
  t.equal(maskAddress('alice@example.com'), 'a***@e***.com')
  t.equal(maskAddress('b@mail.example.co.uk'), 'b***@m***.uk')
})

t.test('the first address proved makes a factor with a fresh root, and a receipt for the gateway alone', async (t) => {
  const who = newUser()
  const address = newAddress()
  const begun = await begin({ user_id: who.userId, session_id: who.sessionId, email: address })
  const mail = await mails.newest(address) as CodeMail
  t.equal(begun.sent_to, 'p***@m***.com')
  t.notOk(begun.existing_factor)
  t.match(mail.parameters.text, new RegExp(`Add this e-mail address to the account ${who.userId}`))
  t.ok(mail.parameters.text.includes(address), 'the mail says what the code does')
  t.equal(mail.parameters.expires_at, begun.expires_at)
  t.ok(mails.requestIds.includes('req-test'), 'the request id travels with the mail')

  const proved = await confirm({ user_id: who.userId, session_id: who.sessionId, challenge_id: begun.challenge_id, code: mail.parameters.code })
  const claims = await receipts.verify(proved.receipt)
  t.match(claims, { aud: 'auth-gateway', purpose: 'email_enrol', sub: who.userId, challenge_id: begun.challenge_id, shown: true, factor_age_seconds: 0 })
  t.equal(claims.action_digest, `0x${createHash('sha256').update(emailActionPreimage('email_enrol', who.userId, address)).digest('hex')}`)
  t.equal(claims.text_sha256, createHash('sha256').update(mail.parameters.text).digest('hex'))

  const described = await signer.call(describeFactors, { user_id: who.userId }, ask)
  t.same(described, { factor_root: claims.factor_root, factors: [{ factor_id: proved.factor_id, kind: 'email_code', masked: 'p***@m***.com', proved_at: proved.proved_at }] })
  for (const [expected_email, matches] of [[address, true], [address.toUpperCase(), true], [newAddress(), false]] as const) {
    t.same(await signer.call(describeFactors, { user_id: who.userId, expected_email }, ask), { ...described, matches_expected: matches })
  }
  t.equal(await refusal(signer.call(describeFactors, { user_id: newId('usr') }, ask)), 'factor-required')
  t.match(await db.collection('audit').findOne({ event: 'factor.enrolled', subject: who.userId }), { requestId: 'req-test' })
  t.equal(await refusal(begin({ user_id: who.userId, session_id: who.sessionId, email: address.toUpperCase() })), 'state-conflict')
})

t.test('changing the address needs the code of the old mailbox and of the new one, and tells the old one', async (t) => {
  const user = await enrol()
  const next = newAddress()
  const request = { user_id: user.userId, session_id: user.sessionId }
  const begun = await begin({ ...request, email: next })
  t.equal(begun.existing_factor?.sent_to, maskAddress(user.address))
  const [fresh, old] = [await mails.code(next), await mails.code(user.address, next)]
  const pending = await house.challenge(user)
  const attempt = (code: string, existing_code?: string) => confirm({ ...request, challenge_id: begun.challenge_id, code, ...existing_code !== undefined && { existing_code } })
  const left = async (id: string | undefined) => (await db.collection<{ _id: string, attempts_left: number }>('challenges').findOne({ _id: String(id) }))?.attempts_left

  t.equal(await refusal(attempt(fresh)), 'code-rejected', 'no code of the old one')
  t.same([await left(begun.existing_factor?.challenge_id), await left(begun.challenge_id)], [3, 3], 'nothing compared, nothing counted')
  t.equal(await refusal(attempt(fresh, wrong(old))), 'code-rejected')
  t.same([await left(begun.existing_factor?.challenge_id), await left(begun.challenge_id)], [2, 3], 'the old mailbox is counted first')
  t.equal(await refusal(attempt(wrong(fresh), old)), 'code-rejected')
  t.equal(await refusal(confirm({ ...request, challenge_id: String(begun.existing_factor?.challenge_id), code: old, existing_code: old })), 'code-rejected', 'the other challenge is not an enrolment')
  const before = await signer.call(describeFactors, { user_id: user.userId }, ask)
  t.equal(before.factors[0]?.factor_id, user.factorId)

  const changed = await attempt(fresh, old)
  const after = await signer.call(describeFactors, { user_id: user.userId }, ask)
  t.equal(after.factor_root, user.factorRoot, 'the root is inherited')
  t.same(after.factors.map(({ factor_id }) => factor_id), [changed.factor_id])
  t.equal((await receipts.verify(changed.receipt)).factor_root, user.factorRoot)
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_changed'), { parameters: { masked: maskAddress(next) } })
  t.notOk(mails.to(next).some(({ template }) => template === 'factor_changed'))
  t.equal(await refusal(house.verify(user, pending.id, pending.code)), 'code-rejected', 'a code that went to the old mailbox is dead')
  t.equal(await db.collection('receipts').countDocuments({ user_id: user.userId }), 3)
})

t.test('a change without the code that went to the old mailbox is refused, however the challenge was read at first', async (t) => {
  const user = await enrol()
  const email = newAddress()
  const begun = await begin({ user_id: user.userId, session_id: user.sessionId, email })
  const challenges = createChallengeRepository(db)
  const right = (challenge: Challenge): RightAnswer =>
    ({ challenge, bySentCode: true, reservation: { id: 'x', granted: true, spends: false, lock: { closed: false, retryAfterSeconds: 0 } }, answeredAt: new Date() })
  const [fresh, old] = [await challenges.find(begun.challenge_id), await challenges.find(String(begun.existing_factor?.challenge_id))]
  if (fresh === undefined || old === undefined) throw new Error('a challenge is not there')
  const applied: unknown[] = []

  /** As if the first read had shown another row than the one that was answered. */
  const confirmAfter = async (early: Challenge | undefined, answeredFirst: Challenge) => {
    const answers = [answeredFirst, fresh]
    const confirm = createConfirmEmailFactor({
      challenges: { findFor: async () => early },
      factors: createFactorRepository(db),
      receipts: { ofChallenge: async () => undefined },
      answering: {
        answer: async () => right((early === undefined ? fresh : answers.shift()) ?? fresh),
        release: async () => undefined,
        reject: async () => new Problem(problems.codeRejected)
      },
      applyEnrolment: async (change) => { applied.push(change); return [] },
      codes: { matches: () => false },
      events: { accepted: () => undefined },
      sign: async () => 'receipt',
      transact: async (work) => await work(undefined as never),
      dispatch: async () => undefined,
      newReceiptId: () => newId('rcp'),
      newFactorRoot: () => 'root'
    })
    const request = { user_id: user.userId, session_id: user.sessionId, challenge_id: begun.challenge_id, code: '000000', existing_code: '000000' }
    return await refusal(confirm(request, { caller: 'auth-gateway', commandId: 'cmd-early', requestId: 'req-test' }))
  }

  t.equal(await confirmAfter(undefined, old), 'code-rejected', 'nothing was there, so no old code was asked for')
  t.equal(await confirmAfter(fresh, { ...old, id: newId('chl') }), 'code-rejected', 'the code of another challenge')
  t.same(applied, [])
  t.equal(await confirmAfter(fresh, old), 'none')
  t.equal(applied.length, 1)
})

t.test('of first enrolments that race, one wins and replaces nothing', async (t) => {
  const { userId } = newUser()
  const addresses = [newAddress(), newAddress(), newAddress()]
  const begun = await Promise.all(addresses.map(async (email) => {
    const sessionId = newId('ses')
    return { sessionId, email, id: (await begin({ user_id: userId, session_id: sessionId, email })).challenge_id }
  }))
  const codes = await Promise.all(begun.map(({ email }) => mails.code(email)))

  const results = await Promise.allSettled(begun.map(({ sessionId, id }, i) => confirm({ user_id: userId, session_id: sessionId, challenge_id: id, code: codes[i] ?? '' })))

  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const result of results) if (result.status === 'rejected') t.match(result.reason, { kind: problems.codeRejected })
  t.equal(await db.collection('factors').countDocuments({ user_id: userId }), 1)
})

t.test('beginning again cancels what this session began, and nothing of another session', async (t) => {
  const { userId, sessionId } = newUser()
  const [mine, later, others] = [newAddress(), newAddress(), newAddress()]
  const first = await begin({ user_id: userId, session_id: sessionId, email: mine })
  const other = newId('ses')
  const foreign = await begin({ user_id: userId, session_id: other, email: others })
  await begin({ user_id: userId, session_id: sessionId, email: later })

  t.equal(await refusal(confirm({ user_id: userId, session_id: sessionId, challenge_id: first.challenge_id, code: await mails.code(mine) })), 'code-rejected')
  await t.resolves(confirm({ user_id: userId, session_id: other, challenge_id: foreign.challenge_id, code: await mails.code(others) }))
})

t.test('a beginning repeated in parallel mails each mailbox once and answers alike', async (t) => {
  const user = await enrol()
  const email = newAddress()
  const replies = await Promise.all(Array.from({ length: 6 }, () => begin({ user_id: user.userId, session_id: user.sessionId, email }, 'cmd-parallel')))

  for (const reply of replies) t.same(reply, replies[0])
  t.equal(await db.collection('challenges').countDocuments({ command_id: 'cmd-parallel' }), 2, 'one for each mailbox')
  await mails.code(email)
  await mails.code(user.address, email)
  const sentTo = (address: string) => mails.to(address).filter((mail) => mail.template === 'code' && mail.parameters.text.includes(email)).length
  t.same([sentTo(email), sentTo(user.address)], [1, 1])
})

t.test('a command repeated after a lost reply does nothing twice and answers the same', async (t) => {
  const { userId, sessionId } = newUser()
  const address = newAddress()
  const begun = await begin({ user_id: userId, session_id: sessionId, email: address }, 'cmd-begin')
  t.same(await begin({ user_id: userId, session_id: sessionId, email: address }, 'cmd-begin'), begun)
  const code = await mails.code(address)
  const request = { user_id: userId, session_id: sessionId, challenge_id: begun.challenge_id, code }

  const proved = await confirm(request, 'cmd-confirm')

  t.same(await confirm(request, 'cmd-confirm'), proved)
  t.equal(await refusal(confirm({ ...request, code: wrong(code) }, 'cmd-confirm')), 'code-rejected')
  t.equal(await refusal(confirm(request, 'cmd-another')), 'code-rejected')
  t.equal(mails.to(address).length, 1)
  t.equal(await refusal(begin({ user_id: newId('usr'), session_id: sessionId, email: newAddress() }, 'cmd-begin')), 'state-conflict', 'the id of somebody else\'s command')
})
