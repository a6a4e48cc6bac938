/** Step-ups at the gateway's doors: what they open, how often, for whom, and what of otp-service's answers is believed. */
import { createHash } from 'node:crypto'
import {
  beginSms, beginStepUp, beginTotp, confirmEmailFactor, confirmSms, confirmTotp, listFactors, makeRecoveryCodes, objectToFactor, problems, Problem, removeFactor, renameFactor, sendStepUp, stepUpPreimage, verifyStepUp, type ReceiptClaims, type StepUpAction
} from '@countersign/contracts'
import { handle } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { createReceiptSigner, generateReceiptKey } from '@countersign/secrets'
import { startBrowser } from '@countersign/testing'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { buildHouse, signIn, type Answer, type Tokens } from './open-gateway.ts'

const house = await buildHouse(t)
const gateway = await house.open()
const other = await house.open()
const honest = createReceiptSigner(house.receiptKey.privateJwk)
const forger = createReceiptSigner(generateReceiptKey().privateJwk)
const factor = { id: 'fct_01HZZZZZZZZZZZZZZZZZZZZZZZ', kind: 'email_code' as const, label: 'a***@e***.com', shown: true, sends: true, proved_at: '2030-01-01T00:00:00Z' }
const questions = new Map<string, { userId: string, sessionId: string, action: StepUpAction }>()
let enrolled = true
/** How the stand-in bends its next receipts. */
let bend: (claims: ReceiptClaims) => ReceiptClaims = (claims) => claims
let sign = honest.sign
const heard: string[] = []

/** What otp-service was asked to change, and with which step-up. */
const changes: object[] = []
let left = 1
const changing = <Reply>(reply: () => Reply) => (request: { readonly step_up?: string }): Promise<Reply> => {
  changes.push(request)
  if (enrolled && request.step_up === undefined) throw new Problem(problems.stepUpRequired, { action: { type: 'factors.add_totp', resource_id: '-' } })
  return Promise.resolve(reply())
}
const objectionToken = 'qT4v8Zr1LxW0bNcY7uKd3mEoS9hGfJ2aPiV5tRkXyB6'
const objections: string[] = []
const app = { id: newId('fct'), kind: 'totp' as const, label: 'Telephone', shown: false, sends: false, proved_at: '2030-01-01T00:00:00Z' }
await house.answerFor('otp-service', [
  handle(confirmEmailFactor, () => { throw new Problem(problems.unavailable) }),
  handle(beginTotp, changing(() => ({ factor_id: app.id, secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', expires_at: '2030-01-01T00:00:00Z' }))),
  handle(confirmTotp, (request) => {
    changes.push(request)
    return Promise.resolve({ factor: app })
  }),
  handle(beginSms, ({ phone_number: number, ...request }) => {
    if (number.startsWith('+49')) throw new Problem(problems.numberNotServed)
    return changing(() => ({ challenge_id: newId('chl'), sent_to: '+41…••12', expires_at: '2030-01-01T00:00:00Z', attempts_left: 3 }))(request)
  }),
  handle(confirmSms, (request) => {
    changes.push(request)
    return Promise.resolve({ factor: { ...app, kind: 'sms' as const, label: 'Telephone, +41…••12', shown: true, sends: true } })
  }),
  handle(makeRecoveryCodes, changing(() => ({ factor: { ...app, kind: 'recovery_codes' as const, codes_left: 10 }, codes: ['7Q4Z-0RWA-K93M-VX1D'] }))),
  handle(removeFactor, changing(() => ({ factors_left: left }))),
  handle(objectToFactor, ({ token }) => {
    objections.push(token)
    if (token !== objectionToken) throw new Problem(problems.codeRejected)
    return Promise.resolve({ removed: true })
  }),
  handle(renameFactor, ({ name }) => Promise.resolve({ factor: { ...app, label: name } })),
  handle(listFactors, () => Promise.resolve({ factors: enrolled ? [factor] : [] })),
  handle(beginStepUp, ({ user_id: userId, session_id: sessionId, action }) => {
    if (!enrolled) throw new Problem(problems.factorRequired)
    const id = newId('chl')
    questions.set(id, { userId, sessionId, action })
    return Promise.resolve({ challenge_id: id, expires_at: '2030-01-01T00:00:00Z', attempts_left: 3, factors: [factor] })
  }),
  handle(sendStepUp, ({ challenge_id: id }) => Promise.resolve({ challenge_id: id, sent_to: 'a***@e***.com', expires_at: '2030-01-01T00:00:00Z', attempts_left: 3 })),
  handle(verifyStepUp, async ({ challenge_id: id, proof: { code } }, { commandId }) => {
    heard.push(commandId)
    const question = questions.get(id)
    if (question === undefined || code !== '123456') throw new Problem(problems.codeRejected)
    const { userId, sessionId, action } = question
    return {
      receipt: await sign(bend({
        jti: `rcp_${id.slice(4)}`, challenge_id: id, aud: 'auth-gateway', purpose: 'step_up', sub: userId, factor_root: 'A'.repeat(43), factor_kind: 'email_code', shown: true,
        factor_age_seconds: 0, action_digest: `0x${createHash('sha256').update(stepUpPreimage(userId, sessionId, action)).digest('hex')}`, text_sha256: '0'.repeat(64), iat: Math.floor(Date.now() / 1_000)
      }))
    }
  })
])

const users = house.mongo.db.collection<{ _id: string }>('users')
const stepUps = house.mongo.db.collection<{ _id: string }>('step_ups')
const newUser = (): Promise<Tokens> => signIn(gateway, privateKeyToAccount(generatePrivateKey()))
const withFactor = async (): Promise<Tokens> => {
  const tokens = await newUser()
  await users.updateOne({ _id: tokens.userId }, { $set: { hasFactor: true } })
  return tokens
}
const makeKey = ({ access }: Tokens, stepUp?: string, body: object = {}): Promise<Answer> =>
  gateway.send('POST', '/api/v1/api-keys', { token: access, body: { name: 'nightly', scopes: ['profile:read'], ...body }, ...stepUp !== undefined && { headers: { 'step-up': stepUp } } })
const forKeys: StepUpAction = { type: 'api_keys.create', resource_id: 'profile:read' }
const ask = async ({ access }: Tokens, action: StepUpAction = forKeys): Promise<string> => {
  const answer = await gateway.send('POST', '/api/v1/step-ups', { token: access, body: { action } })
  return String(answer.json['id'])
}
const answer = ({ access }: Tokens, id: string, code = '123456'): Promise<Answer> =>
  gateway.send('POST', `/api/v1/step-ups/${id}/verify`, { token: access, body: { factor_id: factor.id, code } })
const stepUp = async (tokens: Tokens, action?: StepUpAction): Promise<string> => {
  const id = await ask(tokens, action)
  await answer(tokens, id)
  return id
}

t.test('a route says which proof it wants; with it the request is done, and once', async (t) => {
  const tokens = await withFactor()
  const refused = await makeKey(tokens)
  t.match(refused, { status: 401, json: { type: '/problems/step-up-required', action: forKeys } })
  t.match(refused.headers.get('www-authenticate'), /error="insufficient_user_authentication", acr_values="urn:countersign:step-up"/)

  const asked = await gateway.send('POST', '/api/v1/step-ups', { token: tokens.access, body: { action: refused.json['action'] } })
  t.match(asked, { status: 201, json: { attempts_left: 3, factors: [{ id: factor.id, kind: 'email_code', shown: true, sends: true }] } })
  const id = String(asked.json['id'])
  t.equal((await makeKey(tokens, id)).status, 401, 'asked is not answered')
  t.match(await gateway.send('POST', `/api/v1/step-ups/${id}/send`, { token: tokens.access, body: { factor_id: factor.id } }), { status: 202, json: { sent_to: 'a***@e***.com' } })
  t.equal((await answer(tokens, id, '654321')).status, 401)
  t.match(await answer(tokens, id), { status: 200, json: { id, factor_kind: 'email_code', usable_until: String } })

  t.equal((await makeKey(tokens, id)).status, 201)
  t.match(await makeKey(tokens, id), { status: 401, json: { type: '/problems/step-up-required' } })
  t.equal(await house.mongo.db.collection('audit').countDocuments({ event: 'step_up.verified', subject: tokens.userId, 'facts.action': 'api_keys.create' }), 1)
})

t.test('a proof for a key of one day and one network makes no wider one', async (t) => {
  const tokens = await withFactor()
  const narrow = { expires_in_days: 1, networks: ['192.0.2.0/24'] }
  const asked = await makeKey(tokens, undefined, narrow)
  t.match(asked.json, { action: { type: 'api_keys.create', resource_id: 'profile:read;expires_in_days=1;networks=192.0.2.0/24' } })
  const id = await stepUp(tokens, asked.json['action'] as StepUpAction)
  for (const wider of [{}, { expires_in_days: 1 }, { networks: narrow.networks }, { ...narrow, networks: [...narrow.networks, '0.0.0.0/0'] }, { ...narrow, max_per_minute: 9 }]) {
    t.match(await makeKey(tokens, id, wider), { status: 401, json: { type: '/problems/step-up-required' } }, JSON.stringify(wider))
  }
  t.equal((await makeKey(tokens, id, narrow)).status, 201)
})

t.test('it counts from its answer on, whenever the gateway learns of that; and the audit names no address', async (t) => {
  const tokens = await withFactor()
  const linking: StepUpAction = { type: 'identities.link', resource_id: 'ada.lovelace@example.com' }
  bend = (claims) => ({ ...claims, iat: claims.iat - 301 })
  const id = await ask(tokens, linking)
  t.equal((await answer(tokens, id)).status, 200)
  bend = (claims) => claims
  const link = (with_: string) => gateway.send('POST', '/api/v1/auth/email/link', { token: tokens.access, body: { email: 'ada.lovelace@example.com', password: 'paper lantern orchard' }, headers: { 'step-up': with_ } })
  t.match(await link(id), { status: 401, json: { type: '/problems/step-up-required', action: linking } })
  const rows = await house.mongo.db.collection('audit').find({ event: 'step_up.verified', subject: tokens.userId }).toArray()
  t.match(rows, [{ facts: { action: 'identities.link', digest: /^0x[0-9a-f]{64}$/ } }])
  t.notMatch(JSON.stringify(rows), 'lovelace')
})

t.test('of fifty requests at once with one step-up, at two processes, one is done', async (t) => {
  const tokens = await withFactor()
  const id = await stepUp(tokens)
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? gateway : other).send('POST', '/api/v1/api-keys', {
    token: tokens.access, body: { name: `n${index}`, scopes: ['profile:read'] }, headers: { 'step-up': id }
  })))
  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  t.equal(answers.filter(({ status }) => status === 401).length, 49)
})

t.test('a request that is refused for its form uses nothing up', async (t) => {
  const tokens = await withFactor()
  const id = await stepUp(tokens)
  t.equal((await makeKey(tokens, id, { scopes: ['everything'] })).status, 422)
  t.equal((await makeKey(tokens, id)).status, 201)
})

t.test('it opens its own action on its own resource, for its own session, for five minutes', async (t) => {
  const tokens = await withFactor()
  const key = String((await makeKey(tokens, await stepUp(tokens))).json['id'])
  const second = String((await makeKey(tokens, await stepUp(tokens))).json['id'])
  const rotate = (keyId: string, id: string, { access } = tokens) => gateway.send('POST', `/api/v1/api-keys/${keyId}/rotate`, { token: access, body: {}, headers: { 'step-up': id } })

  t.match(await rotate(key, await stepUp(tokens)), { status: 401, json: { action: { type: 'api_keys.rotate', resource_id: key } } }, 'another action')
  const forKey = await stepUp(tokens, { type: 'api_keys.rotate', resource_id: key })
  t.equal((await rotate(second, forKey)).status, 401, 'another key')
  t.equal((await makeKey(tokens, forKey)).status, 401, 'another route')
  t.match(await makeKey(tokens, await stepUp(tokens), { scopes: ['identities:read'] }), { status: 401, json: { action: { resource_id: 'identities:read' } } }, 'other rights than the mail showed')
  const stranger = await withFactor()
  t.equal((await makeKey(stranger, await stepUp(tokens))).status, 401, 'another user')
  t.equal((await makeKey(tokens, newId('chl'))).status, 401, 'none')
  t.equal((await makeKey(tokens, '{"$ne":null}')).status, 401)

  const late = await stepUp(tokens)
  await stepUps.updateOne({ _id: late }, [{ $set: { verifiedAt: { $subtract: ['$verifiedAt', 300_000] } } }])
  t.equal((await makeKey(tokens, late)).status, 401, 'too late')
  t.ok((await rotate(key, forKey)).status < 300, 'and nothing of this used up the right one')
})

t.test('only a receipt of otp-service for this question counts', async (t) => {
  const tokens = await withFactor()
  const bent: [string, Partial<ReceiptClaims>][] = [
    ['another audience', { aud: 'signer-service' }], ['another purpose', { purpose: 'email_enrol' }], ['another user', { sub: newId('usr') }],
    ['another challenge', { challenge_id: newId('chl') }], ['another action', { action_digest: `0x${'1'.repeat(64)}` }]
  ]
  for (const [what, claims] of bent) {
    bend = (right) => ({ ...right, ...claims })
    const id = await ask(tokens)
    t.match(await answer(tokens, id), { status: 401, json: { type: '/problems/code-rejected' } }, what)
    t.equal((await makeKey(tokens, id)).status, 401, what)
  }
  bend = (right) => right
  sign = forger.sign
  const forged = await ask(tokens)
  t.equal((await answer(tokens, forged)).status, 401, 'another key')
  sign = honest.sign
  bend = (right) => ({ ...right, jti: 'rcp_01HZZZZZZZZZZZZZZZZZZZZZZZ' })
  t.equal((await answer(tokens, await ask(tokens))).status, 200)
  t.equal((await answer(tokens, await ask(tokens))).status, 401, 'one receipt answers one question')
  bend = (right) => right
})

t.test('an answer sent again is the same command, and whoever lost the reply is told the same', async (t) => {
  const tokens = await withFactor()
  const id = await ask(tokens)
  const first = await answer(tokens, id)
  t.same((await answer(tokens, id)).json, first.json)
  t.equal(heard.at(-1), heard.at(-2))
})

t.test('a user without a factor signs in anew instead, and one whose factors were reset too', async (t) => {
  const tokens = await newUser()
  t.equal((await makeKey(tokens)).status, 201)
  const reset = await withFactor()
  t.equal((await makeKey(reset)).status, 401)
  enrolled = false
  t.match(await gateway.send('POST', '/api/v1/step-ups', { token: reset.access, body: { action: forKeys } }), { status: 409, json: { type: '/problems/factor-required' } })
  t.equal((await makeKey(reset)).status, 201)
  enrolled = true
  t.match((await gateway.send('GET', '/api/v1/me/factors', { token: reset.access })).json, { factors: [{ id: factor.id }] })
  t.equal((await makeKey(reset)).status, 401, 'as soon as the gateway hears of a factor')
})

t.test('where the gateway does not know of a factor it asks, and an enrolment whose answer was lost leaves it asking', async (t) => {
  const unsure = await newUser()
  await users.updateOne({ _id: unsure.userId }, { $unset: { hasFactor: 1 } })
  t.match(await makeKey(unsure), { status: 401, json: { type: '/problems/step-up-required' } })
  enrolled = false
  await users.updateOne({ _id: unsure.userId }, { $unset: { hasFactor: 1 } })
  t.equal((await makeKey(unsure)).status, 201)
  enrolled = true

  const enrolling = await newUser()
  t.equal((await makeKey(enrolling)).status, 201, 'a new account has none')
  const confirmed = await gateway.send('POST', '/api/v1/me/email/confirm', { token: enrolling.access, body: { challenge_id: newId('chl'), code: '123456' } })
  t.equal(confirmed.status, 503, 'otp-service has done it, and its answer is lost')
  t.match(await makeKey(enrolling), { status: 401, json: { type: '/problems/step-up-required' } })
})

t.test('bad input gets a problem that names the fault, never the value', async (t) => {
  const tokens = await withFactor()
  for (const body of [{}, { action: { type: 'everything', resource_id: '-' } }, { action: { type: 'api_keys.rotate', resource_id: 'two\nlines' } }, { action: { type: 'api_keys.rotate', resource_id: 'https://evil.example' } }, { action: { ...forKeys, more: 1 } }]) {
    t.equal((await gateway.send('POST', '/api/v1/step-ups', { token: tokens.access, body })).status, 422)
  }
  const id = await ask(tokens)
  const bad = await gateway.send('POST', `/api/v1/step-ups/${id}/verify`, { token: tokens.access, body: { factor_id: factor.id, code: 'not a code!' } })
  t.match(bad, { status: 422, json: { faults: [{ path: 'body/code' }] } })
  t.notMatch(bad.text, 'not a code')
})

t.test('factors are changed through otp-service, which is told the step-up that was answered for exactly this', async (t) => {
  const tokens = await withFactor()
  const act = (method: string, path: string, id?: string, body?: object) =>
    gateway.send(method, `/api/v1/me/factors/${path}`, { token: tokens.access, ...body && { body }, ...id !== undefined && { headers: { 'step-up': id } } })
  const removal: StepUpAction = { type: 'factors.remove', resource_id: app.id }
  for (const [method, path, action] of [
    ['POST', 'totp', { type: 'factors.add_totp', resource_id: '-' }], ['POST', 'recovery-codes', { type: 'factors.make_recovery_codes', resource_id: '-' }], ['DELETE', app.id, removal]
  ] as const) {
    t.match(await act(method, path), { status: 401, json: { type: '/problems/step-up-required', action } }, path)
    const id = await stepUp(tokens, action)
    t.ok((await act(method, path, id)).status < 300, path)
    t.match(changes.at(-1), { user_id: tokens.userId, step_up: id })
    t.equal((await act(method, path, id)).status, 401, 'once')
  }
  const begun = await act('POST', 'totp', await stepUp(tokens, { type: 'factors.add_totp', resource_id: '-' }))
  t.equal(begun.headers.get('cache-control'), 'no-store')
  const uri = new URL(String(begun.json['uri']))
  t.match(uri.href, /^otpauth:\/\/totp\/Countersign:/)
  t.same(Object.fromEntries(uri.searchParams), { secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', issuer: 'Countersign', algorithm: 'SHA1', digits: '6', period: '30' })
  t.match(begun.json['svg'], /^<svg[^]*<\/svg>$/)
  t.notMatch(house.logs.text(), 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')

  t.match(await act('PATCH', app.id, undefined, { name: 'Tablet' }), { status: 200, json: { factor: { label: 'Tablet' } } })
  t.equal((await act('PATCH', app.id, undefined, { name: 'two\nlines' })).status, 422)
  left = 0
  t.equal((await act('DELETE', app.id, await stepUp(tokens, removal))).status, 204)
  t.equal((await users.findOne({ _id: tokens.userId }) as { hasFactor?: boolean } | null)?.hasFactor, undefined)
  t.match(await act('POST', 'totp/confirm', undefined, { factor_id: app.id, code: '123456', name: 'Telephone' }), { status: 200, json: { factor: { kind: 'totp' } } })
  t.equal((await users.findOne({ _id: tokens.userId }) as { hasFactor?: boolean } | null)?.hasFactor, true)
})

t.test('a first factor of which otp-service can tell nobody is told at the address of the account, once', async (t) => {
  const tokens = await newUser()
  const confirm = () => gateway.send('POST', '/api/v1/me/factors/totp/confirm', { token: tokens.access, body: { factor_id: app.id, code: '123456' } })
  const told = () => house.mongo.db.collection('outbox').countDocuments({ queue: 'mail-gateway', jobId: `dlv_${app.id.slice(4)}` })
  enrolled = false
  t.equal((await confirm()).status, 200)
  t.equal(await told(), 0, 'without an address there is nobody')
  await users.updateOne({ _id: tokens.userId }, { $set: { email: 'ada@example.com' } })
  enrolled = true
  await confirm()
  t.equal(await told(), 0, 'where codes go to an address otp-service tells it')
  enrolled = false
  t.same((await Promise.all(Array.from({ length: 5 }, confirm))).map(({ status }) => status), [200, 200, 200, 200, 200])
  t.equal(await told(), 1)
  enrolled = true
})

t.test('where otp-service knows of factors that the gateway does not, it is believed', async (t) => {
  const tokens = await newUser()
  t.match(await gateway.send('POST', '/api/v1/me/factors/totp', { token: tokens.access }), { status: 401, json: { type: '/problems/step-up-required', action: { type: 'factors.add_totp', resource_id: '-' } } })
  t.equal((await users.findOne({ _id: tokens.userId }) as { hasFactor?: boolean } | null)?.hasFactor, true)
})

t.test('the mailed page about a new factor takes it away by a click and by nothing else, in a real browser', async (t) => {
  const page = await (await startBrowser(t)).newPage()
  const outcome = page.locator('#outcome')
  const foreign: string[] = []
  page.on('request', (request) => { if (new URL(request.url()).origin !== new URL(gateway.url).origin) foreign.push(request.url()) })
  await page.goto(`${gateway.url}/new-factor#token=${objectionToken}`, { waitUntil: 'networkidle' })
  t.equal(page.url(), `${gateway.url}/new-factor`, 'the token is out of the address bar')
  await page.reload({ waitUntil: 'networkidle' })
  t.match(await outcome.textContent(), /Open the link from the mail again/)
  t.strictSame(objections, [], 'nothing was asked by loading it')

  await page.goto('about:blank')
  await page.goto(`${gateway.url}/new-factor#token=${objectionToken}`)
  const { width = 0, height = 0 } = await page.getByRole('button').boundingBox() ?? {}
  t.ok(width >= 44 && height >= 44, 'large enough for a thumb')
  await page.getByRole('button', { name: 'take it away' }).click()
  await outcome.getByText('The factor is taken away').waitFor()
  t.strictSame(objections, [objectionToken])

  await page.goto('about:blank')
  await page.goto(`${gateway.url}/new-factor#token=used`)
  await page.getByRole('button').click()
  await outcome.getByText('wrong, used or expired').waitFor()
  t.strictSame(foreign, [])
})

t.test('a telephone number is added on the proof that named it, is told by its mask alone, and its country is otp-service\'s to judge', async (t) => {
  const tokens = await withFactor()
  const add = (number: string, id?: string) =>
    gateway.send('POST', '/api/v1/me/factors/sms', { token: tokens.access, body: { phone_number: number, name: 'Telephone' }, ...id !== undefined && { headers: { 'step-up': id } } })
  const action: StepUpAction = { type: 'factors.add_sms', resource_id: '+41790000012' }
  t.match(await add('+41790000012'), { status: 401, json: { type: '/problems/step-up-required', action } })
  const id = await stepUp(tokens, action)
  t.equal((await add('+41790000013', id)).status, 401, 'a proof that named another number')
  t.match(await add('+41790000012', id), { status: 202, json: { sent_to: '+41…••12', attempts_left: 3 } })
  t.match(changes.at(-1), { user_id: tokens.userId, name: 'Telephone', step_up: id })
  t.match(await gateway.send('POST', '/api/v1/me/factors/sms/confirm', { token: tokens.access, body: { challenge_id: newId('chl'), code: '123456' } }), { status: 200, json: { factor: { kind: 'sms' } } })

  const foreign = await add('+4915112345678', await stepUp(tokens, { ...action, resource_id: '+4915112345678' }))
  t.match(foreign, { status: 403, json: { type: '/problems/number-not-served' } })
  for (const bad of ['0041790000012', '+0790000012', '+41 79 000 00 12', '41790000012', '+4179']) {
    const refused = await add(bad)
    t.match(refused, { status: 422, json: { faults: [{ path: 'body/phone_number' }] } }, bad)
    t.notOk(refused.text.includes(bad))
  }
  const records = JSON.stringify(await house.mongo.db.collection('audit').find({ subject: tokens.userId }).toArray())
  for (const kept of [records, house.logs.text()]) t.notMatch(kept, /790000012|15112345678/)
})
