/** What the gateway asks of the services behind it, and what it believes of their answers. */
import { createHash } from 'node:crypto'
import {
  beginEmailFactor, confirmEmailFactor, confirmTransaction, createTransaction, emailActionPreimage, getTransaction, listTransactions, Problem, problems,
  type ReceiptClaims, type TransactionView
} from '@countersign/contracts'
import { handle } from '@countersign/redis'
import { createReceiptSigner, generateReceiptKey } from '@countersign/secrets'
import t from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { buildHouse, signIn } from './open-gateway.ts'

const house = await buildHouse(t)
const gateway = await house.open()
const account = privateKeyToAccount(generatePrivateKey())
const user = await signIn(gateway, account)
const challengeId = 'chl_01HZZZZZZZZZZZZZZZZZZZZZZZ'

const claims: ReceiptClaims = {
  jti: 'rcp_01HZZZZZZZZZZZZZZZZZZZZZZZ', challenge_id: challengeId, aud: 'auth-gateway', purpose: 'email_enrol', sub: user.userId,
  factor_root: 'A'.repeat(43), factor_kind: 'email_code', shown: true, factor_age_seconds: 0,
  action_digest: `0x${createHash('sha256').update(emailActionPreimage('email_enrol', user.userId, 'ada@example.com')).digest('hex')}`, text_sha256: '0'.repeat(64), iat: 0
}
const honest = createReceiptSigner(house.receiptKey.privateJwk)
const forger = createReceiptSigner(generateReceiptKey().privateJwk)
let receipt = ''
let refusal: Problem | undefined
const heard: unknown[] = []

const view: TransactionView = {
  id: 'tx_01HZZZZZZZZZZZZZZZZZZZZZZZ', state: 'awaiting_confirmation', initiator: user.userId, wallet_id: 'wal_01HZZZZZZZZZZZZZZZZZZZZZZZ', chain_id: 31337,
  from: account.address, kind: 'native', to: account.address, value: '1', calls: [], speed: 'average', priority: 0, metadata: {}, max_fee_total: '1', policy: { id: 'pol_01HZZZZZZZZZZZZZZZZZZZZZZZ', version: 1, rule: 'r' },
  digest: `0x${'0'.repeat(64)}`, attempts: [], history: [], created_at: '2030-01-01T00:00:00Z', updated_at: '2030-01-01T00:00:00Z', valid_until: '2030-01-01T00:00:00Z'
}
const listen = async <R>(request: unknown, reply: R): Promise<R> => {
  heard.push(request)
  if (refusal !== undefined) throw refusal
  return reply
}

await house.answerFor('otp-service', [
  handle(beginEmailFactor, (request) => listen(request, { challenge_id: challengeId, sent_to: 'a***@e***.com', expires_at: '2030-01-01T00:00:00Z' })),
  handle(confirmEmailFactor, (request, { commandId }) => listen({ ...request, commandId }, { factor_id: 'fct_01HZZZZZZZZZZZZZZZZZZZZZZZ', email: 'ada@example.com', proved_at: '2030-01-01T00:00:00Z', receipt }))
])
await house.answerFor('signer-service', [
  handle(createTransaction, (request) => listen(request, { transaction: view, replayed: request.idempotency_key === 'again' })),
  handle(getTransaction, (request) => listen(request, view)),
  handle(listTransactions, (request) => listen(request, { data: [view], next_cursor: null })),
  handle(confirmTransaction, (request) => listen(request, view))
])

const confirmEmail = () => gateway.send('POST', '/api/v1/me/email/confirm', { token: user.access, body: { challenge_id: challengeId, code: '123456' } })
const email = async (): Promise<unknown> => (await (await house.open()).send('GET', '/api/v1/me', { token: user.access })).json['email']

t.test('the code for an address is asked for in the name of the session\'s user', async (t) => {
  const answer = await gateway.send('POST', '/api/v1/me/email', { token: user.access, body: { email: 'ada@example.com' } })

  t.equal(answer.status, 202)
  t.match(answer.json, { challenge_id: challengeId, sent_to: 'a***@e***.com' })
  t.match(heard.at(-1), { user_id: user.userId, session_id: user.refresh.split('.')[1], email: 'ada@example.com' })
})

t.test('an address counts only with a receipt of otp-service for this user, purpose, audience and challenge', async (t) => {
  const forged: Record<string, string> = {
    'no receipt at all': 'x',
    'another key': await forger.sign(claims),
    'another user': await honest.sign({ ...claims, sub: 'usr_01HZZZZZZZZZZZZZZZZZZZZZZZ' }),
    'another purpose': await honest.sign({ ...claims, purpose: 'transaction' }),
    'another audience': await honest.sign({ ...claims, aud: 'signer-service' }),
    'another address': await honest.sign({ ...claims, action_digest: `0x${'0'.repeat(64)}` }),
    'another challenge': await honest.sign({ ...claims, challenge_id: 'chl_01HZZZZZZZZZZZZZZZZZZZZZZA' })
  }
  for (const [name, jws] of Object.entries(forged)) {
    receipt = jws
    const answer = await confirmEmail()
    t.equal(answer.status, 401, name)
    t.match(answer.json, { type: '/problems/code-rejected' }, name)
  }
  t.equal(await email(), null)

  receipt = await honest.sign(claims)
  t.match(await confirmEmail(), { status: 200, json: { email: 'ada@example.com' } })
  t.equal(await email(), 'ada@example.com')
  t.equal((await gateway.send('GET', '/api/v1/me', { token: user.access })).json['email'], 'ada@example.com', 'this process shows it at once')
})

t.test('the same confirmation sent again is the same command, another code is another one', async (t) => {
  receipt = await honest.sign(claims)
  const commandOf = async (code: string): Promise<unknown> => {
    await gateway.send('POST', '/api/v1/me/email/confirm', { token: user.access, body: { challenge_id: challengeId, code } })
    return (heard.at(-1) as { commandId: string }).commandId
  }

  t.equal(await commandOf('123456'), await commandOf('123456'))
  t.not(await commandOf('123456'), await commandOf('654321'))
})

t.test('a transfer needs a sane Idempotency-Key, and a replay says so', async (t) => {
  const body = { wallet_id: view.wallet_id, chain_id: 31337, to: account.address, value: '1' }
  const post = (key?: string) => gateway.send('POST', '/api/v1/transactions', { token: user.access, body, headers: key === undefined ? {} : { 'idempotency-key': key } })

  for (const key of [undefined, '', ' ', 'a b', 'a'.repeat(129), 'é']) {
    const answer = await post(key).catch(() => undefined)
    if (answer !== undefined) t.match(answer, { status: 400, json: { type: '/problems/idempotency-key-required' } }, String(key))
  }
  t.match(await post('once'), { status: 201, json: { id: view.id } })
  t.match(heard.at(-1), { user_id: user.userId, idempotency_key: 'once', transfer: body })
  t.equal((await post('again')).headers.get('idempotency-replayed'), 'true')
})

t.test('a refusal of the service behind reaches the caller as it was said', async (t) => {
  refusal = new Problem(problems.factorLocked, { retry_after: 77 })
  const locked = await gateway.send('POST', `/api/v1/transactions/${view.id}/confirm`, { token: user.access, body: { code: '123456' } })
  refusal = undefined

  t.match(locked, { status: 429, json: { type: '/problems/factor-locked', retry_after: 77 } })
  t.equal(locked.headers.get('retry-after'), '77')
})

t.test('lists pass their page on, and refuse what is no page', async (t) => {
  t.match(await gateway.send('GET', '/api/v1/transactions?limit=5&state=mined', { token: user.access }), { status: 200, json: { data: [{ id: view.id }], next_cursor: null } })
  t.match(heard.at(-1), { limit: 5, state: 'mined' })
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'state=paid', 'cursor=%24ne', 'unknown=1', 'limit[$gt]=1']) {
    t.equal((await gateway.send('GET', `/api/v1/transactions?${query}`, { token: user.access })).status, 422, query)
  }
})

t.test('every route for sessions refuses a stranger before it looks at anything', async (t) => {
  const { routes } = await import('@countersign/contracts')
  const before = heard.length
  for (const { method, path, caller } of routes) {
    if (caller !== 'session') continue
    const answer = await gateway.send(method, path.replace(':id', view.id), method === 'GET' ? {} : { raw: '{' })
    t.match(answer, { status: 401, json: { type: '/problems/unauthorized' } }, `${method} ${path}`)
    t.match(answer.headers.get('www-authenticate'), /^Bearer/)
  }
  t.equal(heard.length, before)
})

t.test('a service that does not answer is 503 with Retry-After by the deadline, and nothing is lost', async (t) => {
  const alone = await buildHouse(t)
  const lonely = await alone.open()
  const { access } = await signIn(lonely, account)
  const from = performance.now()

  const answer = await lonely.send('GET', `/api/v1/transactions/${view.id}`, { token: access })

  t.match(answer, { status: 503, json: { type: '/problems/unavailable' } })
  t.ok(Number(answer.headers.get('retry-after')) > 0)
  t.ok(performance.now() - from < getTransaction.deadlineMs + 1_500)
})

t.test('no log line holds a code or an address', async (t) => {
  t.notMatch(house.logs.text(), /ada@example\.com/)
  t.notMatch(house.logs.text(), /123456/)
})
