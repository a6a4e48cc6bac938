/** The whole house over its public door: the main job, bad turns of it, and every service killed at every step. */
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request as ask, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { text } from 'node:stream/consumers'
import { serviceNames, type ServiceName, type TokenReply, type TransactionView } from '@countersign/contracts'
import { until } from '@countersign/testing'
import t from 'tap'
import { parseEther, type Address } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createGatewayClient, GatewayRefusal } from '../src/gateway-client.ts'
import { openPrincipal, openWallet, type Principal } from '../src/grant.ts'
import { openHouse, workspaceRoot, type Mail } from '../src/house.ts'
import { codeIn, follow, proveEmail, requestTransfer, signIn, transfersTo } from '../src/main-job.ts'

const directory = await mkdtemp(`${tmpdir()}/countersign-e2e-`)
const house = await openHouse({
  dataDirectory: directory,
  // One address asks for everything here; the limits themselves are tested elsewhere.
  environment: {
    'auth-gateway': { RATE_LIMIT_MAX: '1000000', AUTH_RATE_LIMIT_MAX_REQUESTS: '1000000' },
    'otp-service': { OTP_SENDS_PER_MINUTE: '1000', OTP_SENDS_PER_HOUR: '1000', OTP_SENDS_PER_PLACE_PER_HOUR: '1000' },
    // What a killed process held is free again sooner than in production.
    'signer-service': { LANE_LEASE_SECONDS: '2' },
    'email-worker': { MAIL_LEASE_SECONDS: '2' }
  }
})
t.teardown(async () => {
  await house.close()
  await rm(directory, { recursive: true, force: true })
})
const gateway = createGatewayClient(house.gatewayUrl)
const recipients = Array.from({ length: 40 }, () => privateKeyToAccount(generatePrivateKey()).address)
let used = 0
const nextRecipient = (): Address => recipients[used++] as Address
const wallet = await openWallet(house, 'e2e', recipients)
const value = parseEther('0.01')

let users = 0
const newPrincipal = (): Promise<Principal> => openPrincipal(house, gateway, wallet, `user${users++}@example.com`)
const ada = await newPrincipal()

const request = (user: Principal, to: Address, idempotencyKey = `key-${to}`): Promise<TransactionView> =>
  requestTransfer(gateway, user, { walletId: wallet.id, to, value, idempotencyKey })
/** Whoever sees no `confirmation` yet asks for it: otp-service was away when the transaction was made. */
async function codeFor (user: Principal, { id, confirmation }: TransactionView): Promise<string> {
  if (confirmation === undefined) await insist('the code', () => gateway.call('POST', `/api/v1/transactions/${id}/challenge`, { token: user.accessToken }))
  return codeIn((await house.mailTo(user.email, new RegExp(id))).text)
}
const confirm = (user: Principal, id: string, code: string) =>
  gateway.send<TransactionView>('POST', `/api/v1/transactions/${id}/confirm`, { token: user.accessToken, body: { code } })
const confirmed = (user: Principal, id: string): Promise<TransactionView> => follow(gateway, user, id, ({ state }) => state === 'confirmed')

/** Says again what got no answer: 503 is the only refusal that a caller repeats. */
const insist = <T>(what: string, work: () => Promise<T>): Promise<T> => {
  let refusal: unknown
  return until(async () => {
    try {
      return { value: await work() }
    } catch (error) {
      if (!(error instanceof GatewayRefusal) || error.status >= 500) return false
      refusal = error
      return { value: undefined as T }
    }
  }, { timeoutMs: 40_000, what }).then((answer) => {
    if (refusal !== undefined) throw refusal as Error
    return answer.value
  })
}

t.test('a transfer is asked for, shown in the mail, confirmed by its code, and on the chain once', async (t) => {
  const to = nextRecipient()
  const tx = await request(ada, to)
  t.equal(tx.state, 'awaiting_confirmation')
  const mail = await house.mailTo(ada.email, new RegExp(tx.id))
  for (const shown of [to, wallet.address, '0.01', '31337']) t.ok(mail.text.includes(shown), `the mail shows ${shown}`)

  const { requestId } = await house.database('signer-service').collection<{ _id: string, requestId: string }>('transactions').findOne({ _id: tx.id }) ?? {}
  t.equal(mail.headers['x-request-id'], requestId, 'one request id from the gateway to the mail')
  t.equal((await confirm(ada, tx.id, codeIn(mail.text))).status, 200)

  const done = await confirmed(ada, tx.id)
  t.equal(done.state, 'confirmed')
  t.strictSame(done.history.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]).slice(-4), ['signed', 'broadcast', 'mined', 'confirmed'])
  const transfers = await transfersTo(house, to)
  t.match(transfers, [{ hash: done.hash, value }])
  t.equal(transfers.length, 1)
})

t.test('every service tells how it is doing', async (t) => {
  const expected: Record<ServiceName, string[]> = {
    'auth-gateway': ['http_request_duration_seconds', 'command_duration_seconds', 'mongo_command_duration_seconds', 'wallet_authentications_total'],
    'otp-service': ['command_handled_total', 'otp_send_total', 'otp_verify_total', 'otp_verify_success', 'job_queue_depth', 'outbox_open'],
    'signer-service': ['kms_sign_duration_seconds', 'rpc_request_duration_seconds', 'signer_transactions_total', 'job_duration_seconds'],
    'email-worker': ['otp_email_sent_total', 'mail_deliveries_total', 'job_duration_seconds', 'job_oldest_age_seconds']
  }
  for (const name of serviceNames) {
    const text = await (await fetch(`${house.services.opsUrls[name]}/metrics`)).text()
    for (const metric of [...expected[name], 'build_info', 'nodejs_heap_limit_bytes']) t.match(text, new RegExp(`^${metric}(_bucket|_count)?[{ ]`, 'm'), `${name} ${metric}`)
    t.equal((await fetch(`${house.services.opsUrls[name]}/health`)).status, 200)
    t.match(await (await fetch(`${house.services.opsUrls[name]}/ready`)).json(), { ready: true, reasons: [] })
  }
  const { pages } = await import(new URL(`file://${workspaceRoot}scripts/earlier-systems.mjs`).href) as { readonly pages: readonly string[] }
  for (const page of pages) t.equal((await fetch(`${house.gatewayUrl}${page}`)).status, 200, page)
})

t.test('an e-mail account from sign-up to reset, over real mails; who reads the mailbox takes the address from who only claimed it', async (t) => {
  const auth = '/api/v1/auth'
  const post = (path: string, body: object, token?: string) => gateway.send<{ challenge_id: string, opener: string } & TokenReply>('POST', `${auth}/${path}`, { body, ...token !== undefined && { token } })
  const linkIn = (text: string, page: string): string => {
    const [, url = '', token = ''] = /(http\S+)#token=([\w-]{43})/.exec(text) ?? []
    t.equal(url, `${house.gatewayUrl}/${page}`)
    return token
  }
  const signUp = (email: string, username: string) => post('email/signup', { email, password: 'paper lantern orchard', username })

  const signedUp = await signUp('grace@example.com', 'grace')
  t.equal(signedUp.status, 201)
  const { verification } = signedUp.body as unknown as { verification: { challenge_id: string } }
  const code = codeIn((await house.mailTo('grace@example.com', /open an account/)).text)
  t.match(await post('email/verify', { challenge_id: verification.challenge_id, code }, signedUp.body.access_token), { status: 200, body: { account: 'kept' } })

  t.equal((await post('password-reset/request', { email: 'grace@example.com' })).status, 202)
  const token = linkIn((await house.mailTo('grace@example.com', /new password/)).text, 'reset-password')
  t.equal((await post('password-reset/confirm', { token, new_password: 'copper harbour thistle' })).status, 200)
  t.equal((await post('email/login', { email: 'grace@example.com', password: 'paper lantern orchard' })).status, 401)
  t.match(await post('email/login', { email: 'Grace@Example.com', password: 'copper harbour thistle' }), { status: 200, body: { user: { id: signedUp.body.user.id } } })
  t.equal((await gateway.send('GET', '/api/v1/me', { token: signedUp.body.access_token })).status, 401)
  t.ok(await house.mailTo('grace@example.com', /password .*was changed/i), 'she is told')

  const attacker = await signUp('victim@example.com', 'mallory')
  const link = linkIn((await house.mailTo('victim@example.com', /open an account/)).text, 'verify-email')
  t.match(await post('email/verify', { token: link }), { status: 200, body: { account: 'new' } })
  t.equal((await gateway.send('GET', '/api/v1/me', { token: attacker.body.access_token })).status, 401)
  t.equal((await post('email/login', { email: 'victim@example.com', password: 'paper lantern orchard' })).status, 401)
  const asked = await post('email/code', { email: 'victim@example.com' })
  const byCode = await post('email/code/verify', { challenge_id: asked.body.challenge_id, opener: asked.body.opener, code: codeIn((await house.mailTo('victim@example.com', /sign in/i)).text) })
  t.equal(byCode.status, 200)
  t.not(byCode.body.user.id, attacker.body.user.id)
  t.equal((await post('password-reset/request', { email: 'nobody@example.com' })).status, 202)
})

interface SignUpReply { readonly verification: { readonly challenge_id: string, readonly opener: string } }

t.test('every byte of a mail with a link is the same, whatever the headers of the request that asked for it say', async (t) => {
  const poison = {
    host: 'evil.test', 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'gopher', 'x-forwarded-port': '666', 'x-forwarded-prefix': '//evil.test', forwarded: 'host=evil.test;proto=gopher',
    'x-original-url': 'http://evil.test/', 'x-host': 'evil.test', 'x-http-host-override': 'evil.test', origin: 'http://evil.test', referer: 'http://evil.test/', via: '1.1 evil.test'
  }
  /** What differs from one mail to the next in any case: whose it is, its secrets, its names and its times. */
  const bytesOf = ({ from, subject, text: plainText, html = '', headers }: Mail, email: string): string[] =>
    [from, subject, plainText, html, ...Object.entries(headers).filter(([name]) => !['date', 'message-id', 'x-request-id'].includes(name)).flat()].map((part) => part
      .replaceAll(email, 'ADDRESS').replace(/#token=[\w-]{43}/g, '#token=TOKEN').replace(/\b\d{6}\b/g, 'CODE').replace(/\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?/g, 'TIME').replace(/boundary=.*/, 'BOUNDARY'))
  const mailsFor = async (email: string, headers: Record<string, string>): Promise<string[][]> => {
    const said = async (path: string, body: object): Promise<SignUpReply> => {
      const { status, said: answer } = await post(`/api/v1/auth/${path}`, body, headers)
      t.ok(status === 201 || status === 202, `${path} ${status}`)
      return JSON.parse(answer) as SignUpReply
    }
    const mailed = async (pattern: RegExp): Promise<string[]> => bytesOf(await house.mailTo(email, pattern), email)
    const { verification: { challenge_id: id, opener } } = await said('email/signup', { email, password: 'paper lantern orchard', username: email.split('@')[0] })
    const signedUp = await mailed(/open an account/)
    await said('email/resend', { challenge_id: id, opener })
    const again = await mailed(/open an account/)
    await said('password-reset/request', { email })
    return [signedUp, again, await mailed(/new password/)]
  }
  // fetch may set no Host.
  const post = async (path: string, body: object, headers: Record<string, string>) => {
    const asking = ask(new URL(path, house.gatewayUrl), { method: 'POST', headers: { 'content-type': 'application/json', ...headers } })
    asking.end(JSON.stringify(body))
    const [answer] = await once(asking, 'response') as [IncomingMessage]
    return { status: answer.statusCode ?? 0, said: await text(answer) }
  }

  const plain = await mailsFor('plain@example.com', {})
  const poisoned = await mailsFor('poisoned@example.com', poison)

  t.strictSame(poisoned, plain)
  for (const [i, page] of ['verify-email', 'verify-email', 'reset-password'].entries()) t.ok(plain[i]?.[2]?.includes(`${house.gatewayUrl}/${page}#token=TOKEN`), page)
})

const phone = '+41790000012'
t.test('a telephone number is proved and confirms an API key, by texts that went through the provider\'s door', async (t) => {
  const { accessToken: token } = await signIn(gateway, privateKeyToAccount(generatePrivateKey()))
  const codeAbout = async (pattern: RegExp): Promise<string> =>
    /Code (\d{6}), good for 5 minutes/.exec((await house.stack.sms.waitForSms(({ to, text }) => to === phone && pattern.test(text), 20_000)).text)?.[1] ?? ''
  const foreign = await gateway.send('POST', '/api/v1/me/factors/sms', { token, body: { phone_number: '+8613800000012' } })
  t.match(foreign, { status: 403, body: { type: '/problems/number-not-served' } })

  const begun = await gateway.call<{ challenge_id: string, sent_to: string }>('POST', '/api/v1/me/factors/sms', { token, body: { phone_number: phone, name: 'Telephone' } })
  t.equal(begun.sent_to, '+41…••12')
  const { factor } = await gateway.call<{ factor: { id: string } }>('POST', '/api/v1/me/factors/sms/confirm', { token, body: { challenge_id: begun.challenge_id, code: await codeAbout(/Add this number/) } })

  const newKey = (headers: Record<string, string> = {}) => gateway.send<{ action: object }>('POST', '/api/v1/api-keys', { token, body: { name: 'nightly', scopes: ['profile:read'] }, headers })
  const refused = await newKey()
  t.equal(refused.status, 401)
  const { id } = await gateway.call<{ id: string }>('POST', '/api/v1/step-ups', { token, body: { action: refused.body.action } })
  await gateway.call('POST', `/api/v1/step-ups/${id}/send`, { token, body: { factor_id: factor.id } })
  const verified = await gateway.call('POST', `/api/v1/step-ups/${id}/verify`, { token, body: { factor_id: factor.id, code: await codeAbout(/Make an API key: profile:read\./) } })
  t.match(verified, { factor_kind: 'sms' })
  t.equal((await newKey({ 'step-up': id })).status, 201)
  t.equal((await newKey({ 'step-up': id })).status, 401, 'once')
})

t.test('one key sent twenty times at once is one transaction', async (t) => {
  const to = nextRecipient()

  const answers = await Promise.all(Array.from({ length: 20 }, () => request(ada, to)))

  t.equal(new Set(answers.map(({ id }) => id)).size, 1)
  const other = await gateway.send('POST', '/api/v1/transactions', {
    token: ada.accessToken, headers: { 'idempotency-key': `key-${to}` }, body: { wallet_id: wallet.id, chain_id: 31337, to, value: '1' }
  })
  t.match(other, { status: 409, body: { type: '/problems/idempotency-conflict' } })
})

t.test('two hundred parallel confirmations with the right code make one transfer', async (t) => {
  const user = await newPrincipal()
  const to = nextRecipient()
  const tx = await request(user, to)
  const code = await codeFor(user, tx)

  const answers = await Promise.all(Array.from({ length: 200 }, () => confirm(user, tx.id, code)))

  t.ok(answers.some(({ status }) => status === 200))
  t.ok(answers.every(({ status }) => [200, 401, 503, 429].includes(status)), `statuses ${[...new Set(answers.map(({ status }) => status))].join()}`)
  t.equal((await confirmed(user, tx.id)).state, 'confirmed')
  t.equal((await transfersTo(house, to)).length, 1)
  const signer = house.database('signer-service')
  t.equal(await signer.collection('attempts').countDocuments({ txId: tx.id }), 1, 'one signature')
  t.equal(await signer.collection('consumed_receipts').countDocuments({ txId: tx.id }), 1, 'one receipt')
})

t.test('a code that was used, is another transaction\'s or another user\'s signs nothing', async (t) => {
  const [one, two] = [await newPrincipal(), await newPrincipal()]
  const [first, second] = [nextRecipient(), nextRecipient()]
  const mine = await request(one, first)
  const other = await request(one, second)
  const [mineCode, otherCode] = [await codeFor(one, mine), await codeFor(one, other)]

  t.equal((await confirm(one, mine.id, otherCode === mineCode ? '000000' : otherCode)).status, 401, 'the code of another transaction')
  t.equal((await confirm(two, mine.id, mineCode)).status, 404, 'another user does not even see it')
  t.equal((await confirm(one, mine.id, mineCode)).status, 200)
  t.equal((await confirmed(one, mine.id)).state, 'confirmed')
  t.match(await confirm(one, mine.id, mineCode), { status: 200, body: { state: 'confirmed' } }, 'once more answers with the state')
  t.equal((await transfersTo(house, first)).length, 1)
  t.equal((await transfersTo(house, second)).length, 0)
})

t.test('what policy or principals do not allow is refused before anything is stored', async (t) => {
  const stranger = privateKeyToAccount(generatePrivateKey()).address
  const post = (user: { accessToken: string }, body: object) => gateway.send('POST', '/api/v1/transactions', {
    token: user.accessToken, headers: { 'idempotency-key': `no-${Math.random()}` }, body: { wallet_id: wallet.id, chain_id: 31337, to: recipients[0], value: '1', ...body }
  })
  t.match(await post(ada, { to: stranger }), { status: 403, body: { type: '/problems/policy-denied' } })
  t.match(await post(ada, { value: parseEther('1.000000000000000001').toString() }), { status: 403, body: { type: '/problems/policy-denied' } })
  const nobody = await signIn(gateway, privateKeyToAccount(generatePrivateKey()))
  t.match(await post(nobody, {}), { status: 403, body: { type: '/problems/not-permitted' } })
  t.match(await post(ada, { value: '-1' }), { status: 422 })
  t.match(await post(ada, { value: 1 }), { status: 422 })
  t.match(await post(ada, { nonce: 1 }), { status: 422 })
})

t.test('with the mail server down and Redis emptied the code still comes, once', async (t) => {
  const user = await newPrincipal()
  house.stack.smtp.fail('temporary')
  const tx = await request(user, nextRecipient())
  t.equal(tx.state, 'awaiting_confirmation')
  await house.stack.redis.server?.flush()
  house.stack.smtp.fail('none')

  const code = await codeFor(user, tx)

  t.equal((await confirm(user, tx.id, code)).status, 200)
  t.equal((await confirmed(user, tx.id)).state, 'confirmed')
  const mails = (await house.stack.smtp.mails()).filter(({ to, text }) => to.includes(user.email) && text.includes(tx.id))
  t.equal(mails.length, 1)
})

t.test('with Redis restarted, the KMS throttled or the chain silent a confirmed transfer waits and goes out once', async (t) => {
  const user = await newPrincipal()
  const troubles: [string, () => Promise<unknown> | void, () => Promise<unknown> | void][] = [
    ['Redis restarted', () => house.stack.redis.server?.restart(), () => undefined],
    ['KMS throttled', () => house.stack.kms.setFaults({ throttle: 'always' }), () => house.stack.kms.clearFaults()],
    ['KMS gone', () => house.stack.kms.kill(), () => house.stack.kms.restart()],
    ['chain silent', () => { house.stack.chain.pause() }, () => { house.stack.chain.resume() }]
  ]
  for (const [name, begin, end] of troubles) {
    const to = nextRecipient()
    const tx = await request(user, to)
    const code = await codeFor(user, tx)
    await begin()
    t.equal(await insist('the confirmation', async () => {
      const answer = await confirm(user, tx.id, code)
      if (answer.status === 503) throw new GatewayRefusal('POST', 'confirm', 503, {})
      return answer.status
    }), 200, name)
    await until(async () => !['awaiting_confirmation', 'received'].includes((await house.database('signer-service').collection<{ _id: string, state: string }>('transactions').findOne({ _id: tx.id }))?.state ?? 'received'), { what: 'the approval' })
    await end()
    t.equal((await confirmed(user, tx.id)).state, 'confirmed', name)
    t.equal((await transfersTo(house, to)).length, 1, `${name}: one transfer`)
  }
})

t.test('a gateway that is told to stop answers what it accepted, and a repeat of the rest is the same transfer', async (t) => {
  const user = await newPrincipal()
  const to = nextRecipient()
  const key = (i: number): string => `drain-${to}-${i}`

  const asked = Array.from({ length: 30 }, (_, i) => request(user, to, key(i)).then(({ id }) => id, (error: unknown) => error))
  await house.services.kill('auth-gateway', 'SIGTERM')
  const first = await Promise.all(asked)
  await house.services.start('auth-gateway')

  for (const answer of first) t.ok(typeof answer === 'string' || !(answer instanceof GatewayRefusal) || [429, 503].includes(answer.status), String(answer))
  const again = await Promise.all(first.map((_, i) => insist('the repeat', () => request(user, to, key(i)))))
  for (const [i, answer] of first.entries()) if (typeof answer === 'string') t.equal(again[i]?.id, answer)
  t.equal(await house.database('signer-service').collection('transactions').countDocuments({ idempotencyKey: { $regex: `^drain-${to}-` } }), 30)
})

/** Signs in and proves an address while something dies; every call is repeated until it is answered. */
async function provedWhileDying (dies: () => Promise<void>): Promise<Principal> {
  const email = `user${users++}@example.com`
  const account = privateKeyToAccount(generatePrivateKey())
  const dying = dies()
  const user = await until(() => signIn(gateway, account), { timeoutMs: 40_000, what: 'the sign-in' })
  await dying
  const begun = await gateway.call<{ challenge_id: string }>('POST', '/api/v1/me/email', { token: user.accessToken, body: { email } })
  const code = codeIn((await house.mailTo(email, /\b\d{6}\b/)).text)
  const dyingToo = dies()
  await insist('the proof', () => gateway.call('POST', '/api/v1/me/email/confirm', { token: user.accessToken, body: { challenge_id: begun.challenge_id, code } }))
  await dyingToo
  await house.countersign('signer-service', ['principals', 'grant', '--user', user.userId, '--wallet', wallet.id, '--may', 'initiate', '--yes'])
  return { ...user, email }
}

for (const victim of serviceNames) {
  t.test(`${victim} killed at any step of a transfer: it completes once, or fails clearly`, async (t) => {
    const kill = async (name: ServiceName): Promise<void> => {
      await house.services.kill(name, 'SIGKILL')
      await house.services.start(name)
    }
    const user = await provedWhileDying(() => kill(victim))
    for (const step of ['while requesting', 'before the code is read', 'while confirming', 'after broadcast'] as const) {
      const to = nextRecipient()
      const dying = step === 'while requesting' ? kill(victim) : undefined
      const tx = await insist('the request', () => request(user, to))
      await dying
      if (step === 'before the code is read') await kill(victim)
      let code = await codeFor(user, tx)
      const dyingToo = step === 'while confirming' ? kill(victim) : undefined
      const answered = await insist('the confirmation', async () => {
        const answer = await confirm(user, tx.id, code)
        if (answer.status === 503) throw new GatewayRefusal('POST', 'confirm', 503, {})
        return answer.status
      })
      await dyingToo
      if (answered === 401) {
        // The attempt was counted and its answer lost together with the process: a new code, the same transaction.
        const now = await follow(gateway, user, tx.id, () => true)
        if (now.state === 'awaiting_confirmation') {
          await insist('a new code', () => gateway.call('POST', `/api/v1/transactions/${tx.id}/challenge`, { token: user.accessToken }))
          code = await codeFor(user, tx)
          await insist('the confirmation', async () => {
            const answer = await confirm(user, tx.id, code)
            if (answer.status === 503) throw new GatewayRefusal('POST', 'confirm', 503, {})
            return answer.status
          })
        }
      }
      if (step === 'after broadcast') {
        await follow(gateway, user, tx.id, ({ state }) => state === 'broadcast')
        await kill(victim)
      }
      t.equal((await confirmed(user, tx.id)).state, 'confirmed', step)
      t.equal((await transfersTo(house, to)).length, 1, `${step}: one transfer`)
    }
  })
}

t.test('an account with a factor and a waiting transfer is deleted although services die on the way, and its wallet begins anew', async (t) => {
  const account = privateKeyToAccount(generatePrivateKey())
  const email = `user${users++}@example.com`
  const user: Principal = { ...await signIn(gateway, account), email }
  await proveEmail(house, gateway, user, email)
  await house.countersign('signer-service', ['principals', 'grant', '--user', user.userId, '--wallet', wallet.id, '--may', 'initiate', '--yes'])
  const waiting = await request(user, nextRecipient())
  await house.mailTo(email, /\b\d{6}\b/)
  const { username } = await gateway.call<{ username: string }>('GET', '/api/v1/me', { token: user.accessToken })
  const remove = (body: object) => gateway.send('DELETE', '/api/v1/me', { token: user.accessToken, body })
  t.match(await remove({ confirm: username }), { status: 409, body: { type: '/problems/factor-proof-required' } })
  const { challenge } = await gateway.call<{ challenge: { challenge_id: string } }>('POST', '/api/v1/me/deletion', { token: user.accessToken })
  const code = codeIn((await house.mailTo(email, new RegExp(`Delete the account ${user.userId}`))).text)
  await house.services.kill('signer-service', 'SIGKILL')

  t.match(await remove({ confirm: username, challenge_id: challenge.challenge_id, code }), { status: 202, body: { state: 'deleting' } })

  await house.services.kill('otp-service', 'SIGKILL')
  await house.services.kill('auth-gateway', 'SIGKILL')
  await house.services.start('auth-gateway')
  t.equal((await gateway.send('GET', '/api/v1/me', { token: user.accessToken })).status, 401)
  await t.rejects(signIn(gateway, account), { name: 'GatewayRefusal', status: 409, problem: { type: '/problems/account-deleting' } }, 'it waits for those who are away')
  await Promise.all([house.services.start('otp-service'), house.services.start('signer-service')])
  const stateOf = async () => (await house.database('auth-gateway').collection<{ _id: string, state: string }>('users').findOne({ _id: user.userId }))?.state
  await until(async () => await stateOf() === 'deleted', { what: 'the deletion', timeoutMs: 120_000 })

  t.equal(await house.database('otp-service').collection('factors').countDocuments({ user_id: user.userId }), 0)
  t.match(await house.database('signer-service').collection<{ _id: string }>('transactions').findOne({ _id: waiting.id }), { state: 'cancelled' })
  t.match(await house.mailTo(email, /deletion of your account was asked for/), { subject: /is being deleted/ })
  t.match(await house.mailTo(email, /deletion of your account was completed/), { subject: /was deleted/ })
  const fresh = await signIn(gateway, account)
  t.not(fresh.userId, user.userId)
  await proveEmail(house, gateway, fresh, email)
})

t.test('no log of any service holds a secret that was used', async (t) => {
  // Of the services: a database server writes slow commands to its own log, whatever is in them.
  const logs = await Promise.all(serviceNames.map((name) => readFile(`${directory}/logs/${name}.log`, 'utf8')))
  t.ok(logs.join('').length > 10_000, 'there are logs')
  const mails = await house.stack.smtp.mails()
  const secrets = new Map<string, string>([
    ['an access token', ada.accessToken], ['a refresh token', ada.refreshToken], ['an address', ada.email], ['a telephone number', phone.slice(1)],
    ...mails.flatMap(({ text }, i): [string, string][] => /^\s*(\d{6})\s*$/m.test(text) ? [[`code ${i}`, `"${codeIn(text)}"`]] : []),
    ...serviceNames.flatMap((name) => Object.entries(house.stack.environmentFor(name)).filter(([key]) => /SECRET|PRIVATE|SEAL/.test(key)).map(([key, text]): [string, string] => [`${name} ${key}`, text])),
    ...serviceNames.flatMap((name) => ['MONGODB_URI', 'REDIS_URL'].map((key): [string, string] => [`${name} ${key}`, new URL(house.stack.environmentFor(name)[key] ?? '').password]))
  ])
  for (const [name, secret] of secrets) t.notOk(secret !== '' && logs.some((log) => log.includes(secret)), name)
})
