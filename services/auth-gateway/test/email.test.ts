/** Signing up and in with an e-mail address; otp-service is a stand-in that gives real receipts. */
import { until } from '@countersign/testing'
import t, { type Test } from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { standInForMailboxes } from './mailbox-stand-in.ts'
import { buildHouse, signIn, tokensIn, type Answer, type Tokens } from './open-gateway.ts'

const auth = '/api/v1/auth'
const password = 'correct horse battery'
let count = 0
/** An address, and a username, of this test alone. */
const someone = (): { email: string, username: string } => {
  count += 1
  return { email: `Ada.${count}@example.com`, username: `ada_${count}` }
}
const identityOf = (email: string): string => `email:${email.toLowerCase()}`

const house = await buildHouse(t)
const otp = await standInForMailboxes(house)
const gateway = await house.open()
const verified = await house.open({ SIGNUP_MODE: 'verified' })
const collection = (name: string) => house.mongo.db.collection<{ _id: string }>(name)

const post = (path: string, body: unknown, { token, at = gateway, headers = {} }: { token?: string | undefined, at?: typeof gateway, headers?: Record<string, string> } = {}): Promise<Answer> =>
  at.send('POST', path, { body, headers, ...token !== undefined && { token } })
const signUp = (who = someone(), more: object = {}) => post(`${auth}/email/signup`, { ...who, password, ...more })
const logIn = (email: string, given = password, at = gateway) => post(`${auth}/email/login`, { email, password: given }, { at })
const me = async ({ access }: Tokens) => await gateway.send('GET', '/api/v1/me', { token: access })
const refresh = async ({ refresh: token }: Tokens) => (await post(`${auth}/refresh`, { refresh_token: token })).status
const seen = ({ status, json }: Answer) => ({ status, ...json, instance: 'any' })
const verificationIn = ({ json }: Answer) => json['verification'] as { challenge_id: string, opener: string }
const newWallet = () => signIn(gateway, privateKeyToAccount(generatePrivateKey()))

async function signedUp () {
  const who = someone()
  const answer = await signUp(who)
  if (answer.status !== 201) throw new Error(answer.text)
  return { ...who, tokens: tokensIn(answer.json), verification: verificationIn(answer), cookie: String(answer.headers.get('set-cookie')).split(';')[0] ?? '' }
}

async function assertDead (t: Test, tokens: Tokens): Promise<void> {
  t.equal((await me(tokens)).status, 401, 'the access token opens nothing')
  t.equal(await refresh(tokens), 401, 'the refresh token gives nothing')
}

async function mailedCode (email: string) {
  const { status, json, text } = await post(`${auth}/email/code`, { email })
  if (status !== 202) throw new Error(text)
  return { challenge_id: json['challenge_id'], opener: json['opener'], code: otp.mailTo(email).code }
}
const byCode = async (email: string, given: { token?: string } = {}) => await post(`${auth}/email/code/verify`, await mailedCode(email), given)

async function resetLink (email: string): Promise<string> {
  await post(`${auth}/password-reset/request`, { email })
  return String(otp.mailTo(email).token)
}

t.test('an account is opened with address and password, and both open it again', async (t) => {
  const who = someone()

  const answer = await signUp(who, { referral_code: 'friend' })

  t.equal(answer.status, 201)
  t.match(answer.json, { token_type: 'bearer', user: { username: who.username, email: null, identities: [{ kind: 'email', address: who.email, verified: false }] }, verification: { sent_to: /\*/ } })
  t.match(otp.mailTo(who.email), { purpose: 'signup', link: /^http:\/\/gateway\.test:8000\/verify-email#token=/ })
  for (const email of [who.email, who.email.toLowerCase(), who.email.toUpperCase()]) t.match(await logIn(email), { status: 200, json: { user: { username: who.username } } }, email)
  const stored = await collection('passwords').findOne({ _id: identityOf(who.email) })
  t.match(stored, { hash: /^\$argon2id\$/ })
  t.notMatch(JSON.stringify(stored), new RegExp(password))
})

t.test('what is taken, weak or no address is refused in the words of its contract', async (t) => {
  const { email, username } = await signedUp()

  const again = await signUp({ email: email.toUpperCase(), username: someone().username })
  t.match(again, { status: 400, json: { type: '/problems/email-registered', detail: /Email already registered/ } })
  t.match(await signUp({ email: someone().email, username: username.toUpperCase() }), { status: 409, json: { type: '/problems/username-taken' } })
  for (const weak of ['short', 'password123', 'aaaaaaaaaaaa', 'ada.9999']) {
    const answer = await signUp({ email: 'ada.9999@example.com', username: someone().username }, { password: weak })
    t.match(answer, { status: 422, json: { faults: [{ path: 'body/password' }] } }, weak)
    t.notMatch(answer.text, new RegExp(weak))
  }
  const tricks = [
    '"ada b"@example.com', 'ada(comment)@example.com', 'ada@example.com\r\nBcc: eve@evil.test', 'ada@example.com,eve@evil.test', 'ada@example.com eve@evil.test',
    'аda@example.com', 'ada@exämple.com', '<ada@example.com>', 'ada@[127.0.0.1]', 'group: ada@example.com;', 'ada@example.com\u0000', '', { $ne: null }, ['ada@example.com']
  ]
  for (const path of ['email/signup', 'email/login', 'email/code', 'password-reset/request']) {
    for (const email of tricks) {
      const answer = await post(`${auth}/${path}`, { email, ...path.startsWith('email/code') || path.startsWith('password') ? {} : { password }, ...path.endsWith('signup') && { username: someone().username } })
      t.match(answer, { status: 422, json: { faults: [{ path: 'body/email' }] } }, `${path} ${JSON.stringify(email)}`)
    }
  }
})

t.test('twenty sign-ups of one address at once make one account', async (t) => {
  const { email } = someone()

  const answers = await Promise.all(Array.from({ length: 20 }, () => signUp({ email, username: someone().username })))

  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  t.equal(await collection('identities').countDocuments({ _id: identityOf(email) }), 1)
  t.ok(answers.every(({ status }) => [201, 400, 503].includes(status)), answers.map(({ status }) => status).join(' '))
})

t.test('an account comes to be also while no mail can be asked for, and asks later', async (t) => {
  const { Problem, problems } = await import('@countersign/contracts')
  otp.state.refusal = new Problem(problems.sendLimited, { retry_after: 30 })
  const who = someone()
  const answer = await signUp(who)
  t.equal(answer.status, 201)
  t.notOk('verification' in answer.json)
  const { access: token } = tokensIn(answer.json)

  const again = await post(`${auth}/email/resend`, {}, { token })
  t.equal(again.status, 202)
  t.match(await post(`${auth}/email/verify`, { challenge_id: again.json['challenge_id'], code: otp.mailTo(who.email).code }, { token }), { status: 200, json: { account: 'kept' } })
  t.match(await post(`${auth}/email/resend`, {}, { token }), { status: 409 }, 'nothing waits any more')
  t.match(await post(`${auth}/email/resend`, {}), { status: 401 })
})

t.test('an unknown address, one without a password and a wrong password answer alike, after the same work', async (t) => {
  const { email } = await signedUp()
  const withoutPassword = someone().email
  await byCode(withoutPassword)
  const reference = seen(await logIn(email, 'not the password'))

  t.match(reference, { status: 401, type: '/problems/credentials-rejected', detail: /^Unauthorized/ })
  t.strictSame(seen(await logIn(someone().email)), reference)
  t.strictSame(seen(await logIn(withoutPassword)), reference)
  t.strictSame(seen(await logIn(email, 'x'.repeat(1_024))), reference)
  t.equal(await collection('audit').countDocuments({ event: 'sign_in.failed', 'facts.method': 'password' } as object), 4)
})

t.test('where no answer tells whether an address is known, neither does the work: the same messages to MongoDB and otp-service, and times that no one can tell apart', async (t) => {
  const { email } = await signedUp()
  const opened = async (address: string, path: string) => (await post(`${auth}/${path}`, { email: address })).json
  const paths: Record<string, (address: string) => Promise<() => Promise<Answer>>> = {
    'login': (address) => Promise.resolve(() => logIn(address, 'not the password')),
    'password-reset/request': (address) => Promise.resolve(() => post(`${auth}/password-reset/request`, { email: address })),
    'email/code': (address) => Promise.resolve(() => post(`${auth}/email/code`, { email: address })),
    'email/resend': async (address) => {
      const { challenge_id: id, opener } = await opened(address, 'password-reset/request')
      return () => post(`${auth}/email/resend`, { challenge_id: id, opener, purpose: 'password_reset' })
    },
    'email/signup, verified': (address) => Promise.resolve(() => post(`${auth}/email/signup`, { ...someone(), email: address, password }, { at: verified }))
  }
  const { db } = house.mongo
  const profile = db.collection<{ op: string, ns: string, command: object }>('system.profile')
  // What the two processes do by themselves is left out.
  await db.command({ profile: 1, filter: { appName: { $in: [gateway.name, verified.name] }, 'command.hint': { $ne: 'by_revocation' }, ns: { $regex: '[.](users|identities|passwords|audit)$' } } })
  t.teardown(() => db.command({ profile: 0 }))
  const workOf = async (ask: () => Promise<Answer>) => {
    const seenBefore = await profile.countDocuments()
    otp.heard.length = 0
    const { status } = await ask()
    const done = await profile.find().sort({ $natural: 1 }).skip(seenBefore).toArray()
    return { status, mongo: done.map(({ op, ns, command }) => [op, ns, Object.keys(command).join()]), commands: otp.heard.map(({ command, request }) => [command, Object.keys(request as object)]) }
  }
  const timeOf = async (ask: () => Promise<Answer>): Promise<number> => {
    const from = performance.now()
    await ask()
    return performance.now() - from
  }
  const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN

  for (const [path, prepare] of Object.entries(paths)) {
    const [known, unknown] = [await workOf(await prepare(email)), await workOf(await prepare(someone().email))]
    t.strictSame(unknown, known, path)
    t.ok(known.mongo.length + known.commands.length > 0, 'and it was seen')

    const times: { known: number[], unknown: number[] } = { known: [], unknown: [] }
    // In turns, so that both meet the same machine.
    for (let i = 0; i < 8; i++) {
      times.known.push(await timeOf(await prepare(email)))
      times.unknown.push(await timeOf(await prepare(someone().email)))
    }
    const ratio = median(times.unknown) / median(times.known)
    t.ok(ratio > 1 / 4 && ratio < 4, `${path}: ${median(times.known).toFixed(1)} ms for known addresses, ${median(times.unknown).toFixed(1)} ms for unknown ones`)
  }
})

t.test('ten wrong passwords from one place close the password there and nothing else', async (t) => {
  const { email, tokens } = await signedUp()
  const proxied = await house.open({ TRUSTED_HOPS: '1' })
  const from = (ip: string, given: string) => post(`${auth}/email/login`, { email, password: given }, { at: proxied, headers: { 'x-forwarded-for': ip } })

  const answers = await Promise.all(Array.from({ length: 30 }, () => from('203.0.113.1', 'wrong')))

  t.equal(answers.filter(({ status }) => status === 401).length, 10, 'of thirty at once ten are looked at')
  t.equal(answers.filter(({ status }) => status === 429).length, 20)
  const locked = await from('203.0.113.1', password)
  t.match(locked, { status: 429, json: { type: '/problems/factor-locked', detail: /^Too many requests/ } })
  t.ok(Number(locked.headers.get('retry-after')) > 0)
  t.equal((await from('203.0.113.2', password)).status, 200, 'the owner elsewhere is not locked out')
  t.equal((await me(tokens)).status, 200)
  t.equal((await byCode(email, { token: tokens.access })).status, 200, 'a mailed code opens the account')
  t.notMatch((await dump()).match(/^gw:\{limits\}.*$/gm)?.join() ?? 'nothing', /@|nothing/, 'the counts name nobody')
})

t.test('every mail is asked for with its place, over all doors the same; from where its owner signed in it is asked for as such', async (t) => {
  const proxied = await house.open({ TRUSTED_HOPS: '1' })
  const from = (ip: string, path: string, body: object) => post(path, body, { at: proxied, headers: { 'x-forwarded-for': ip } })
  const { email } = someone()
  const beginnings = () => otp.heard.filter(({ command, request }) => command === 'begin' && (request as { email: string }).email === email).map(({ request }) => (request as { place: { id: string, known: boolean } }).place)
  const [owner, stranger] = ['203.0.113.50', '203.0.113.51']
  const { challenge_id, opener } = (await from(owner, `${auth}/email/code`, { email })).json

  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => i % 3 === 0
    ? from(stranger, `${auth}/email/code`, { email })
    : i % 3 === 1 ? from(stranger, `${auth}/password-reset/request`, { email: email.toUpperCase() }) : from(stranger, '/v1/auth/request-verification', { identifier: email })))

  t.ok(answers.every(({ status }) => status === 200 || status === 202), 'how many it gets is for otp-service to say')
  const strangers = new Set(beginnings().slice(1).map(({ id }) => id))
  t.equal(strangers.size, 1)
  t.notOk(strangers.has(beginnings()[0]?.id ?? ''))
  const mail = otp.mails.find(({ challengeId }) => challengeId === challenge_id)
  t.equal((await from(owner, `${auth}/email/code/verify`, { challenge_id, opener, code: mail?.code })).status, 200)
  otp.heard.length = 0
  t.equal((await from(owner, `${auth}/email/code`, { email })).status, 202)
  t.equal((await from('203.0.113.52', `${auth}/email/code`, { email })).status, 202)
  t.strictSame(beginnings().map(({ known }) => known), [true, false])
})

t.test('signing in by password and by code is counted with the wallets, and every refusal is kept with its reason', async (t) => {
  const metric = async (method: string, status: string): Promise<number> =>
    Number(new RegExp(`wallet_authentications_total\\{wallet_type="${method}",status="${status}"\\} (\\d+)`).exec(await (await fetch(`${gateway.opsUrl}/metrics`)).text())?.[1] ?? 0)
  const all = async () => await Promise.all([metric('password', 'success'), metric('password', 'failure'), metric('email_code', 'success'), metric('email_code', 'failure')])
  const kept = async (facts: object) => await collection('audit').countDocuments({ event: 'sign_in.failed', facts } as object)
  const [{ email }, before, passwords, codes] = [await signedUp(), await all(), await kept({ method: 'password', reason: 'password' }), await kept({ method: 'email_code', reason: 'code' })]

  await logIn(email)
  await logIn(email, 'not the password')
  await byCode(email)
  const answer = await mailedCode(email)
  await post(`${auth}/email/code/verify`, { ...answer, opener: 'A'.repeat(43) })
  await post('/v1/auth/submit-verification', { identifier: someone().email, code: '123456' })

  t.strictSame((await all()).map((count, i) => count - Number(before[i])), [1, 1, 1, 2])
  t.equal(await kept({ method: 'password', reason: 'password' }), passwords + 1)
  t.equal(await kept({ method: 'email_code', reason: 'code' }), codes + 1, 'a code that nobody asked for is counted alone')
})

t.test('a hash of an earlier system signs in once, and is one of ours from then on', async (t) => {
  const bcrypt = (await import('@node-rs/bcrypt')).default
  const { email } = await signedUp()
  await collection('passwords').updateOne({ _id: identityOf(email) }, { $set: { hash: await bcrypt.hash('Test@1234', 4) } })

  t.equal((await logIn(email, 'Test@1234')).status, 200)

  await until(async () => /^\$argon2id\$/.test(String((await collection('passwords').findOne({ _id: identityOf(email) }) as unknown as { hash: string }).hash)), { what: 'the new hash' })
  t.equal((await logIn(email, 'Test@1234')).status, 200)
})

t.test('a changed password ends the other sessions, their refresh tokens and what was mailed before', async (t) => {
  const { email, tokens, verification } = await signedUp()
  await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code: otp.mailTo(email).code }, { token: tokens.access })
  const other = tokensIn((await logIn(email)).json)
  const link = await resetLink(email)
  const change = (body: object) => post(`${auth}/email/change-password`, body, { token: tokens.access })

  t.match(await change({ old_password: 'wrong one', new_password: 'another fine one' }), { status: 401, json: { type: '/problems/credentials-rejected' } })
  t.match(await change({ old_password: password, new_password: password }), { status: 422, json: { faults: [{ path: 'body/new_password' }] } })
  t.match(await change({ old_password: password, new_password: 'short' }), { status: 422, json: { faults: [{ path: 'body/new_password' }] } })
  t.match(await change({ old_password: password, new_password: 'another fine one' }), { status: 200, json: { message: 'Password changed' } })

  t.equal((await me(tokens)).status, 200, 'the own session stays')
  await assertDead(t, other)
  t.equal((await logIn(email)).status, 401)
  t.equal((await logIn(email, 'another fine one')).status, 200)
  t.equal((await post(`${auth}/password-reset/confirm`, { token: link, new_password: 'the attackers choice' })).status, 401, 'a reset link mailed before is dead')
  t.equal(await collection('outbox').countDocuments({ queue: 'mail-gateway' } as object), 1, 'the owner is told')
  t.equal(await collection('audit').countDocuments({ event: 'password.changed', subject: tokens.userId } as object), 1)

  const stale = await signedUp()
  await collection('sessions').updateMany({ userId: stale.tokens.userId } as object, [{ $set: { createdAt: { $subtract: ['$createdAt', 3_600_000] } } }])
  t.match(await post(`${auth}/email/change-password`, { old_password: password, new_password: 'another fine one' }, { token: stale.tokens.access }), { status: 401, json: { type: '/problems/fresh-proof-required' } })
  const wallet = await newWallet()
  t.match(await post(`${auth}/email/change-password`, { old_password: password, new_password: 'another fine one' }, { token: wallet.access }), { status: 401, json: { type: '/problems/credentials-rejected' } }, 'no password, no change')
})

t.test('who signed up proves the address with the code, with the link in the same browser, or with either in a session', async (t) => {
  const proofs: Record<string, (who: Awaited<ReturnType<typeof signedUp>>) => Promise<Answer>> = {
    'code and session': ({ email, tokens, verification }) => post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code: otp.mailTo(email).code }, { token: tokens.access }),
    'code and opener': ({ email, verification }) => post(`${auth}/email/verify`, { ...verification, expires_at: undefined, sent_to: undefined, code: otp.mailTo(email).code }),
    'code and another session': async ({ email, verification }) => post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code: otp.mailTo(email).code }, { token: tokensIn((await logIn(email)).json).access }),
    'link and session': ({ email, tokens }) => post(`${auth}/email/verify`, { token: otp.mailTo(email).token }, { token: tokens.access }),
    'link and opener': ({ email, verification }) => post(`${auth}/email/verify`, { token: otp.mailTo(email).token, opener: verification.opener }),
    'link and the cookie of the sign-up': ({ email, cookie }) => post(`${auth}/email/verify`, { token: otp.mailTo(email).token }, { headers: { cookie: `a=b; ${cookie}; c=d` } }),
    'a resent code': async ({ email, tokens, verification }) => {
      t.equal((await post(`${auth}/email/resend`, { challenge_id: verification.challenge_id, opener: verification.opener })).status, 202)
      return await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code: otp.mailTo(email).code }, { token: tokens.access })
    }
  }
  for (const [name, prove] of Object.entries(proofs)) {
    const who = await signedUp()

    const answer = await prove(who)

    t.match(answer, { status: 200, json: { email: who.email, verified: true, account: 'kept' } }, name)
    t.notOk('session' in answer.json, `${name}: no second session`)
    t.match((await me(who.tokens)).json, { id: who.tokens.userId, email: who.email, identities: [{ verified: true }] }, name)
    t.match(await logIn(who.email), { status: 200, json: { user: { id: who.tokens.userId } } }, name)
  }
  const { email, verification, tokens } = await signedUp()
  const { code, token } = otp.mailTo(email)
  t.equal((await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code })).status, 401, 'a code without its browser proves nothing')
  t.equal((await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code, opener: 'A'.repeat(43) })).status, 401)
  t.equal((await post(`${auth}/email/verify`, { token, opener: verification.opener }, { token: 'stale' })).status, 401, 'a token that is no good is not nobody')
  t.equal((await me(tokens)).status, 200)
  for (const body of [{}, { token, code }, { code }, { challenge_id: verification.challenge_id }, { token, challenge_id: verification.challenge_id, code }]) {
    t.equal((await post(`${auth}/email/verify`, body)).status, 422, JSON.stringify(Object.keys(body)))
  }
})

t.test('a session shown in any of its ways proves whose the sign-up is; refresh tokens go where the browser wants them', async (t) => {
  const who = someone()
  const answer = await post(`${auth}/email/signup`, { ...who, password }, { headers: { 'x-token-delivery': 'cookie', origin: 'http://gateway.test:8000' } })
  t.equal(answer.status, 201)
  t.notOk('refresh_token' in answer.json)
  t.match(answer.headers.getSetCookie().join('\n'), /__Host-csr=/)
  t.equal((await post(`${auth}/email/login`, { email: who.email, password }, { headers: { 'x-token-delivery': 'cookie', origin: 'http://evil.test' } })).status, 403)
  const { challenge_id: challengeId } = verificationIn(answer)

  const stale = { cookie: `sessionId=sess_${'A'.repeat(43)}`, origin: 'http://gateway.test:8000' }
  t.equal((await post(`${auth}/email/verify`, { challenge_id: challengeId, code: otp.mailTo(who.email).code }, { headers: stale })).status, 401, 'an old cookie is nobody: the code lacks its browser')
  t.equal((await post(`${auth}/email/verify`, { token: otp.mailTo(who.email).token }, { headers: { 'x-session-id': `sess_${'A'.repeat(43)}` } })).status, 401, 'a header that is no good is refused, and costs the account nothing')
  t.match(await post(`${auth}/email/verify`, { challenge_id: challengeId, code: otp.mailTo(who.email).code }, { token: String(answer.json['access_token']) }), { status: 200, json: { account: 'kept' } })
})

/** Somebody signed up with the victim's address and prepared all that could outlive the loss of it. */
async function hijack () {
  const attacker = await signedUp()
  const { email, tokens } = attacker
  const second = tokensIn((await logIn(email)).json)
  const wallet = privateKeyToAccount(generatePrivateKey())
  const challenge = await post(`${auth}/evm/challenge`, { address: wallet.address, purpose: 'link' }, { token: tokens.access })
  const message = String(challenge.json['message'])
  const linked = await post(`${auth}/evm/link`, { address: wallet.address, signed_message: message, signature: await wallet.signMessage({ message }), challenge_id: challenge.json['challenge_id'] }, { token: tokens.access })
  if (linked.status !== 200) throw new Error(linked.text)
  const key = await post('/api/v1/api-keys', { name: 'back door', scopes: ['profile:read'] }, { token: tokens.access })
  if (key.status !== 201) throw new Error(key.text)
  const pendingLink = await post(`${auth}/email/link`, { email, password: 'of the attacker' }, { token: tokens.access })
  const pendingReset = await post(`${auth}/password-reset/request`, { email })
  return {
    ...attacker, second, wallet, apiKey: String(key.json['key']), link: otp.mails.findLast(({ to, purpose }) => to === email && purpose === 'signup'),
    pendingLink, pendingReset, mails: otp.mails.filter(({ to }) => to === email)
  }
}

const victimProofs: Record<string, (email: string, link: string) => Promise<Answer>> = {
  'opens the link of the sign-up': (_email, link) => post(`${auth}/email/verify`, { token: link }),
  'opens it while signed in to an account of their own': async (_email, link) => post(`${auth}/email/verify`, { token: link }, { token: (await newWallet()).access }),
  'signs in with a mailed code': (email) => byCode(email),
  'resets the password': async (email) => post(`${auth}/password-reset/confirm`, { token: await resetLink(email), new_password: 'of the victim' })
}

for (const [name, prove] of Object.entries(victimProofs)) {
  t.test(`pre-account hijacking: the victim ${name}, and nothing of the attacker's is left to the address`, async (t) => {
    const attacker = await hijack()
    const { email, tokens } = attacker

    const answer = await prove(email, String(attacker.link?.token))
    t.equal(answer.status, 200, answer.text)

    await assertDead(t, tokens)
    await assertDead(t, attacker.second)
    t.equal((await logIn(email)).status, 401, 'the attacker\'s password is dead')
    t.equal((await gateway.send('GET', '/api/v1/me', { headers: { authorization: `Bearer ${attacker.apiKey}` } })).status, 401, 'and the API key')
    for (const mail of attacker.mails) {
      if (mail.token !== undefined) t.not((await post(`${auth}/email/verify`, { token: mail.token, opener: attacker.verification.opener })).status, 200, 'what was mailed before answers nothing')
      if (mail.token !== undefined) t.not((await post(`${auth}/password-reset/confirm`, { token: mail.token, new_password: 'of the attacker' })).status, 200)
    }
    t.equal((await gateway.send('POST', '/api/v1/me/email/confirm', { token: tokens.access, body: { challenge_id: 'chl_00000000000000000000000000', code: '123456' } })).status, 401, 'no enrolment begun before ends')
    const login = await byCode(email)
    t.equal(login.status, 200)
    const victim = tokensIn(login.json)
    t.not(victim.userId, tokens.userId, 'the address has an account of its own')
    t.match(login.json, { user: { email, identities: [{ kind: 'email', verified: true }] } })
    t.equal((login.json['user'] as { identities: unknown[] }).identities.length, 1, 'the attacker\'s wallet is not in it')

    const left = await signIn(gateway, attacker.wallet)
    t.equal(left.userId, tokens.userId, 'the wallet stays with the account that linked it')
    t.strictSame((await me(left)).json['identities'], [{ ...(((await me(left)).json['identities']) as object[])[0] }])
    t.match((await me(left)).json, { email: null, identities: [{ kind: 'evm' }] })
    t.equal((await post(`${auth}/email/link/confirm`, { challenge_id: attacker.pendingLink.json['challenge_id'], code: attacker.mails.find(({ purpose }) => purpose === 'email_link')?.code }, { token: left.access })).status, 401, 'nor does a link asked for before bring it back')
    t.equal((await logIn(email, 'of the victim')).status, name.startsWith('resets') ? 200 : 401)
    t.equal(await collection('audit').countDocuments({ event: 'identity.cut', subject: tokens.userId } as object), 1)
    t.equal(await collection('passwords').countDocuments({ userId: tokens.userId } as object), 0)
  })
}

t.test('an account that loses its only login stays as a row that nobody enters', async (t) => {
  const { email, tokens } = await signedUp()

  const victim = tokensIn((await byCode(email)).json)

  t.not(victim.userId, tokens.userId)
  t.match(await collection('users').findOne({ _id: tokens.userId }), { state: 'active', email: null })
  t.equal(await collection('identities').countDocuments({ userId: tokens.userId } as object), 0)
})

t.test('a sign-in with the old password that races the proof leaves no session behind, time and again', async (t) => {
  for (let round = 0; round < 4; round++) {
    const { email, tokens } = await signedUp()
    const code = await mailedCode(email)

    const [proved, ...logins] = await Promise.all([post(`${auth}/email/code/verify`, code), ...Array.from({ length: 8 }, () => logIn(email))])

    t.equal(proved?.status, 200)
    for (const { status, json } of logins) {
      if (status === 200) await until(async () => (await me(tokensIn(json))).status === 401, { what: 'the session to end' })
      else t.ok([401, 429, 503].includes(status), String(status))
    }
    t.equal(await collection('sessions').countDocuments({ userId: tokens.userId, state: 'active' } as object), 0)
  }
})

t.test('of forty parallel answers with one right code one signs in; a used code is worth nothing', async (t) => {
  for (const email of [someone().email, (await signedUp()).email]) {
    const answer = await mailedCode(email)

    const answers = await Promise.all(Array.from({ length: 40 }, () => post(`${auth}/email/code/verify`, answer)))

    t.equal(answers.filter(({ status }) => status === 200).length, 1, answers.map(({ status }) => status).join(' '))
    t.equal((await post(`${auth}/email/code/verify`, answer)).status, 401)
    t.equal(await collection('identities').countDocuments({ _id: identityOf(email) }), 1)
  }
})

t.test('a mailed code opens the account of its address, or makes it; asking tells nothing', async (t) => {
  const { email, username } = someone()
  const unknown = await post(`${auth}/email/code`, { email })
  t.match(unknown, { status: 202, json: { challenge_id: /^chl_/, opener: /^[\w-]{43}$/, sent_to: /\*/ } })

  const answer = { challenge_id: unknown.json['challenge_id'], opener: unknown.json['opener'], code: otp.mailTo(email).code }
  t.equal((await post(`${auth}/email/code/verify`, { ...answer, opener: 'A'.repeat(43) })).status, 401, 'it answers to its browser alone')
  const made = await post(`${auth}/email/code/verify`, { ...answer, username })
  t.match(made, { status: 200, json: { user: { username, email, identities: [{ kind: 'email', verified: true }] } } })

  const known = await post(`${auth}/email/code`, { email })
  t.strictSame(Object.keys(known.json).sort(), Object.keys(unknown.json).sort())
  t.match(await byCode(email), { status: 200, json: { user: { id: tokensIn(made.json).userId } } })
  t.match(await post(`${auth}/email/code/verify`, { ...await mailedCode(someone().email), username }), { status: 200, json: { user: { username: new RegExp(`^${username}_\\w+$`) } } }, 'a taken username gets a suffix')
})

t.test('an unproved address of the own account is kept by a code that its session answers', async (t) => {
  const { email, tokens } = await signedUp()

  const answer = await byCode(email, { token: tokens.access })

  t.match(answer, { status: 200, json: { user: { id: tokens.userId, email } } })
  t.equal((await logIn(email)).status, 200)
})

t.test('an answer whose reply was lost is sent again and counts once', async (t) => {
  const { email } = someone()
  const answer = await mailedCode(email)
  otp.state.loseReply = true

  t.equal((await post(`${auth}/email/code/verify`, answer)).status, 503)
  t.equal((await post(`${auth}/email/code/verify`, answer)).status, 200)
  t.equal((await post(`${auth}/email/code/verify`, answer)).status, 401)
})

t.test('an answer is worth what its receipt says and no more', async (t) => {
  const { createReceiptSigner, generateReceiptKey } = await import('@countersign/secrets')
  const stranger = createReceiptSigner(generateReceiptKey().privateJwk)
  const { sign, signMailbox } = otp.signer
  const forgeries: Record<string, NonNullable<typeof otp.state.forge>> = {
    'no receipt': async () => 'x',
    'another key': (claims) => stranger.signMailbox(claims),
    'another purpose': (claims) => signMailbox({ ...claims, purpose: 'signup' }),
    'another challenge': (claims) => signMailbox({ ...claims, challenge_id: 'chl_00000000000000000000000000' }),
    'another address': (claims) => signMailbox({ ...claims, action_digest: `0x${'0'.repeat(64)}` }),
    'for an account': (claims) => signMailbox({ ...claims, sub: 'usr_00000000000000000000000000' }),
    'a receipt of a factor': (claims) => sign({
      jti: claims.jti, challenge_id: claims.challenge_id, aud: 'auth-gateway', purpose: 'email_enrol', sub: 'usr_00000000000000000000000000', factor_root: 'A'.repeat(43),
      factor_kind: 'email_code', shown: true, factor_age_seconds: 0, action_digest: claims.action_digest, text_sha256: '0'.repeat(64), iat: 0
    })
  }
  for (const [name, forge] of Object.entries(forgeries)) {
    const { email } = someone()
    const answer = await mailedCode(email)
    otp.state.forge = forge
    t.match(await post(`${auth}/email/code/verify`, answer), { status: 401, json: { type: '/problems/code-rejected' } }, name)
    otp.state.forge = undefined
    t.equal(await collection('identities').countDocuments({ _id: identityOf(email) }), 0, name)
  }
})

t.test('API keys outlive a change of the password and a reset, unless they are to end too', async (t) => {
  const { email, tokens, verification } = await signedUp()
  await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code: otp.mailTo(email).code }, { token: tokens.access })
  const newKey = async ({ access }: Tokens): Promise<string> => {
    const { status, json, text } = await post('/api/v1/api-keys', { name: 'nightly', scopes: ['profile:read'] }, { token: access })
    if (status !== 201) throw new Error(text)
    return String(json['key'])
  }
  const opens = async (key: string) => (await gateway.send('GET', '/api/v1/me', { token: key })).status
  const ends = (key: string) => until(async () => await opens(key) === 401, { what: 'the end of the key' })
  const first = await newKey(tokens)

  t.equal((await post(`${auth}/email/change-password`, { old_password: password, new_password: 'the second one' }, { token: tokens.access })).status, 200)
  t.equal((await post(`${auth}/password-reset/confirm`, { token: await resetLink(email), new_password: 'the third one' })).status, 200)
  t.equal(await collection('api_keys').countDocuments({ userId: tokens.userId, revokedAt: null } as object), 1)
  t.equal(await opens(first), 200)

  const session = tokensIn((await logIn(email, 'the third one')).json)
  t.equal((await post(`${auth}/email/change-password`, { old_password: 'the third one', new_password: 'the fourth one', revoke_api_keys: true }, { token: session.access })).status, 200)
  await ends(first)
  const second = await newKey(session)
  t.equal((await post(`${auth}/password-reset/confirm`, { token: await resetLink(email), new_password: 'the fifth one', revoke_api_keys: true })).status, 200)
  await ends(second)
  const rows = await collection('audit').find({ event: { $in: ['password.changed', 'password.reset'] }, subject: tokens.userId } as object).sort({ recordedAt: 1 }).toArray()
  t.strictSame(rows.map((row) => (row as unknown as { facts: { keys_revoked: boolean } }).facts.keys_revoked), [false, false, true, true])
})

t.test('a reset answers alike for every address, sets the password, and ends every session', async (t) => {
  const { email, tokens, verification } = await signedUp()
  await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code: otp.mailTo(email).code }, { token: tokens.access })
  const stranger = someone().email
  const before = otp.mails.length

  const [known, unknown] = [await post(`${auth}/password-reset/request`, { email }), await post(`${auth}/password-reset/request`, { email: stranger })]

  const shape = ({ status, json }: Answer) => ({ status, ...json, challenge_id: '', opener: '', sent_to: '' })
  t.strictSame(shape(known), shape(unknown))
  t.strictSame(otp.mails.slice(before).map(({ to, link }) => [to, link?.split('#')[0]]), [[email, 'http://gateway.test:8000/reset-password']], 'the unknown one gets nothing')
  const { token, code } = otp.mailTo(email)
  t.match(await post(`${auth}/password-reset/confirm`, { token, new_password: 'password' }), { status: 422, json: { faults: [{ path: 'body/new_password' }] } })
  t.match(await post(`${auth}/password-reset/confirm`, { token, new_password: email }), { status: 422 }, 'nor the address itself')
  await collection('users').updateOne({ _id: tokens.userId }, { $set: { username: 'Lighthouse_Keeper' } } as object)
  t.match(await post(`${auth}/password-reset/confirm`, { token, new_password: 'lighthouse_keeper7' }), { status: 422, json: { faults: [{ message: /name or address/ }] } }, 'nor the name')
  t.equal((await post(`${auth}/password-reset/confirm`, { token, new_password: 'a password from the mail' })).status, 200, 'the same link once more with a better one')
  await assertDead(t, tokens)
  t.equal((await logIn(email)).status, 401)
  t.match(await logIn(email, 'a password from the mail'), { status: 200, json: { user: { id: tokens.userId } } })
  t.equal((await post(`${auth}/password-reset/confirm`, { token, new_password: 'and another one' })).status, 401, 'a link is used once')
  t.equal((await post(`${auth}/password-reset/confirm`, { challenge_id: known.json['challenge_id'], opener: known.json['opener'], code, new_password: 'and another one' })).status, 401, 'and its code with it')

  const again = await post(`${auth}/password-reset/request`, { email })
  const byMailedCode = { challenge_id: again.json['challenge_id'], code: otp.mailTo(email).code, new_password: 'and another one' }
  t.equal((await post(`${auth}/password-reset/confirm`, byMailedCode)).status, 401, 'a code needs its browser')
  t.equal((await post(`${auth}/password-reset/confirm`, { ...byMailedCode, opener: again.json['opener'] })).status, 200)
  t.equal((await logIn(email, 'and another one')).status, 200)
})

t.test('a wallet user links an address, which is nothing before it is proved', async (t) => {
  const tokens = await newWallet()
  const { email } = someone()

  const asked = await post(`${auth}/email/link`, { email, password }, { token: tokens.access })
  t.match(asked, { status: 202, json: { challenge_id: /^chl_/ } })
  t.equal((await logIn(email)).status, 401)
  const confirm = { challenge_id: asked.json['challenge_id'], code: otp.mailTo(email).code }
  t.equal((await post(`${auth}/email/link/confirm`, confirm, { token: (await newWallet()).access })).status, 401, 'another account cannot answer it')
  const linked = await post(`${auth}/email/link/confirm`, confirm, { token: tokens.access })

  t.match(linked, { status: 200, json: { identity: { kind: 'email', address: email, verified: true } } })
  t.match(await logIn(email), { status: 200, json: { user: { id: tokens.userId } } })
  t.equal((await gateway.send('DELETE', `/api/v1/me/identities/${encodeURIComponent(identityOf(email))}`, { token: tokens.access })).status, 204)
  t.equal((await logIn(email)).status, 401, 'an unlinked address takes its password along')
  t.equal(await collection('passwords').countDocuments({ _id: identityOf(email) }), 0)
  t.equal((await post(`${auth}/email/link`, { email, password: 'short' }, { token: tokens.access })).status, 422)
})

t.test('linking merges nothing: a proved address is refused to others, an unproved one changes hands', async (t) => {
  const owner = await signedUp()
  const tokens = await newWallet()
  const link = async (email: string): Promise<Answer> => {
    const asked = await post(`${auth}/email/link`, { email, password: 'of the wallet' }, { token: tokens.access })
    t.equal(asked.status, 202, 'asking tells nothing')
    return await post(`${auth}/email/link/confirm`, { challenge_id: asked.json['challenge_id'], code: otp.mailTo(email).code }, { token: tokens.access })
  }
  const taken = await signedUp()
  await post(`${auth}/email/verify`, { challenge_id: taken.verification.challenge_id, code: otp.mailTo(taken.email).code }, { token: taken.tokens.access })

  t.match(await link(taken.email), { status: 409, json: { type: '/problems/identity-taken' } })
  t.match(await logIn(taken.email), { status: 200, json: { user: { id: taken.tokens.userId } } })

  t.equal((await link(owner.email)).status, 200)
  await assertDead(t, owner.tokens)
  t.equal((await logIn(owner.email)).status, 401)
  t.match(await logIn(owner.email, 'of the wallet'), { status: 200, json: { user: { id: tokens.userId } } })
  t.equal((await link(owner.email)).status, 200, 'the own one again changes nothing')
})

t.test('SIGNUP_MODE=verified: known and unknown addresses answer alike, and nothing is there before the proof', async (t) => {
  const unknown = someone()
  const known = await signedUp()
  await post(`${auth}/email/verify`, { challenge_id: known.verification.challenge_id, code: otp.mailTo(known.email).code }, { token: known.tokens.access })
  const ask = (who: { email: string, username: string }) => post(`${auth}/email/signup`, { ...who, password }, { at: verified })
  const before = otp.mails.length
  const notices = await collection('outbox').countDocuments({ queue: 'mail-gateway' } as object)

  const [fresh, taken] = [await ask(unknown), await ask({ email: known.email, username: someone().username })]

  t.equal(fresh.status, 202)
  t.equal(taken.status, 202)
  t.strictSame(Object.keys(fresh.json).sort(), Object.keys(taken.json).sort())
  t.strictSame(otp.mails.slice(before).map(({ to }) => to), [unknown.email], 'only the unknown one gets a code')
  await until(async () => await collection('outbox').countDocuments({ queue: 'mail-gateway' } as object) === notices + 1, { what: 'the notice to the known one' })
  t.equal(await collection('identities').countDocuments({ _id: identityOf(unknown.email) }), 0)
  t.equal((await logIn(unknown.email)).status, 401)
  t.notMatch(await dump(), new RegExp(password), 'the password is nowhere in clear')

  const made = await post(`${auth}/email/verify`, { challenge_id: fresh.json['challenge_id'], opener: fresh.json['opener'], code: otp.mailTo(unknown.email).code }, { at: verified })
  t.match(made, { status: 200, json: { email: unknown.email, account: 'new', session: { user: { username: unknown.username, email: unknown.email } } } })
  t.equal((await logIn(unknown.email)).status, 200)
  t.match(await ask({ email: someone().email, username: unknown.username }), { status: 409 })
})

/** Everything that Redis holds. */
async function dump (): Promise<string> {
  const { connectRedis } = await import('@countersign/redis')
  const { createLogger } = await import('@countersign/runtime')
  const redis = await connectRedis({ url: house.redis.url, name: 'dump', log: createLogger({ service: 'auth-gateway', level: 'silent', sha: 'x', environment: 'test' }) })
  const keys = await redis.keys('*')
  const values = await Promise.all(keys.map(async (key) => `${key} ${await redis.get(key).catch(() => '')}`))
  redis.disconnect()
  return values.join('\n')
}

t.test('SIGNUP_MODE=verified: a link in another browser gives the address an account without what was chosen elsewhere', async (t) => {
  const victim = someone()
  await post(`${auth}/email/signup`, { ...victim, password }, { at: verified })

  const answer = await post(`${auth}/email/verify`, { token: otp.mailTo(victim.email).token }, { at: verified })

  t.match(answer, { status: 200, json: { account: 'new' } })
  t.notOk('session' in answer.json)
  t.equal((await logIn(victim.email)).status, 401, 'the password of whoever signed up is nobody\'s')
  t.not(((await byCode(victim.email)).json['user'] as { username: string }).username, victim.username)

  const same = someone()
  const asked = await post(`${auth}/email/signup`, { ...same, password }, { at: verified })
  t.match(await post(`${auth}/email/verify`, { token: otp.mailTo(same.email).token }, { at: verified, headers: { cookie: String(asked.headers.get('set-cookie')).split(';')[0] ?? '' } }), { status: 200, json: { session: { user: { username: same.username } } } })

  const squatted = await signedUp()
  const retaken = await post(`${auth}/email/signup`, { email: squatted.email, username: someone().username, password: 'of the holder' }, { at: verified })
  t.match(await post(`${auth}/email/verify`, { challenge_id: retaken.json['challenge_id'], opener: retaken.json['opener'], code: otp.mailTo(squatted.email).code }, { at: verified }), { status: 200, json: { account: 'new' } })
  await assertDead(t, squatted.tokens)
  t.equal((await logIn(squatted.email, 'of the holder')).status, 200)
})

t.test('the address proved as a factor is proved as a login too', async (t) => {
  const { email, tokens } = await signedUp()
  await house.mongo.db.collection<{ _id: string }>('users').updateOne({ _id: tokens.userId }, { $set: { email: null } })
  const { createUserRepository } = await import('../src/users/user-repository.ts')
  const { createAudit } = await import('@countersign/mongo')
  const mongo = { client: house.mongo.client, db: house.mongo.db } as Parameters<typeof createUserRepository>[0]['mongo']
  const users = createUserRepository({ mongo, audit: createAudit(house.mongo.db), now: () => new Date(), newId: () => 'usr_x' })

  await users.setEmail(tokens.userId, email, new Date())

  t.match(await byCode(email), { status: 200, json: { user: { id: tokens.userId } } }, 'a code does not cut it away')
})

t.test('no header of a request has a word in where mailed links lead', async (t) => {
  const away = await house.open({ FRONTEND_URL: 'https://app.example.com/account/', TRUSTED_HOPS: '1' })
  const poisons: Record<string, string>[] = [
    {}, { host: 'evil.test' }, { 'x-forwarded-host': 'evil.test' }, { 'x-forwarded-proto': 'gopher' }, { 'x-forwarded-port': '666' }, { forwarded: 'host=evil.test;proto=http' },
    { 'x-forwarded-server': 'evil.test' }, { 'x-host': 'evil.test' }, { 'x-original-host': 'evil.test' }, { 'x-original-url': 'http://evil.test/' }, { 'x-rewrite-url': '//evil.test' },
    { 'x-http-host-override': 'evil.test' }, { 'x-forwarded-prefix': '//evil.test' }, { origin: 'http://evil.test' }, { referer: 'http://evil.test/' }, { via: 'evil.test' }
  ]
  const { email } = await signedUp()
  const bytes = new Set<string>()
  for (const poison of poisons) {
    otp.heard.length = 0
    const given = { at: away, headers: { ...poison, 'x-forwarded-for': '203.0.113.1' } }
    const signedUpThere = await post(`${auth}/email/signup`, { ...someone(), password }, given)
    t.equal(signedUpThere.status, 201)
    const { challenge_id: id, opener } = verificationIn(signedUpThere)
    t.equal((await post(`${auth}/email/resend`, { challenge_id: id, opener }, given)).status, 202)
    t.equal((await post(`${auth}/password-reset/request`, { email }, given)).status, 202)
    t.equal((await post(`${auth}/email/code`, { email }, given)).status, 202)
    // Whose it is differs from one sign-up to the next, and so does where it may be answered.
    const told = otp.heard.map(({ command, request }) => [command, { ...request as object, email: '', user_id: '', session_id: '', challenge_id: '', opener: '' }])
    t.strictSame(told.map(([command]) => command), ['begin', 'resend', 'begin', 'begin'])
    bytes.add(JSON.stringify(told))
  }
  t.equal(bytes.size, 1, [...bytes].join('\n'))
  for (const page of ['verify-email', 'reset-password']) t.match([...bytes][0], `"link_base":"https://app.example.com/account/${page}"`)
})

t.test('loading the page of a link uses nothing up; it allows no script but its own', async (t) => {
  const { email, cookie } = await signedUp()
  const { token } = otp.mailTo(email)
  const asked = otp.heard.length
  for (const method of ['GET', 'HEAD', 'GET']) {
    for (const path of ['/verify-email', '/reset-password', '/new-factor', '/mailed-link.js', `/verify-email?token=${token}`, `${auth}/email/verify?token=${token}`]) {
      await gateway.send(method, path, { headers: { purpose: 'prefetch', 'sec-purpose': 'prefetch' } })
    }
  }
  t.equal(otp.heard.length, asked, 'nothing was asked of otp-service')
  const page = await gateway.send('GET', '/verify-email')
  t.equal(page.status, 200)
  t.match(page.headers.get('content-security-policy'), /^default-src 'none';style-src 'sha256-[^']+';script-src 'self';connect-src 'self';base-uri 'none'/)
  t.notMatch(page.text, /<script>|onclick|javascript:/)
  t.match(page.text, /not the browser in which the account was opened/)
  t.notMatch((await gateway.send('GET', '/verify-email', { headers: { cookie } })).text, /not the browser/)
  t.match((await gateway.send('GET', '/mailed-link.js')).headers.get('content-type'), /^text\/javascript/)
  t.match(cookie, /^countersign-opener=[\w-]{43}$/)
  const secure = await house.open({ PUBLIC_URL: 'https://gateway.test' })
  t.match((await post(`${auth}/email/signup`, { ...someone(), password }, { at: secure })).headers.get('set-cookie'), /^__Host-countersign-opener=[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  t.equal((await post(`${auth}/email/verify`, { token }, { headers: { cookie } })).status, 200, 'the link is still good')
})

t.test('callers of the earlier system sign in by the code that their client address asked for', async (t) => {
  const { email } = someone()
  const proxied = await house.open({ TRUSTED_HOPS: '1' })
  const from = (ip: string, path: string, body: object) => post(`/v1/auth/${path}`, body, { at: proxied, headers: { 'x-forwarded-for': ip } })

  t.match(await from('203.0.113.1', 'request-verification', { identifier: email }), { status: 200, json: { success: true, message: /./ } })
  const { code } = otp.mailTo(email)
  t.equal((await from('203.0.113.2', 'submit-verification', { identifier: email, code })).status, 401, 'a stranger elsewhere does not answer it')
  t.equal((await from('203.0.113.2', 'request-verification', { identifier: email })).status, 200)
  const answer = await from('203.0.113.1', 'submit-verification', { identifier: email.toLowerCase(), code })
  t.match(answer, { status: 200, json: { success: true, token: /^ey/ } }, 'nor do their requests cancel mine')
  t.match((await gateway.send('GET', '/api/v1/me', { token: String(answer.json['token']) })).json, { email })
  t.equal((await from('203.0.113.1', 'submit-verification', { identifier: email, code })).status, 401)
  t.equal((await from('203.0.113.1', 'request-verification', { identifier: 'nobody' })).status, 422)
})

t.test('of parallel unlinks and proofs of one address none leaves a login that is in between', async (t) => {
  for (let round = 0; round < 4; round++) {
    const tokens = await newWallet()
    const { email } = someone()
    const asked = await post(`${auth}/email/link`, { email, password }, { token: tokens.access })
    await post(`${auth}/email/link/confirm`, { challenge_id: asked.json['challenge_id'], code: otp.mailTo(email).code }, { token: tokens.access })
    const link = await resetLink(email)

    const [unlinked, reset] = await Promise.all([
      gateway.send('DELETE', `/api/v1/me/identities/${encodeURIComponent(identityOf(email))}`, { token: tokens.access }),
      post(`${auth}/password-reset/confirm`, { token: link, new_password: 'a password from the mail' })
    ])

    const identity = await collection('identities').findOne({ _id: identityOf(email) })
    const stored = await collection('passwords').findOne({ _id: identityOf(email) })
    t.equal(stored !== null, identity !== null, `unlink ${unlinked.status}, reset ${reset.status}: a password only with its address`)
    if (stored !== null) t.equal((stored as unknown as { userId: string }).userId, (identity as unknown as { userId: string }).userId)
  }
})

t.test('no log line and no audit row holds an address, a password, a code or a secret', async (t) => {
  const { email, verification } = await signedUp()
  const { code, token } = otp.mailTo(email)
  await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code, opener: verification.opener })
  const audit = JSON.stringify(await collection('audit').find().toArray())
  for (const text of [house.logs.text(), audit]) {
    t.notMatch(text, /ada\.\d+@example\.com/i)
    for (const secret of [password, String(token), verification.opener]) t.notOk(text.includes(secret))
  }
  t.notMatch(house.logs.text(), new RegExp(`\\b${code}\\b`))
})

t.test('an account that is being deleted is told of to who knows its password or reads its mailbox, and to nobody else', async (t) => {
  const { email, tokens, verification } = await signedUp()
  await post(`${auth}/email/verify`, { challenge_id: verification.challenge_id, code: otp.mailTo(email).code, opener: verification.opener })
  await collection('users').updateOne({ _id: tokens.userId }, { $set: { state: 'deleting' } })

  t.match(await logIn(email), { status: 409, json: { type: '/problems/account-deleting' } })
  t.match(await logIn(email, 'another horse battery'), { status: 401, json: { type: '/problems/credentials-rejected' } })
  t.match(await byCode(email), { status: 409, json: { type: '/problems/account-deleting' } })
})
