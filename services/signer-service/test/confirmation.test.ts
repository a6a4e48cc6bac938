/** Admission, confirmation and whom the signer believes, against real MongoDB, Redis, KMS and chain. */
import t from 'tap'
import { createHash } from 'node:crypto'
import {
  challengeTransaction, confirmTransaction, createTransaction, getTransaction, listTransactions, Problem, problems, replyChannel, type MailboxReceiptClaims, type ReceiptClaims, type TransactionView
} from '@countersign/contracts'
import { connectRedis } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { createReceiptSigner, generateReceiptKey, randomToken } from '@countersign/secrets'
import { until } from '@countersign/testing'
import { checksummed } from '../src/chain/address.ts'
import { intentDigest, noDataHash } from '../src/chain/intent-digest.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { ether, openWorld, patienceMs, type House } from './house.ts'
import { rightCode } from './otp-double.ts'

const refusal = (kind: { slug: string }, extensions: object = {}) => ({ name: 'Problem', kind: { slug: kind.slug }, extensions })
// Scenarios mostly wait, each in a deployment of its own.
t.jobs = 6
const world = await openWorld(t, { blockTime: 1 })

/** A gateway with all that it may hold: it can say what it likes in a request. */
const create = async (house: House, changes: object = {}, transfer: object = {}) => await house.call(createTransaction, {
  ...house.asking,
  idempotency_key: newId('idk'),
  transfer: { wallet_id: house.wallet.id, chain_id: 31337, to: house.destination(0), value: '1000', ...transfer },
  ...changes
})

t.test('a transfer is refused before it is stored, and no chain is asked', { buffered: true }, async (t) => {
  // Nothing listens there: whoever asked the chain would wait or fail.
  const house = await world.house(t, { rpcUrl: 'http://127.0.0.1:9' })
  await house.start()
  const stranger = newId('usr')
  await t.rejects(create(house, { user_id: stranger }), refusal(problems.notPermitted))
  await t.rejects(create(house, {}, { wallet_id: newId('wal') }), refusal(problems.notPermitted))
  await t.rejects(create(house, {}, { to: '0x7e5F4552091A69125d5DfCb7b8C2659029395Bdf' }), refusal(problems.schemaViolation, { faults: [{ path: 'body/to' }] }))
  await t.rejects(create(house, {}, { to: `0x${'0'.repeat(40)}` }), refusal(problems.schemaViolation, { faults: [{ path: 'body/to' }] }))
  await t.rejects(create(house, {}, { chain_id: 1 }), refusal(problems.notPermitted))
  await t.rejects(create(house, {}, { value: (6n * ether).toString() }), refusal(problems.policyDenied, { detail: /default/ }))
  await t.rejects(create(house, {}, { to: '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF' }), refusal(problems.policyDenied))
  await t.rejects(create(house, {}, { to: house.wallet.address }), refusal(problems.policyDenied))
  t.equal(await house.db.collection('transactions').countDocuments(), 0)
  t.strictSame((await house.audit({ event: 'transaction.refused' })).map(({ facts, actor }) => [facts.reason, actor === stranger]),
    [['no_principal', true], ['wallet_not_granted', false], ['wrong_chain', false], ['policy', false], ['policy', false], ['policy', false]])

  const stored = await create(house)
  t.match(stored.transaction, { state: 'awaiting_confirmation', policy: { rule: 'small transfers', version: 1 }, confirmation: { sent_to: 'a***@example.com' } })
})

t.test('a wallet that may pay itself by policy is still refused, and a rule that denies is named', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const setPolicy = async (...rules: object[]): Promise<unknown> => await house.withParts(async (parts) =>
    await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({ rules }, checksummed)))
  await setPolicy({ name: 'itself', effect: 'allow', wallets: [house.wallet.id], destinations: [house.wallet.address], max_value: '5000', require: { shown_proof: true } })
  await t.rejects(create(house, {}, { to: house.wallet.address }), refusal(problems.schemaViolation, { faults: [{ path: 'body/to', message: /itself/ }] }))
  await setPolicy({ name: 'holiday', effect: 'deny' })
  await t.rejects(create(house), refusal(problems.policyDenied, { detail: /"holiday"/ }))
})

t.test('the same key twenty times in parallel is one transaction, asked about once and answered alike', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const key = newId('idk')
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await create(house, { idempotency_key: key })))
  t.equal(await house.db.collection('transactions').countDocuments(), 1)
  t.equal(house.otp.challenges.size, 1)
  t.equal(new Set(answers.map(({ transaction }) => JSON.stringify(transaction))).size, 1)
  t.equal(answers.filter(({ replayed }) => !replayed).length, 1)

  const id = answers[0]?.transaction.id ?? ''
  t.match(await create(house, { idempotency_key: key }, { to: house.destination(0).toLowerCase() }), { replayed: true, transaction: { id } }, 'another spelling is the same request')
  await t.rejects(create(house, { idempotency_key: key }, { value: '1001' }), refusal(problems.idempotencyConflict))
  await house.confirm(id)
  await house.reach(id, 'confirmed')
  t.strictSame((await create(house, { idempotency_key: key })).transaction, answers[0]?.transaction, 'the first answer stays the answer')
})

t.test('the mail shows exactly what is signed for', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const view = await house.request(3, { value: ether / 4n })
  const asked = house.otp.challengeOf(view.id)
  const row = await house.db.collection<{ _id: string, text: string, validUntil: Date }>('transactions').findOne({ _id: view.id })
  t.equal(asked.text, row?.text)
  t.match(asked.text, new RegExp(`Send 0\\.25 ETH \\(250000000000000000 wei\\)\nTo: ${house.destination(3)}\n`))
  t.equal(asked.action_digest, intentDigest({
    deployment: 'test-deployment', tx_id: view.id, initiator: house.userId, wallet: house.wallet.address, chain_id: 31337, to: house.destination(3), value: '250000000000000000',
    data_hash: noDataHash, max_fee_total: view.max_fee_total, valid_until: Math.floor(Date.parse(view.valid_until) / 1000), policy_version: 1
  }))
  t.equal(asked.action_digest, view.digest)
  t.match(asked, { user_id: house.userId, session_id: house.sessionId, factor_root: house.otp.factorRootOf(house.userId), action_ends_at: view.valid_until })
  const life = Date.parse(view.valid_until) - Date.parse(view.created_at)
  t.ok(life > 898_000 && life <= 900_000, String(life))
})

t.test('while otp-service is away the transaction waits, and whatever comes next asks again', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  await house.otp.stop()
  const key = newId('idk')
  const views = await Promise.all([create(house, { idempotency_key: key }), create(house), create(house)])
  for (const { transaction } of views) t.match({ state: transaction.state, asked: 'confirmation' in transaction }, { state: 'awaiting_confirmation', asked: false })
  const [replayed, challenged, confirmed] = views.map(({ transaction: { id } }) => id) as [string, string, string]
  await house.otp.start()

  t.match(await create(house, { idempotency_key: key }), { replayed: true, transaction: { id: replayed, confirmation: { attempts_left: 3 } } })
  t.match(await house.call(challengeTransaction, { ...house.asking, id: challenged }), { sent_to: 'a***@example.com' })
  const asked = await house.confirm(confirmed).catch((error: unknown) => error)
  t.match(asked, refusal(problems.codeRejected, { challenge_id: house.otp.challengeOf(confirmed).challenge_id }))
  t.equal(house.otp.challenges.size, 3)
  await Promise.all([replayed, challenged, confirmed].map(async (id) => {
    await house.confirm(id)
    await house.reach(id, 'confirmed')
  }))
  t.equal((await house.sentOnChain()).length, 3)
})

t.test('what otp-service refuses is told, and the transaction waits on', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const key = newId('idk')
  house.otp.switches.refuse = new Problem(problems.factorRequired)
  await t.rejects(create(house, { idempotency_key: key }), refusal(problems.factorRequired))
  house.otp.switches.refuse = undefined
  t.match(await create(house, { idempotency_key: key }), { replayed: true, transaction: { state: 'awaiting_confirmation', confirmation: {} } })
})

t.test('a wrong code moves nothing, the right one does, and a second confirm answers with the state', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const { id } = await house.request()
  await t.rejects(house.confirm(id, '000000'), refusal(problems.codeRejected, { attempts_left: 2 }))
  t.equal((await house.row(id))?.state, 'awaiting_confirmation')
  t.ok(['approved', 'assigned', 'signed', 'broadcast', 'mined'].includes((await house.confirm(id)).state))
  await house.reach(id, 'confirmed')
  t.equal((await house.confirm(id, '000000')).state, 'confirmed')
  await t.rejects(house.call(challengeTransaction, { ...house.asking, id }), refusal(problems.stateConflict))
  t.equal((await house.sentOnChain()).length, 1)
})

t.test('a new code is one of the same challenge while that lives, else of a fresh one', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const { id } = await house.request()
  const first = house.otp.challengeOf(id).challenge_id
  t.equal((await house.call(challengeTransaction, { ...house.asking, id })).challenge_id, first)
  t.equal(house.otp.challenges.get(first)?.sends, 2)

  for (let attempt = 0; attempt < 3; attempt++) await t.rejects(house.confirm(id, '000000'), refusal(problems.codeRejected))
  const second = await house.call(challengeTransaction, { ...house.asking, id })
  t.not(second.challenge_id, first)
  t.match((await house.audit({ event: 'transaction.challenged', subject: id }))[0]?.facts, { challenge: second.challenge_id, replaces: first })

  // Another session of the same user: the challenge it gets is its own.
  const elsewhere = { user_id: house.userId, session_id: newId('ses') }
  const third = await house.call(challengeTransaction, { ...elsewhere, id })
  await t.rejects(house.confirm(id), refusal(problems.codeRejected), 'not for the session that asked before')
  t.equal(house.otp.challengeOf(id).challenge_id, third.challenge_id)
  await house.call(confirmTransaction, { ...elsewhere, id, proof: { code: rightCode } })
  await house.reach(id, 'confirmed')
})

t.test('a user sees its own transactions only, page by page', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const made: TransactionView[] = []
  for (let index = 0; index < 5; index++) made.push(await house.request(index))
  const stranger = { user_id: newId('usr'), session_id: newId('ses') }
  const id = made[0]?.id ?? ''
  await t.rejects(house.call(getTransaction, { ...stranger, id }), refusal(problems.notFound))
  await t.rejects(house.call(confirmTransaction, { ...stranger, id, proof: { code: rightCode } }), refusal(problems.notFound))
  await t.rejects(house.call(challengeTransaction, { ...stranger, id }), refusal(problems.notFound))
  await t.rejects(house.get(newId('tx')), refusal(problems.notFound))
  t.strictSame(await house.call(listTransactions, { ...stranger, limit: 10 }), { data: [], next_cursor: null })

  const first = await house.call(listTransactions, { ...house.asking, limit: 3 })
  const second = await house.call(listTransactions, { ...house.asking, limit: 3, cursor: first.next_cursor ?? '' })
  t.strictSame([...first.data, ...second.data].map(({ id }) => id), made.map(({ id }) => id).sort().reverse())
  t.equal(second.next_cursor, null)
  await t.rejects(house.call(listTransactions, { ...stranger, limit: 3, cursor: first.next_cursor ?? '' }), refusal(problems.schemaViolation, { faults: [{ path: 'query/cursor' }] }))
  await t.rejects(house.call(listTransactions, { ...house.asking, limit: 3, cursor: 'AAAA' }), refusal(problems.schemaViolation))
  t.equal((await house.call(listTransactions, { ...house.asking, limit: 10, state: 'confirmed' })).data.length, 0)
})

t.test('what is not confirmed in time expires, and its code is worth nothing then', { buffered: true }, async (t) => {
  const house = await world.house(t, { env: { CONFIRMATION_TTL_SECONDS: '2' } })
  await house.start({ CLOCK_OFFSET_MS: '-3600000' })
  const [left, late] = [await house.request(0), await house.request(1)]
  const receipt = await house.otp.sign(house.otp.claimsOf(house.otp.challengeOf(late.id)))
  for (const { id } of [left, late]) await house.reach(id, 'expired')
  t.match(await house.get(left.id), { failure: { code: 'expired' }, history: [{ state: 'received' }, { state: 'awaiting_confirmation' }, { state: 'expired' }] })
  await house.otp.addJob(receipt, house.otp.claimsOf(house.otp.challengeOf(late.id)))
  await until(async () => (await house.audit({ event: 'receipt.refused', subject: late.id })).length === 1, { timeoutMs: patienceMs, what: 'the late receipt to be refused' })
  t.equal((await house.confirm(late.id)).state, 'expired')
  await t.rejects(house.call(challengeTransaction, { ...house.asking, id: late.id }), refusal(problems.stateConflict))
  t.equal((await house.sentOnChain()).length, 0)
})

t.test('a policy that changed meanwhile decides: the receipt is used up and nothing is signed', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const { id } = await house.request()
  await house.withParts(async (parts) => await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(
    validatePolicy({ rules: [{ name: 'freeze', effect: 'deny' }] }, checksummed)))
  t.match(await house.confirm(id), { state: 'rejected', failure: { code: 'policy_denied', detail: /freeze/ } })
  t.match((await house.audit({ event: 'transaction.rejected' }))[0]?.facts, { rule: 'freeze', policy_version: 2 })
  t.equal((await house.sentOnChain()).length, 0)
})

t.test('a principal that was withdrawn or given other factors confirms nothing', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const { id } = await house.request()
  const principals = house.db.collection<{ _id: string }>('principals')
  await principals.updateOne({ _id: house.userId }, { $set: { factorRoot: randomToken(32) } })
  await t.rejects(house.confirm(id), refusal(problems.codeRejected))
  await principals.deleteOne({ _id: house.userId })
  const claims = house.otp.claimsOf(house.otp.challengeOf(id))
  await house.otp.addJob(await house.otp.sign(claims), claims)
  await until(async () => (await house.audit({ event: 'receipt.refused' })).length === 2, { timeoutMs: patienceMs, what: 'both to be refused' })
  t.strictSame((await house.audit({ event: 'receipt.refused' })).map(({ facts }) => facts.reason), ['factor_root', 'principal'])
  t.equal((await house.row(id))?.state, 'awaiting_confirmation')
})

t.test('two hundred confirms in parallel use one receipt and make one transfer', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  house.otp.switches.sendJob = true
  const { id } = await house.request()
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, async () => await house.confirm(id)))
  t.ok(outcomes.some(({ status }) => status === 'fulfilled'))
  for (const outcome of outcomes) if (outcome.status === 'rejected') t.match(outcome.reason, refusal(problems.codeRejected))
  await house.reach(id, 'confirmed')
  t.equal(await house.db.collection('consumed_receipts').countDocuments(), 1)
  t.equal(await house.db.collection('attempts').countDocuments(), 1)
  t.equal((await house.sentOnChain()).length, 1)
  t.equal(await world.chain.balanceOf(house.destination(0)) > 0n, true)
})

t.test('a receipt whose reply was lost arrives by its job, and a second copy is written down and moves nothing', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  Object.assign(house.otp.switches, { loseReply: true, sendJob: true })
  const { id } = await house.request()
  await house.confirm(id).catch((error: unknown) => { t.match(error, refusal(problems.unavailable)) })
  await house.reach(id, 'confirmed')
  t.equal((await house.audit({ event: 'transaction.approved' }))[0]?.facts.via, 'job')

  Object.assign(house.otp.switches, { loseReply: false })
  // A slow machine may lose a reply of its own accord, and with it the second copy: the next transfer has one.
  const both: string[] = []
  await until(async () => {
    if ((await house.audit({ event: 'receipt.repeated' })).some(({ subject }) => both.includes(subject))) return true
    const { id: next } = await house.request(both.length + 1)
    both.push(next)
    await house.confirm(next).catch((error: unknown) => { t.match(error, refusal(problems.unavailable)) })
    await house.reach(next, 'confirmed')
    return false
  }, { timeoutMs: 3 * patienceMs, everyMs: 1_000, what: 'the second copy to be seen' })
  t.equal((await house.sentOnChain()).length, 1 + both.length)
})

t.test('forged, foreign, altered and replayed receipts move nothing, are counted, and leave a row of each kind', { buffered: true }, async (t) => {
  const house = await world.house(t)
  const { metrics } = await house.start()
  const { id } = await house.request()
  const victim = await house.request(1)
  const challenge = house.otp.challengeOf(id)
  const honest = house.otp.claimsOf(challenge)
  const thief = createReceiptSigner(generateReceiptKey().privateJwk)
  const b64 = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const claimsText = b64(honest)
  const [header, payload, signature] = (await house.otp.sign(honest)).split('.') as [string, string, string]
  const changed = (change: Partial<ReceiptClaims>) => ({ ...house.otp.claimsOf(challenge), ...change })
  const signed = async (change: Partial<ReceiptClaims>): Promise<string> => await house.otp.sign(changed(change))
  const mailbox: MailboxReceiptClaims = {
    jti: newId('rcp'), challenge_id: challenge.challenge_id, aud: 'auth-gateway', purpose: 'login_email', sub: challenge.user_id, proved_by: 'code', same_opener: true,
    action_digest: challenge.action_digest, iat: honest.iat
  }
  const [mailboxHeader] = (await house.otp.signMailbox(mailbox)).split('.')
  const otherDigest = house.otp.challengeOf(victim.id).action_digest

  const forged: [string, string, string][] = [
    ['another key', await thief.sign(honest), 'header'],
    ['another key under the pinned kid', `${header}.${payload}.${(await thief.sign(honest)).split('.')[2]}`, 'signature'],
    ['alg none', `${b64({ alg: 'none', typ: 'countersign-receipt+jwt' })}.${claimsText}.${signature}`, 'header'],
    ['no signature', `${header}.${payload}.`, 'form'],
    ['a changed payload', `${header}.${b64({ ...honest, sub: newId('usr') })}.${signature}`, 'signature'],
    ['no receipt at all', 'x', 'form'],
    ['another audience', await signed({ aud: 'auth-gateway' }), 'audience'],
    ['another purpose', await signed({ purpose: 'email_enrol' }), 'purpose'],
    ['another user', await signed({ sub: newId('usr') }), 'user'],
    ['another factor root', await signed({ factor_root: randomToken(32) }), 'factor_root'],
    ['the digest of another transaction', await signed({ action_digest: otherDigest }), 'digest'],
    ['another text', await signed({ text_sha256: createHash('sha256').update('Send 1 wei').digest('hex') }), 'text'],
    ['a proof that was not shown', await signed({ shown: false }), 'unshown'],
    ['an authenticator app', await signed({ factor_kind: 'totp', shown: false }), 'unshown'],
    ['a passkey', await signed({ factor_kind: 'passkey', shown: false }), 'unshown'],
    ['a wallet that says it showed nothing', await signed({ factor_kind: 'wallet', shown: false }), 'unshown'],
    ['a text message that showed the long text', await signed({ factor_kind: 'sms' }), 'text'],
    ['a recovery code', await signed({ factor_kind: 'recovery_codes', shown: false }), 'unshown'],
    ['a kind that the rule does not take', await signed({ factor_kind: 'totp' }), 'factor_kind'],
    ['a challenge of nobody', await signed({ challenge_id: newId('chl') }), 'unknown_challenge'],
    ['a receipt of a mailbox, about everything that it can be about', await house.otp.signMailbox(mailbox), 'header'],
    ['a receipt of a mailbox with a transaction\'s claims', `${mailboxHeader}.${payload}.${signature}`, 'header'],
    ['the challenge of another transaction', await signed({ challenge_id: house.otp.challengeOf(victim.id).challenge_id }), 'digest']
  ]
  for (const [, receipt] of forged) await house.otp.addJob(receipt, { jti: newId('rcp'), challenge_id: challenge.challenge_id })
  const counted = async (): Promise<number> => [...(await metrics.text()).matchAll(/^signer_receipts_refused_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  await until(async () => await counted() === forged.length, { timeoutMs: patienceMs, what: 'all to be refused' })
  const refused = await house.audit({ event: 'receipt.refused' })
  t.strictSame([...new Set(refused.map(({ facts }) => facts.reason))].sort(), [...new Set(forged.map(([, , reason]) => reason))].sort(), 'each kind has its row')
  t.equal(new Set(refused.map(({ facts, subject, walletId }) => [facts.reason, walletId === undefined ? '' : subject].join())).size, refused.length, 'and has it once a minute')
  for (const one of [id, victim.id]) t.equal((await house.row(one))?.state, 'awaiting_confirmation')
  t.match(await metrics.text(), /signer_receipts_refused_total\{reason="factor_root"\} 1/)

  // A receipt that otp-service was talked into by whoever owns the mailbox of somebody else.
  house.otp.switches.claims = (claims) => ({ ...claims, sub: newId('usr') })
  await t.rejects(house.confirm(id), refusal(problems.codeRejected))
  house.otp.switches.claims = (claims) => claims

  // The true one, twice, and then under the other transaction's name.
  const receipt = await house.otp.sign(honest)
  await house.otp.addJob(receipt, { jti: honest.jti, challenge_id: challenge.challenge_id })
  await house.reach(id, 'confirmed')
  await house.otp.addJob(receipt, { jti: newId('rcp'), challenge_id: challenge.challenge_id })
  await house.otp.addJob(await house.otp.sign({ ...honest, jti: newId('rcp') }), { jti: newId('rcp'), challenge_id: challenge.challenge_id })
  await until(async () => (await house.audit({ event: 'receipt.repeated', subject: id })).length === 1, { timeoutMs: patienceMs, what: 'the replay to be written down' })
  await until(async () => (await house.audit({ event: 'receipt.refused', subject: id, 'facts.reason': 'state' })).length === 1, { timeoutMs: patienceMs, what: 'a second receipt of one challenge to be refused' })
  t.equal((await house.sentOnChain()).length, 1)
  t.equal(await house.db.collection('consumed_receipts').countDocuments(), 1)
})

t.test('a reply forged onto the signer\'s channel is no receipt', { buffered: true }, async (t) => {
  const house = await world.house(t)
  await house.start()
  const { id } = await house.request()
  const redis = await connectRedis({ url: house.redisUrl, name: 'thief', log: house.log })
  t.teardown(() => { redis.disconnect() })
  const channels = await redis.pubsub('CHANNELS', `${replyChannel('signer-service', '*')}`) as string[]
  t.ok(channels.length > 0)
  const receipt = await createReceiptSigner(generateReceiptKey().privateJwk).sign(house.otp.claimsOf(house.otp.challengeOf(id)))
  const shoot = async (): Promise<void> => {
    for (const channel of channels) await redis.publish(channel, JSON.stringify([{ call: randomToken(16), reply: { receipt } }]))
  }
  await shoot()
  const wrong = house.confirm(id, '000000')
  await shoot()
  await t.rejects(wrong, refusal(problems.codeRejected))
  t.equal((await house.row(id))?.state, 'awaiting_confirmation')
  t.equal((await house.sentOnChain()).length, 0)
})
