/** Passkeys as factors: what makes one, what it answers, how often, and what is kept of it. The browser's part is a software authenticator. */
import { generateKeyPairSync } from 'node:crypto'
import {
  beginPasskey, beginPasskeyStepUp, beginStepUp, confirmPasskey, listFactors, removeFactor, renameFactor, sendStepUp, verifyPasskeyStepUp, verifyStepUp, type RequestOf, type StepUpAction
} from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import fc from 'fast-check'
import t from 'tap'
import { newUser, openHouse, refusal, wrong, type User } from './open-otp.ts'
import { softwareAuthenticator, type KeyType, type SoftwareAuthenticator, type Told } from './software-authenticator.ts'

const house = await openHouse(t, { CORS_ORIGINS: 'https://app.example.com' })
const second = await house.openService()
const { db, gateway, ask, mails, enrol } = house
const factors = db.collection<{ _id: string, counter: number, backed_up: boolean, last_used_at: Date | null, slot: string }>('factors')
const enrolments = db.collection<{ _id: string }>('passkey_enrolments')
const challenges = db.collection<{ _id: string, attempts_left: number }>('challenges')

interface Person { readonly userId: string, readonly sessionId: string }
const by = ({ userId, sessionId }: Person) => ({ user_id: userId, session_id: sessionId })
const action = (): StepUpAction => ({ type: 'api_keys.rotate', resource_id: newId('key') })
const once = () => ({ ...ask, commandId: `cmd_${newId('idk')}` })

const begin = (who: Person, stepUp?: string) => gateway.call(beginPasskey, { ...by(who), account: 'ada', ...stepUp !== undefined && { step_up: stepUp } }, once())
const confirm = (who: Person, factorId: string, credential: RequestOf<typeof confirmPasskey>['credential'], name?: string) =>
  gateway.call(confirmPasskey, { ...by(who), factor_id: factorId, credential, ...name !== undefined && { name } }, once())
/** A user with one passkey and nothing else. */
const withPasskey = async (authenticator = softwareAuthenticator(), who: Person = newUser()) => {
  const { factor_id: factorId, options } = await begin(who)
  await confirm(who, factorId, authenticator.create(options))
  return { ...who, factorId, authenticator }
}
const question = async (who: Person, about = action()): Promise<string> => (await gateway.call(beginStepUp, { ...by(who), action: about }, ask)).challenge_id
const optionsOf = async (who: Person, id: string) => (await gateway.call(beginPasskeyStepUp, { ...by(who), challenge_id: id }, ask)).options
const answer = (who: Person, id: string, credential: RequestOf<typeof verifyPasskeyStepUp>['credential'], commandId?: string) =>
  gateway.call(verifyPasskeyStepUp, { ...by(who), challenge_id: id, credential }, commandId === undefined ? once() : { ...ask, commandId })
const stepUp = async (user: Person & { readonly authenticator: SoftwareAuthenticator }, about = action(), told: Told = {}): Promise<string> => {
  const id = await question(user, about)
  await answer(user, id, user.authenticator.get(await optionsOf(user, id), told))
  return id
}

t.test('a passkey counts once it was made, and then answers with receipts that say it shows nothing', async (t) => {
  const who = newUser()
  const { factor_id: factorId, options } = await begin(who)
  t.match(options, {
    rp: { id: 'localhost', name: 'Countersign' }, user: { name: 'ada' }, attestation: 'none', timeout: 300_000, excludeCredentials: [],
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' }, pubKeyCredParams: [{ alg: -7 }, { alg: -8 }, { alg: -257 }]
  })
  t.equal(Buffer.from(options.challenge, 'base64url').length, 32)
  t.equal(Buffer.from(options.user.id, 'base64url').length, 32)
  t.notMatch(Buffer.from(options.user.id, 'base64url').toString(), who.userId, 'the handle is not the account')
  t.same((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors, [])

  const authenticator = softwareAuthenticator({ synced: true })
  const made = authenticator.create(options)
  const { factor } = await confirm(who, factorId, made, 'Laptop')
  t.match(factor, { id: factorId, kind: 'passkey', label: 'Laptop', shown: false, sends: false, backed_up: true, last_used_at: null })
  t.same((await confirm(who, factorId, made)).factor, factor, 'a lost reply is read again')
  t.same((await gateway.call(listFactors, { user_id: who.userId }, ask)).factors, [factor])

  const id = await question(who)
  const request = await optionsOf(who, id)
  t.match(request, { rpId: 'localhost', userVerification: 'required', allowCredentials: [{ id: authenticator.id, transports: ['internal'] }] })
  t.same(await optionsOf(who, id), request, 'asked twice, the same challenge')
  const { receipt } = await answer(who, id, authenticator.get(request))
  const claims = await house.receipts.verify(receipt)
  t.match(claims, { aud: 'auth-gateway', purpose: 'step_up', sub: who.userId, factor_kind: 'passkey', shown: false, challenge_id: id })
  t.equal(claims.factor_root, (await db.collection<{ _id: string, factor_root: string }>('factor_owners').findOne({ _id: who.userId }))?.factor_root)
  t.type((await factors.findOne({ _id: factorId }))?.last_used_at, Date)
  t.equal((await gateway.call(renameFactor, { user_id: who.userId, factor_id: factorId, name: 'Old laptop' }, ask)).factor.label, 'Old laptop')
})

t.test('every algorithm that is asked for makes one, and no other', async (t) => {
  for (const keyType of ['ES256', 'EdDSA', 'RS256'] as KeyType[]) {
    const user = await withPasskey(softwareAuthenticator({ keyType }))
    t.ok(await stepUp(user), keyType)
  }
})

t.test('beside another factor it takes that one\'s proof, is told by mail, and stands in the same root; several have names', async (t) => {
  const user = await enrol()
  t.equal(await refusal(begin(user)), 'step-up-required')
  const about: StepUpAction = { type: 'factors.add_passkey', resource_id: '-' }
  const byMail = async () => {
    const asked = await gateway.call(beginStepUp, { ...by(user), action: about }, ask)
    await gateway.call(sendStepUp, { ...by(user), challenge_id: asked.challenge_id, factor_id: user.factorId }, ask)
    await gateway.call(verifyStepUp, { ...by(user), challenge_id: asked.challenge_id, proof: { factor_id: user.factorId, code: await mails.code(user.address, 'Add a passkey') } }, ask)
    return asked.challenge_id
  }
  const proof = await byMail()
  const first = softwareAuthenticator()
  const begun = await begin(user, proof)
  t.equal(await refusal(begin(user, proof)), 'step-up-required', 'one proof, one passkey')
  await confirm(user, begun.factor_id, first.create(begun.options), 'Laptop')
  t.match(await mails.newest(user.address, ({ template }) => template === 'factor_added'), { parameters: { factor: 'Passkey: Laptop' } })

  const another = await stepUp({ ...user, authenticator: first }, about)
  const next = await begin(user, another)
  t.match(next.options.excludeCredentials, [{ id: first.id }])
  t.equal(next.options.user.id, begun.options.user.id, 'one account to an authenticator')
  const phone = softwareAuthenticator()
  await confirm(user, next.factor_id, phone.create(next.options), 'Telephone')
  const { factors: listed } = await gateway.call(listFactors, { user_id: user.userId }, ask)
  t.same(listed.map(({ label }) => label).slice(1), ['Laptop', 'Telephone'])
  const roots = await db.collection('factors').distinct('factor_root', { user_id: user.userId })
  t.same(roots, [user.factorRoot])

  const removal: StepUpAction = { type: 'factors.remove', resource_id: begun.factor_id }
  const own = await stepUp({ ...user, authenticator: first }, removal)
  t.equal(await refusal(gateway.call(removeFactor, { ...by(user), factor_id: begun.factor_id, step_up: own }, ask)), 'state-conflict', 'it goes with the proof of another one')
  const others = await stepUp({ ...user, authenticator: phone }, removal)
  t.same(await gateway.call(removeFactor, { ...by(user), factor_id: begun.factor_id, step_up: others }, ask), { factors_left: 2 })
  const id = await question(user)
  t.equal(await refusal(answer(user, id, first.get(await optionsOf(user, id)))), 'proof-rejected', 'it answers nothing any more')
})

t.test('one whose proof was taken away before it was made is none', async (t) => {
  const first = await withPasskey()
  const adding: StepUpAction = { type: 'factors.add_passkey', resource_id: '-' }
  const add = async () => await begin(first, await stepUp(first, adding))
  const second = softwareAuthenticator()
  const begun = await add()
  await confirm(first, begun.factor_id, second.create(begun.options))
  const pending = await add()
  await gateway.call(removeFactor, { ...by(first), factor_id: first.factorId, step_up: await stepUp({ ...first, authenticator: second }, { type: 'factors.remove', resource_id: first.factorId }) }, once())
  t.equal(await refusal(confirm(first, pending.factor_id, softwareAuthenticator().create(pending.options))), 'proof-rejected')
  t.same((await gateway.call(listFactors, { user_id: first.userId }, ask)).factors.map(({ id }) => id), [begun.factor_id])
})

t.test('what a browser of another origin, another domain or another challenge made is none', async (t) => {
  const who = newUser()
  const { factor_id: factorId, options } = await begin(who)
  const authenticator = softwareAuthenticator()
  const certificates = { fmt: 'packed', attStmt: new Map<string, unknown>([['alg', -7], ['sig', new Uint8Array(70)], ['x5c', [new Uint8Array(300)]]]) }
  const tries: [string, Told][] = [
    ['another origin', { origin: 'https://evil.example' }], ['another port', { origin: 'http://localhost:8001' }], ['a subdomain', { origin: 'http://a.localhost:8000' }],
    ['an origin in other letters', { origin: 'http://LOCALHOST:8000' }], ['a path behind it', { origin: 'http://localhost:8000/' }],
    ['another domain', { rpId: 'evil.example' }], ['another challenge', { challenge: 'A'.repeat(43) }], ['no challenge', { challenge: '' }], ['an assertion', { type: 'webauthn.get' }],
    ['a frame', { crossOrigin: true }], ['a frame that names its top', { crossOrigin: true, topOrigin: 'https://evil.example' }],
    ['a user who was not verified', { flags: 1 }], ['a user who was not there', { flags: 4 }], ['backed up and not eligible', { flags: 5 | 16 }],
    ['certificates', { format: certificates }], ['a TPM', { format: { ...certificates, fmt: 'tpm' } }], ['Apple', { format: { ...certificates, fmt: 'apple' } }], ['Android', { format: { ...certificates, fmt: 'android-key' } }],
    ['no format known', { format: { fmt: 'ours', attStmt: new Map() } }], ['none, with a statement', { format: { fmt: 'none', attStmt: new Map([['sig', new Uint8Array(8)]]) } }]
  ]
  for (const [what, told] of tries) t.equal(await refusal(confirm(who, factorId, authenticator.create(options, told))), 'proof-rejected', what)

  const made = authenticator.create(options)
  const other = softwareAuthenticator().id
  t.equal(await refusal(confirm(who, factorId, { ...made, id: other, rawId: other })), 'proof-rejected', 'another id than the attested one')
  t.equal(await refusal(confirm({ ...who, sessionId: newId('ses') }, factorId, made)), 'proof-rejected', 'another session')
  t.equal(await refusal(confirm(newUser(), factorId, made)), 'proof-rejected', 'another user')
  t.equal(await refusal(confirm(who, newId('fct'), made)), 'proof-rejected', 'an enrolment that nobody began')
  await confirm(who, factorId, made)
  t.equal(await refusal(confirm(who, factorId, softwareAuthenticator().create(options))), 'proof-rejected', 'the challenge was used')

  const thief = newUser()
  const theirs = await begin(thief)
  t.equal(await refusal(confirm(thief, theirs.factor_id, authenticator.create(theirs.options))), 'proof-rejected', 'a passkey has one owner')
})

t.test('a listed origin may make and use one', async (t) => {
  const user = await withPasskey(softwareAuthenticator({ origin: 'https://app.example.com' }))
  t.ok(await stepUp(user))
})

t.test('after five minutes the challenge is over, by the database\'s clock', async (t) => {
  const who = newUser()
  const { factor_id: factorId, options, expires_at: expiresAt } = await begin(who)
  t.ok(Math.abs(new Date(expiresAt).getTime() - Date.now() - 300_000) < 60_000)
  await enrolments.updateOne({ _id: factorId }, [{ $set: { expires_at: '$$NOW' } }])
  t.equal(await refusal(confirm(who, factorId, softwareAuthenticator().create(options))), 'proof-rejected')
})

t.test('of 100 confirmations at once, over two processes, one makes a factor', async (t) => {
  const who = newUser()
  const { factor_id: factorId, options } = await begin(who)
  const answers = await Promise.all(Array.from({ length: 100 }, () => refusal(confirm(who, factorId, softwareAuthenticator().create(options)))))
  t.ok(answers.filter((outcome) => outcome === 'none').length <= 1)
  t.equal(await factors.countDocuments({ user_id: who.userId }), 1)
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.enrolled', subject: who.userId }), 1)
})

t.test('an answer confirms its own question, to its own session, by its owner, and nothing else', async (t) => {
  const [user, other] = await Promise.all([withPasskey(), withPasskey()])
  const [first, next, theirs] = [await question(user), await question(user), await question(other)]
  const right = user.authenticator.get(await optionsOf(user, first))
  for (const [what, call] of [
    ['another question of the same session', () => answer(user, next, right)],
    ['another session', () => answer({ ...user, sessionId: newId('ses') }, first, right)],
    ['another user', () => answer(other, theirs, right)],
    ['another user at this question', () => answer({ ...user, userId: other.userId }, first, right)],
    ['the passkey of another user', async () => answer(user, first, other.authenticator.get(await optionsOf(user, first)))],
    ['the key of another passkey', async () => answer(user, first, user.authenticator.get(await optionsOf(user, first), { signedBy: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }))],
    ['the handle of another user', async () => answer(user, first, user.authenticator.get(await optionsOf(user, first), { userHandle: other.authenticator.userHandle() }))],
    ['a question that nobody asked', () => answer(user, newId('chl'), right)]
  ] as const) t.equal(await refusal(call()), 'proof-rejected', what)
  t.equal(await refusal(optionsOf(user, theirs)), 'not-found')
  t.equal(await refusal(optionsOf(await enrol(), first)), 'not-found')

  const tries: [string, Told][] = [
    ['another origin', { origin: 'https://evil.example' }], ['another domain', { rpId: 'evil.example' }], ['a creation', { type: 'webauthn.create' }], ['a frame', { crossOrigin: true }],
    ['a top origin without a frame', { topOrigin: 'http://localhost:8000' }], ['a user who was not verified', { flags: 1 }], ['a user who was not there', { flags: 4 }], ['one that may be backed up by now', { flags: 5 | 8 }]
  ]
  for (const [what, told] of tries) t.equal(await refusal(answer(user, first, user.authenticator.get(await optionsOf(user, first), told))), 'proof-rejected', what)
  t.equal((await challenges.findOne({ _id: first }))?.attempts_left, 3, 'nothing of this spent an attempt')
  t.ok((await answer(user, first, right)).receipt, 'nobody else used it up')
  t.equal(await refusal(answer(user, first, right)), 'proof-rejected', 'once')
})

t.test('of one right answer sent 100 times at once, over two processes, one is answered with a receipt', async (t) => {
  const user = await withPasskey()
  user.authenticator.count(7)
  const id = await question(user)
  const right = user.authenticator.get(await optionsOf(user, id))
  const answers = await Promise.all(Array.from({ length: 100 }, () => refusal(answer(user, id, right))))
  t.ok(answers.filter((outcome) => outcome === 'none').length <= 1)
  t.equal(await db.collection('receipts').countDocuments({ user_id: user.userId }), 1)
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.counter_went_back', subject: user.userId }), 0, 'who repeats an answer has copied nothing')
  t.equal((await factors.findOne({ _id: user.factorId }))?.counter, 7)

  const repeated = await question(user)
  user.authenticator.count(8)
  const credential = user.authenticator.get(await optionsOf(user, repeated))
  const replies = [await answer(user, repeated, credential, 'cmd_repeated'), await answer(user, repeated, credential, 'cmd_repeated')]
  t.same(replies[1], replies[0], 'a lost reply is read again')
})

t.test('a counter that does not grow is refused and reported; the flag of a backup is kept with it', async (t) => {
  const user = await withPasskey()
  const faults = async (): Promise<number> => (await Promise.all([house.service, second].map(async ({ metrics }) => Number(/^otp_passkey_counter_faults_total\S* (\d+)$/m.exec(await metrics())?.[1] ?? NaN)))).reduce((sum, count) => sum + count, 0)
  const before = await faults()
  await stepUp(user, action(), { counter: 10 })
  const id = await question(user)
  const options = await optionsOf(user, id)
  for (const counter of [10, 9, 1, 0]) t.equal(await refusal(answer(user, id, user.authenticator.get(options, { counter }))), 'proof-rejected', `${counter} after 10`)
  t.equal(await faults(), before + 4)
  t.equal(await db.collection('audit').countDocuments({ event: 'factor.counter_went_back', subject: user.userId, 'facts.kept': 10 }), 4)
  t.match(house.logs.text(), /passkey counter went back/)
  t.equal((await factors.findOne({ _id: user.factorId }))?.counter, 10)
  t.ok((await answer(user, id, user.authenticator.get(options, { counter: 11 }))).receipt, 'the question is still there')

  const synced = await withPasskey(softwareAuthenticator({ synced: true }))
  await stepUp(synced, action(), { flags: 5 | 8 })
  t.match(await factors.findOne({ _id: synced.factorId }), { counter: 0, backed_up: false })
  await stepUp(synced)
  t.match(await factors.findOne({ _id: synced.factorId }), { counter: 0, backed_up: true })
})

t.test('wrong codes lock no passkey out, and what a passkey is refused for locks no code', async (t) => {
  const user: User = await enrol()
  const about: StepUpAction = { type: 'factors.add_passkey', resource_id: '-' }
  const asked = async (what = action()) => {
    const { challenge_id: id } = await gateway.call(beginStepUp, { ...by(user), action: what }, ask)
    await gateway.call(sendStepUp, { ...by(user), challenge_id: id, factor_id: user.factorId }, ask)
    return { id, code: await mails.code(user.address, what.resource_id === '-' ? 'Add a passkey' : what.resource_id) }
  }
  const code = (id: string, typed: string) => gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.factorId, code: typed } }, once())
  const proof = await asked(about)
  await code(proof.id, proof.code)
  const authenticator = softwareAuthenticator()
  const begun = await begin(user, proof.id)
  await confirm(user, begun.factor_id, authenticator.create(begun.options))

  const still = await asked()
  for (let tries = 0; tries < 40; tries++) await refusal(answer(user, still.id, authenticator.get(await optionsOf(user, still.id), { challenge: 'A'.repeat(43) })))
  t.ok((await code(still.id, still.code)).receipt, '40 refusals later a code is right at once')

  // Another session of the user, which never answered rightly before.
  const thief = { ...user, sessionId: newId('ses') }
  let locked = 'none'
  for (let tries = 0; tries < 40 && locked !== 'factor-locked'; tries++) {
    const id = await question(thief)
    for (const typed of ['000000', '111111', '222222']) locked = await refusal(gateway.call(verifyStepUp, { ...by(thief), challenge_id: id, proof: { factor_id: user.factorId, code: typed } }, once()))
  }
  t.equal(locked, 'factor-locked')
  const id = await question(thief)
  t.ok((await answer(thief, id, authenticator.get(await optionsOf(thief, id)))).receipt)
})

t.test('bytes of no kind are more than a refusal', async (t) => {
  const user = await withPasskey()
  const id = await question(user)
  const right = user.authenticator.get(await optionsOf(user, id))
  const who = newUser()
  const { factor_id: factorId, options } = await begin(who)
  const made = softwareAuthenticator().create(options)
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((given) => Buffer.from(given).toString('base64url'))
  const flipped = (text: string) => fc.nat({ max: text.length - 1 }).map((at) => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`)
  const cut = (text: string) => fc.integer({ min: 1, max: text.length - 1 }).map((at) => text.slice(0, at))
  const changed = (text: string) => fc.oneof(bytes, flipped(text), cut(text))

  const fieldsOf = ['clientDataJSON', 'authenticatorData', 'signature'] as const
  const assertions = fc.oneof(...fieldsOf.map((field) => changed(right.response[field]).filter((text) => text !== right.response[field]).map((text) => ({ ...right, response: { ...right.response, [field]: text } }))))
  const creations = fc.oneof(...(['clientDataJSON', 'attestationObject'] as const).map((field) => changed(made.response[field]).filter((text) => text !== made.response[field]).map((text) => ({ ...made, response: { ...made.response, [field]: text } }))))
  // A changed last character may stand for the same bytes.
  const refused = async (call: Promise<unknown>) => ['proof-rejected', 'none'].includes(await refusal(call))
  await fc.assert(fc.asyncProperty(assertions, async (credential) => {
    const own = await question(user)
    return await refused(answer(user, own, credential))
  }), { numRuns: 60 })
  await fc.assert(fc.asyncProperty(creations, async (credential) => {
    const outcome = await refusal(confirm(who, factorId, credential))
    return outcome === 'proof-rejected' || await factors.countDocuments({ user_id: who.userId }) === 1
  }), { numRuns: 60 })
  for (const broken of [{ ...right, id: '' }, { ...right, id: 'a b' }, { ...right, type: 'password' }, { ...right, rawId: 'A'.repeat(2_000) }, { ...right, response: { ...right.response, signature: 7 } }, { ...right, response: undefined }, null, 'text', []]) {
    await t.rejects(answer(user, id, broken as never), /credential/, JSON.stringify(broken).slice(0, 40))
  }
  t.ok((await answer(user, id, right)).receipt)
})

t.test('a user has no more than twenty', async (t) => {
  const user = await withPasskey()
  const kept = await factors.findOne({ _id: user.factorId })
  if (kept === null) throw new Error('no passkey')
  await factors.insertMany(Array.from({ length: 19 }, (_, index) => ({ ...kept, _id: newId('fct'), slot: `${kept.slot}${index}` })))
  t.equal(await refusal(begin(user, await stepUp(user, { type: 'factors.add_passkey', resource_id: '-' }))), 'too-many')
})

t.test('a code is no answer of a passkey', async (t) => {
  const user = await withPasskey()
  const id = await question(user)
  t.equal(await refusal(gateway.call(verifyStepUp, { ...by(user), challenge_id: id, proof: { factor_id: user.factorId, code: wrong('123456') } }, ask)), 'code-rejected')
})
