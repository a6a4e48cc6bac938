/** Signing in with a passkey, as otp-service judges it: whose it is, once, and nothing that was signed for anything else. */
import {
  beginFactorWipe, beginPasskey, beginPasskeySignIn, beginPasskeyStepUp, beginStepUp, confirmPasskey, passkeySignInPreimage, removeFactor, verifyPasskeySignIn, verifyPasskeyStepUp, type RequestOf, type StepUpAction
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { actionDigest, credentialHash } from '@countersign/secrets'
import t from 'tap'
import { newUser, openHouse, refusal } from './open-otp.ts'
import { softwareAuthenticator, type SoftwareAuthenticator, type Told } from './software-authenticator.ts'

const house = await openHouse(t)
const second = await house.openService()
const { db, gateway, ask } = house
const signIns = db.collection<{ _id: string }>('passkey_sign_ins')
const factors = db.collection<{ _id: string, counter: number, backed_up: boolean, last_used_at: Date | null }>('factors')

interface Person { readonly userId: string, readonly sessionId: string }
interface Holder extends Person { readonly factorId: string, readonly authenticator: SoftwareAuthenticator }
const by = ({ userId, sessionId }: Person) => ({ user_id: userId, session_id: sessionId })
const once = () => ({ ...ask, commandId: `cmd_${newId('idk')}` })

const holder = async (authenticator = softwareAuthenticator(), who: Person = newUser()): Promise<Holder> => {
  const { factor_id: factorId, options } = await gateway.call(beginPasskey, { ...by(who), account: 'ada' }, once())
  await gateway.call(confirmPasskey, { ...by(who), factor_id: factorId, credential: authenticator.create(options) }, once())
  return { ...who, factorId, authenticator }
}
const begin = () => gateway.call(beginPasskeySignIn, {}, ask)
const verify = (id: string, credential: RequestOf<typeof verifyPasskeySignIn>['credential'], commandId?: string) =>
  gateway.call(verifyPasskeySignIn, { challenge_id: id, credential }, commandId === undefined ? once() : { ...ask, commandId })
const signIn = async ({ authenticator }: Pick<Holder, 'authenticator'>, told: Told = {}) => {
  const { challenge_id: id, options } = await begin()
  return { id, ...await verify(id, authenticator.get(options, told)) }
}

t.test('whoever has a passkey is told by a receipt for the gateway alone', async (t) => {
  const user = await holder(softwareAuthenticator({ synced: true }))
  const { options } = await begin()
  t.same(Object.keys(options).sort(), ['challenge', 'rpId', 'timeout', 'userVerification'], 'nobody is named')
  t.not(options.challenge, (await begin()).options.challenge)

  const { id, receipt } = await signIn(user)
  t.match(await house.receipts.verify(receipt), {
    aud: 'auth-gateway', purpose: 'passkey_sign_in', sub: user.userId, challenge_id: id, factor_kind: 'passkey', shown: false,
    action_digest: actionDigest(passkeySignInPreimage(id, user.userId, credentialHash(user.authenticator.id)))
  })
  t.type((await factors.findOne({ _id: user.factorId }))?.last_used_at, Date)
})

t.test('unknown passkeys, wrong answers and challenges that are over are refused alike, and use the challenge up', async (t) => {
  const [user, other] = [await holder(), await holder()]
  const stranger = softwareAuthenticator()
  const tries: [string, SoftwareAuthenticator, Told][] = [
    ['a passkey that nobody added', stranger, { userHandle: 'A'.repeat(43) }], ['another origin', user.authenticator, { origin: 'https://evil.example' }], ['another domain', user.authenticator, { rpId: 'evil.example' }],
    ['another challenge', user.authenticator, { challenge: 'A'.repeat(43) }], ['a creation', user.authenticator, { type: 'webauthn.create' }], ['a user who was not verified', user.authenticator, { flags: 1 }],
    ['a frame', user.authenticator, { crossOrigin: true }], ['no handle', user.authenticator, { userHandle: null }], ['the handle of somebody else', user.authenticator, { userHandle: other.authenticator.userHandle() }]
  ]
  const answers = new Set<string>()
  for (const [what, authenticator, told] of tries) {
    const { challenge_id: id, options } = await begin()
    const wrong = verify(id, authenticator.get(options, told))
    answers.add(await wrong.then(() => 'none', (error: unknown) => JSON.stringify(error)))
    t.equal(await refusal(wrong), 'proof-rejected', what)
    t.equal(await refusal(verify(id, user.authenticator.get(options))), 'proof-rejected', `${what}, then a right one`)
  }
  t.equal(answers.size, 1)

  t.equal(await refusal(verify(newId('chl'), user.authenticator.get((await begin()).options))), 'proof-rejected', 'a challenge that nobody asked for')
  const late = await begin()
  await signIns.updateOne({ _id: late.challenge_id }, [{ $set: { expires_at: '$$NOW' } }])
  t.equal(await refusal(verify(late.challenge_id, user.authenticator.get(late.options))), 'proof-rejected', 'after its end')
})

t.test('of one right answer sent 100 times at once, over two processes, one gets a receipt; the same command reads it again', async (t) => {
  const user = await holder()
  user.authenticator.count(3)
  const { challenge_id: id, options } = await begin()
  const right = user.authenticator.get(options)
  const answers = await Promise.all(Array.from({ length: 100 }, () => refusal(verify(id, right))))
  t.ok(answers.filter((outcome) => outcome === 'none').length <= 1)
  t.equal(await db.collection('receipts').countDocuments({ user_id: user.userId }), 1)
  t.equal(await refusal(verify(id, right)), 'proof-rejected', 'later, too')

  user.authenticator.count(4)
  const again = await begin()
  const credential = user.authenticator.get(again.options)
  const first = await verify(again.challenge_id, credential, 'cmd_again')
  t.same(await verify(again.challenge_id, credential, 'cmd_again'), first)
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.counter_went_back', subject: user.userId }), 0)
})

t.test('a counter that does not grow signs nobody in, and is reported', async (t) => {
  const user = await holder()
  await signIn(user, { counter: 5 })
  for (const counter of [5, 4, 0]) t.equal(await refusal(signIn(user, { counter })), 'proof-rejected', `${counter} after 5`)
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.counter_went_back', subject: user.userId, 'facts.factor': user.factorId }), 3)
  const told = (await Promise.all([house.service, second].map(({ metrics }) => metrics()))).map((text) => Number(/^otp_passkey_counter_faults_total\S* (\d+)$/m.exec(text)?.[1] ?? NaN))
  t.equal(told.reduce((sum, count) => sum + count, 0), 3)
  t.ok((await signIn(user, { counter: 6 })).receipt)

  // Two authenticators with one key and one count.
  const [one, two] = [await begin(), await begin()]
  const outcomes = await Promise.all([one, two].map(async ({ challenge_id: id, options }) => await refusal(verify(id, user.authenticator.get(options, { counter: 7 })))))
  t.same(outcomes.sort(), ['none', 'proof-rejected'])
})

t.test('what is signed for one door opens no other', async (t) => {
  const user = await holder()
  const action: StepUpAction = { type: 'api_keys.rotate', resource_id: newId('key') }
  const { challenge_id: stepUp } = await gateway.call(beginStepUp, { ...by(user), action }, ask)
  const { options } = await gateway.call(beginPasskeyStepUp, { ...by(user), challenge_id: stepUp }, ask)
  const entry = await begin()
  const enrolment = await gateway.call(beginPasskey, { ...by(newUser()), account: 'eve' }, once())
  const answer = (id: string, challenge: string) => gateway.call(verifyPasskeyStepUp, { ...by(user), challenge_id: id, credential: user.authenticator.get({ challenge, rpId: 'localhost' }) }, once())

  t.equal(await refusal(answer(stepUp, entry.options.challenge)), 'proof-rejected', 'a sign-in is no second proof')
  t.equal(await refusal(answer(stepUp, enrolment.options.challenge)), 'proof-rejected', 'nor is an enrolment')
  t.equal(await refusal(answer(entry.challenge_id, entry.options.challenge)), 'proof-rejected', 'nor at the challenge that it is for')
  for (const challenge of [options.challenge, enrolment.options.challenge]) {
    const { challenge_id: id } = await begin()
    t.equal(await refusal(verify(id, user.authenticator.get({ challenge, rpId: 'localhost' }))), 'proof-rejected', 'a second proof and an enrolment sign nobody in')
  }
  t.equal(await refusal(verify(stepUp, user.authenticator.get(options))), 'proof-rejected')
  const { receipt } = await signIn(user)
  t.equal((await house.receipts.verify(receipt)).purpose, 'passkey_sign_in')
  t.ok((await answer(stepUp, options.challenge)).receipt, 'nobody used it up')
})

t.test('a passkey that was removed signs nobody in from then on, answers on their way included', async (t) => {
  const user = await holder()
  const entry = await begin()
  const onItsWay = user.authenticator.get(entry.options)
  const action: StepUpAction = { type: 'factors.remove', resource_id: user.factorId }
  const { challenge_id: stepUp } = await gateway.call(beginStepUp, { ...by(user), action }, ask)
  const { options } = await gateway.call(beginPasskeyStepUp, { ...by(user), challenge_id: stepUp }, ask)
  await gateway.call(verifyPasskeyStepUp, { ...by(user), challenge_id: stepUp, credential: user.authenticator.get(options) }, once())
  t.same(await gateway.call(removeFactor, { ...by(user), factor_id: user.factorId, step_up: stepUp }, ask), { factors_left: 0 }, 'the last one goes with its own proof')
  t.equal(await refusal(verify(entry.challenge_id, onItsWay)), 'proof-rejected')
  t.equal(await refusal(signIn(user)), 'proof-rejected')
  t.same(await gateway.call(beginFactorWipe, by(user), ask), { challenge: null }, 'a passkey is no address')
})
