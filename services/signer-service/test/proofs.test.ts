/** Which factors may confirm a transaction, what each of them is asked for, and what the signer makes of their receipts. */
import { challengeTransaction, confirmTransaction, createTransaction, problems, type FactorKind, type TransactionProof, type TransactionView } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import type { TestContext } from '@countersign/testing'
import t from 'tap'
import { checksummed } from '../src/chain/address.ts'
import { createPolicyRepository } from '../src/policies/policy-repository.ts'
import { createSetPolicy } from '../src/policies/set-policy.ts'
import { validatePolicy } from '../src/policies/validate-policy.ts'
import { openWorld, patiently, type House } from './house.ts'
import { rightCode, rightSignature } from './otp-double.ts'

const refusal = (kind: { slug: string }) => ({ name: 'Problem', kind: { slug: kind.slug } })
t.jobs = 2
const world = await openWorld(t)

/** As a rule of the policy wants it. */
async function opened (scope: TestContext, require: object): Promise<House> {
  const house = await world.house(scope)
  await house.start()
  await house.withParts(async (parts) => await createSetPolicy({ ...parts, policies: createPolicyRepository(parts.mongo.db), newPolicyId: () => newId('pol') })(validatePolicy({
    rules: [{ name: 'payouts', effect: 'allow', wallets: [house.wallet.id], destinations: [house.destination(0)], max_value: '1000000', require: { shown_proof: true, ...require } }]
  }, checksummed)))
  return house
}
const ask = async (house: House, value: string, asking = house.asking): Promise<TransactionView> => {
  const request = { ...asking, idempotency_key: newId('idk'), transfer: { wallet_id: house.wallet.id, chain_id: 31337, to: house.destination(0), value } }
  return (await patiently(async () => await house.call(createTransaction, request))).transaction
}
const challenge = async (house: House, { id }: TransactionView, more: object = {}) => await patiently(async () => await house.call(challengeTransaction, { ...house.asking, id, ...more }))
const kindsOf = ({ confirmation }: TransactionView): FactorKind[] => (confirmation?.factors ?? []).map(({ kind }) => kind).sort()
const factorOf = ({ confirmation }: TransactionView, kind: FactorKind): string => confirmation?.factors.find((one) => one.kind === kind)?.id ?? newId('fct')
const confirm = async (house: House, { id }: TransactionView, proof: TransactionProof): Promise<TransactionView> => await patiently(async () => await house.call(confirmTransaction, { ...house.asking, id, proof }))
const isUnderWay = ({ state }: TransactionView): boolean => state !== 'awaiting_confirmation' && state !== 'rejected'

t.test('what shows the transaction confirms it: a mail, a text message, a wallet; the view says what each of them needs', { buffered: true }, async (t) => {
  const house = await opened(t, {})
  const waiting = await ask(house, '1000')
  t.strictSame(kindsOf(waiting), ['email_code', 'sms', 'wallet'])
  t.strictSame(Object.fromEntries((waiting.confirmation?.factors ?? []).map(({ kind, needs }) => [kind, needs])), { email_code: 'sent_code', sms: 'sent_code', wallet: 'signature' })
  t.match(house.otp.challengeOf(waiting.id), { factor_kinds: ['email_code', 'sms', 'wallet'], short_text: new RegExp(`^Send 0.000000000000001 ETH to ${house.destination(0)} on chain 31337 from wallet main, fee at most [0-9.]+ ETH, until 20[0-9T:-]+Z, tx \\.\\.${waiting.id.slice(-8)}$`) })

  const sign = await challenge(house, waiting, { factor_id: factorOf(waiting, 'wallet') })
  t.match(sign, { sign: { message: 'sign this' }, challenge_id: waiting.confirmation?.challenge_id })
  await t.rejects(confirm(house, waiting, { factor_id: factorOf(waiting, 'wallet'), signature: 'another' }), refusal(problems.proofRejected))
  await t.rejects(confirm(house, waiting, { factor_id: newId('fct'), signature: rightSignature }), refusal(problems.stateConflict), 'a factor that is not among them')
  t.ok(isUnderWay(await confirm(house, waiting, { factor_id: factorOf(waiting, 'wallet'), signature: rightSignature })))

  const texted = await ask(house, '1001')
  t.ok(isUnderWay(await confirm(house, texted, { factor_id: factorOf(texted, 'sms'), code: rightCode })))
  const mailed = await ask(house, '1002')
  t.ok(isUnderWay(await confirm(house, mailed, { code: rightCode })))
  await t.rejects(confirm(house, await ask(house, '1003'), { factor_id: factorOf(waiting, 'totp'), code: rightCode }), refusal(problems.stateConflict), 'an app shows nothing')
})

t.test('what shows nothing confirms up to the amount that a rule writes down, and not a wei more', { buffered: true }, async (t) => {
  const house = await opened(t, { factor_kinds: ['email_code'], unshown: { factor_kinds: ['totp'], max_value: '5000' } })
  const small = await ask(house, '5000')
  t.strictSame(kindsOf(small), ['email_code', 'totp'])
  t.ok(isUnderWay(await confirm(house, small, { factor_id: factorOf(small, 'totp'), code: rightCode })))

  const large = await ask(house, '5001')
  t.strictSame(kindsOf(large), ['email_code'])
  await t.rejects(confirm(house, large, { factor_id: factorOf(small, 'totp'), code: rightCode }), refusal(problems.stateConflict))
  // A receipt of an app for it, however it was come by.
  const claims = { ...house.otp.claimsOf(house.otp.challengeOf(large.id)), factor_kind: 'totp' as const, shown: false }
  house.otp.switches.claims = () => claims
  await t.rejects(confirm(house, large, { code: rightCode }), refusal(problems.codeRejected))
  house.otp.switches.claims = (given) => given
  t.match((await house.audit({ event: 'receipt.refused', subject: large.id }))[0]?.facts, { reason: 'unshown', factor_kind: 'totp' })
  t.equal((await house.get(large.id)).state, 'awaiting_confirmation')
})

t.test('a factor that was added a moment ago confirms nothing where a rule wants an older one', { buffered: true }, async (t) => {
  const house = await opened(t, { least_factor_age_seconds: 3600 })
  const waiting = await ask(house, '1000')
  await t.rejects(confirm(house, waiting, { code: rightCode }), refusal(problems.codeRejected))
  t.match((await house.audit({ event: 'receipt.refused', subject: waiting.id }))[0]?.facts, { reason: 'factor_age' })
})

t.test('an API key asks and confirms nothing: its owner asks for a challenge in a session, and confirms there', { buffered: true }, async (t) => {
  const house = await opened(t, {})
  const transaction = await ask(house, '1000', { user_id: house.userId, session_id: newId('key') })
  t.equal(transaction.state, 'awaiting_confirmation')
  t.equal(transaction.confirmation, undefined, 'nothing is sent for a key')
  t.equal(house.otp.challenges.size, 0)
  await t.rejects(confirm(house, transaction, { code: rightCode }), refusal(problems.codeRejected))
  t.match(await challenge(house, transaction), { sent_to: 'a***@example.com' })
  t.ok(isUnderWay(await confirm(house, transaction, { code: rightCode })))
})
