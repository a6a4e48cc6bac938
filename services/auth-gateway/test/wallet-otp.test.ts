/** The earlier OTP system's paths at the gateway's doors: their shapes, their words and their limits. */
import { earlierOtpStatus, Problem, problems, sendEarlierOtp, verifyEarlierOtp } from '@countersign/contracts'
import { handle } from '@countersign/redis'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { buildHouse, signIn, type Answer, type TestGateway, type Tokens } from './open-gateway.ts'

const house = await buildHouse(t)
const gateway = await house.open()
const other = await house.open()
const id = 'chl_01KJMBQDE0110G8AVFB4WXEMS5'
const heard: { challengeId: string | undefined, commandId: string }[] = []
let refuse: Problem | undefined

await house.answerFor('otp-service', [
  handle(sendEarlierOtp, ({ email }) => {
    if (refuse !== undefined) throw refuse
    if (email !== 'ada@example.com') throw new Problem(problems.addressMismatch)
    return Promise.resolve({ challenge_id: id, expires_in: 300 })
  }),
  handle(earlierOtpStatus, () => Promise.resolve({ exists: true, is_valid: true, is_locked: false, attempts: 1, max_attempts: 3, expires_at: '2030-01-01T00:00:00.000Z', expires_in: 240 })),
  handle(verifyEarlierOtp, ({ challenge_id: challengeId, code }, { commandId }) => {
    heard.push({ challengeId, commandId })
    if (refuse !== undefined) throw refuse
    if (code !== '123456') throw new Problem(problems.codeRejected)
    return Promise.resolve({ challenge_id: id, purpose: 'wallet_funding' as const })
  })
])

const newUser = (): Promise<Tokens> => signIn(gateway, privateKeyToAccount(generatePrivateKey()))
const send = ({ access }: Tokens, body: object = {}): Promise<Answer> => gateway.send('POST', '/api/wallet/otp/send', { token: access, body: { purpose: 'wallet_funding', email: 'ada@example.com', ...body } })
const status = ({ access }: Tokens, purpose = 'wallet_funding'): Promise<Answer> => gateway.send('GET', `/api/wallet/otp/status?purpose=${purpose}`, { token: access })
const verify = ({ access }: Tokens, otp: string, { at = gateway, path = 'verify-otp', reference = id }: { at?: TestGateway, path?: string, reference?: string } = {}): Promise<Answer> =>
  at.send('POST', `/api/wallet/${path}`, { token: access, body: { otp, transaction_reference: reference } })

t.test('send, status and verify answer in the earlier words', async (t) => {
  const tokens = await newUser()
  const sent = await send(tokens)
  t.equal(sent.status, 200)
  t.strictSame(sent.json, { success: true, message: 'OTP sent', expiresIn: 300, otpId: id, transactionReference: id })
  t.strictSame((await status(tokens)).json, {
    success: true, purpose: 'wallet_funding', exists: true, isValid: true, isLocked: false, attempts: 1, maxAttempts: 3, expiresAt: '2030-01-01T00:00:00.000Z', expiresIn: 240
  })
  t.strictSame((await verify(tokens, '123456')).json, { success: true, message: 'OTP verified', otpId: id, purpose: 'wallet_funding' })
  t.equal((await verify(tokens, '123456', { path: 'otp/verify', reference: 'txn_test123' })).status, 200)
  t.strictSame(heard.splice(0).map(({ challengeId }) => challengeId), [id, undefined], 'a word of the caller\'s own names no challenge')
})

t.test('refusals carry message and details, and the words that callers look for', async (t) => {
  const tokens = await newUser()
  t.match((await gateway.send('GET', '/api/wallet/otp/status?purpose=wallet_funding')).json, { status: 401, message: /Unauthorized/ })
  t.match((await send(tokens, { purpose: 'invalid' })).json, { status: 422, message: String, details: [{ path: 'body/purpose' }] })
  t.match((await status(tokens, 'invalid')).json, { status: 422, details: [{ path: 'query/purpose' }] })
  t.match((await send(tokens, { email: 'thief@example.com' })).json, { status: 400, type: '/problems/address-mismatch' })
  t.match((await verify(tokens, '654321')).json, { status: 400, message: /^Invalid OTP/ })
  t.equal((await verify(tokens, '12345')).status, 422)
  t.equal((await verify(tokens, '123456', { reference: 'a b c d' })).status, 422)
  refuse = new Problem(problems.factorRequired)
  t.equal((await send(tokens)).status, 409)
  refuse = undefined
})

t.test('three verifications in 15 minutes, right or wrong, over both paths and all processes, of one account alone', async (t) => {
  const tokens = await newUser()
  heard.length = 0
  const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => verify(tokens, '654321', index % 2 === 0 ? { path: 'otp/verify' } : { at: other })))
  t.equal(answers.filter(({ status }) => status === 400).length, 3)
  t.equal(answers.filter(({ status }) => status === 429).length, 27)
  t.equal(heard.length, 3)
  const late = await verify(tokens, '123456')
  t.match(late.json, { status: 429, message: /Too many requests.*Maximum OTP attempts exceeded/ })
  // The rest of the window that runs, and the third of the next one in which one of the three is forgotten.
  const retryAfter = Number(late.headers.get('retry-after'))
  t.ok(retryAfter >= 300 && retryAfter <= 1_200, `${retryAfter} s`)
  t.equal((await verify(await newUser(), '123456')).status, 200)
  t.match(await (await fetch(`${gateway.opsUrl}/metrics`)).text(), /otp_rate_limit_hits\{[^}]*limit="earlier"[^}]*\} [1-9]/)
})

t.test('what compared nothing is no verification, and each request is a question of its own', async (t) => {
  const tokens = await newUser()
  refuse = new Problem(problems.factorLocked, { retry_after: 60 })
  for (let i = 0; i < 5; i++) t.match((await verify(tokens, '123456')).json, { status: 429, message: /Maximum OTP attempts exceeded/, retry_after: 60 })
  refuse = undefined
  heard.length = 0
  for (let i = 0; i < 3; i++) t.equal((await verify(tokens, '123456')).status, 200)
  t.equal(new Set(heard.map(({ commandId }) => commandId)).size, 3)
})

t.test('the status may be read ten times in a minute', async (t) => {
  const tokens = await newUser()
  const answers = await Promise.all(Array.from({ length: 15 }, () => status(tokens)))
  t.equal(answers.filter(({ status }) => status === 200).length, 10)
  t.match(answers.find(({ status }) => status === 429)?.json, { message: /Too many requests/ })
})
