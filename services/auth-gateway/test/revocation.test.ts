/** Ending sessions: one, others, all; races with sign-ins under way, crashes in between, and what the other processes see. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { Problem, problems } from '@countersign/contracts'
import { createAudit, inTransaction } from '@countersign/mongo'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import t, { type Test as TapTest } from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createLogIn } from '../src/email-sign-in/log-in.ts'
import type { Settled } from '../src/email-sign-in/settle-mailbox.ts'
import { createSignInByCode } from '../src/email-sign-in/sign-in-by-code.ts'
import { createSessionRepository } from '../src/sessions/session-repository.ts'
import { createStoreOpening } from '../src/sessions/store-openings.ts'
import { createSessionEpochs } from '../src/users/session-epochs.ts'
import { buildHouse, proofOf, signIn, tokensIn, type Answer, type Proof, type Tokens } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'
import { assertRefusedSoon } from './refused-soon.ts'

const newAccount = () => privateKeyToAccount(generatePrivateKey())
const house = await buildHouse(t)
const gateway = await house.open()
const other = await house.open()
const sessions = house.mongo.db.collection<{ _id: string }>('sessions')

const me = async (token: string, at = gateway): Promise<number> => (await at.send('GET', '/api/v1/me', { token })).status
const refresh = async (token: string, at = gateway): Promise<number> => (await at.send('POST', '/api/v1/auth/refresh', { body: { refresh_token: token } })).status
const revoke = (token: string, scope: string): Promise<Answer> => gateway.send('POST', '/api/v1/sessions/revoke', { token, body: { scope } })
const list = async (token: string, query = ''): Promise<{ data: Record<string, unknown>[], next_cursor: string | null }> =>
  (await gateway.send('GET', `/api/v1/sessions${query}`, { token })).json as never
const sessionOf = ({ refresh: token }: Tokens): string => token.split('.')[1] ?? ''

/** Signed in several times, each session seen by both processes. */
async function signInTimes (count: number, account = newAccount()): Promise<Tokens[]> {
  const all: Tokens[] = []
  for (let i = 0; i < count; i++) all.push(await signIn(gateway, account))
  for (const { access } of all) await me(access, other)
  return all
}

/** Dead here at once, and in the other process within a second. */
async function assertDead (t: TapTest, ...all: readonly Tokens[]): Promise<void> {
  const every = async (asked: (tokens: Tokens) => Promise<number>): Promise<number[]> => [...new Set(await Promise.all(all.map(asked)))]
  t.strictSame(await every(({ access }) => me(access)), [401], 'here at once')
  await assertRefusedSoon(t, house, other, { 'an access token': async () => (await every(({ access }) => me(access, other))).includes(200) })
  t.strictSame(await every(({ refresh: token }) => refresh(token)), [401])
  t.strictSame(await every(({ refresh: token }) => refresh(token, other)), [401])
}

/** A node at which one contract takes every signature. Questions about it are kept until somebody lets them be answered. */
async function startHeldNode () {
  const held: (() => void)[] = []
  let isHolding = false
  const server = createServer((request, response) => {
    void json(request).then(async (asked) => {
      const { id, method } = asked as { id: number, method: string }
      const results: Readonly<Record<string, string>> = { eth_chainId: `0x${Number(request.url?.slice(1)).toString(16)}`, eth_getCode: '0xfe', eth_call: `0x1626ba7e${'0'.repeat(56)}` }
      if (method === 'eth_getCode' && isHolding) await new Promise<void>((resolve) => { held.push(resolve) })
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] }))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  return {
    urlOf: (chainId: number): string => `http://127.0.0.1:${port}/${chainId}`,
    held: (): number => held.length,
    answer: (count: number): void => { for (const yes of held.splice(0, count)) yes() },
    hold: (holding: boolean): void => { isHolding = holding }
  }
}

t.test('fifty sign-ins over HTTP at two processes, then all sessions are revoked: none of them is alive; nor is any that was under way, after the next revocation', async (t) => {
  const account = newAccount()
  for (const underWay of [0, 25]) {
    const first = await signIn(gateway, account)
    const proofs = await Promise.all(Array.from({ length: 50 }, () => proofOf(gateway, account)))
    const enter = (some: readonly Proof[]): Promise<Answer[]> =>
      Promise.all(some.map((body, i) => (i % 2 === 0 ? gateway : other).send('POST', '/api/v1/auth/evm/verify', { body })))
    const tokensOf = (answers: readonly Answer[]): Tokens[] => answers.filter(({ status }) => status === 200).map((answer) => tokensIn(answer.json))

    const before = tokensOf(await enter(proofs.slice(underWay)))
    t.equal(before.length, 50 - underWay)
    await Promise.all(before.map(({ access }) => me(access, other)))
    const [during, { status }] = await Promise.all([enter(proofs.slice(0, underWay)), revoke(first.access, 'all')])

    t.equal(status, 200)
    t.ok(during.every((answer) => answer.status === 200 || answer.json['type'] === '/problems/session-closed'), 'let in, or told that the sessions were closed')
    await assertDead(t, first, ...before)
    const last = await signIn(gateway, account)
    t.equal((await revoke(last.access, 'all')).status, 200)
    await assertDead(t, last, ...tokensOf(during))
    t.equal(await sessions.countDocuments({ userId: first.userId, state: 'active' } as object), 0, 'no row is left open')
  }
  t.equal(await me((await signIn(gateway, account)).access, other), 200, 'who signs in afterwards is in')
})

t.test('of fifty sign-ins over HTTP whose proofs are being looked at while all sessions are revoked none is alive', async (t) => {
  const node = await startHeldNode()
  // A process asks one chain no more than sixteen things at once: so many sign-ins are spread over four, and the account has its wallet on each.
  const chains = [31337, 31338, 31339, 31340]
  const settings = { EVM_CHAIN_IDS: chains.join(), EVM_RPC_URLS: JSON.stringify(Object.fromEntries(chains.map((id) => [id, node.urlOf(id)]))) }
  const processes = await Promise.all([house.open(settings), house.open(settings)])
  const { address } = newAccount()
  const challenge = async (i: number) => {
    const { json: { challenge_id: challengeId, message } } = await processes[0].send('POST', '/api/v1/auth/evm/challenge', { body: { address, chain_id: chains[i % chains.length] } })
    return { address, signed_message: message, challenge_id: challengeId, signature: `0x${'ab'.repeat(65)}` }
  }
  const enter = async (body: unknown, i: number): Promise<Answer> => await (processes[i % 2] ?? gateway).send('POST', '/api/v1/auth/evm/verify', { body })
  const first = tokensIn((await enter(await challenge(0), 0)).json)
  await house.mongo.db.collection<{ _id: string }>('identities').insertMany(chains.slice(1).map((id) => ({ _id: `eip155:${id}:${address.toLowerCase()}`, userId: first.userId, kind: 'evm', address, verified: true, addedAt: new Date() })))
  const bodies = await Promise.all(Array.from({ length: 50 }, (_unused, i) => challenge(Math.floor(i / 2))))

  node.hold(true)
  const entering = Promise.all(bodies.map(enter))
  await until(() => node.held() === 50, { what: 'all proofs to be looked at' })
  const revoking = revoke(first.access, 'all')
  node.answer(25)
  t.equal((await revoking).status, 200)
  node.hold(false)
  node.answer(25)

  const answers = await entering
  const types = answers.map(({ status, json: told }) => status === 200 ? 'in' : String(told['type']))
  // A node is waited for three seconds, and what then cannot be told is nobody's sign-in either.
  t.ok(types.every((type) => type === '/problems/session-closed' || type === '/problems/unavailable' || type === 'in'), types.join())
  await assertDead(t, first, ...answers.filter(({ status }) => status === 200).map((answer) => tokensIn(answer.json)))
  t.equal(await sessions.countDocuments({ userId: first.userId, state: 'active' } as object), 0)
  const afterwards = await enter(await challenge(1), 1)
  t.match(afterwards, { status: 200, json: { user: { id: first.userId } } }, 'who begins afterwards is in')
})

t.test('a mailed code that is looked at while all sessions are revoked opens none; one after it does', async (t) => {
  const { user: userOf, mongo, revocations } = await openUseCases(house)
  const { userId } = await signIn(gateway, newAccount())
  let meanwhile = (): Promise<unknown> => revocations.revoke({ userId, reason: 'test', requestId: 'req_race' })
  const signInByCode = createSignInByCode({
    mailbox: { answer: async (purpose) => {
      await meanwhile()
      return { purpose, receiptId: 'rcp_1', challengeId: 'chl_1', email: 'ada@example.com', userId, sameOpener: true }
    } },
    settle: async (): Promise<Settled> => {
      const user = await userOf(userId)
      return { user, identity: user.identities[0] as Settled['identity'], made: false }
    },
    epochs: createSessionEpochs(mongo),
    report: { refused: () => Promise.resolve(), succeeded: () => undefined }
  })
  const enter = () => signInByCode({ challengeId: 'chl_1', secret: 'secret', code: '123456', requestId: 'req_race' })

  await t.rejects(enter(), new Problem(problems.sessionClosed))
  meanwhile = () => Promise.resolve()
  await until(async () => !await createSessionEpochs(mongo).wasRaisedSince(userId, await createSessionEpochs(mongo).now()), { what: 'the next millisecond' })
  t.equal((await enter()).user.id, userId)
})

t.test('of sessions that are stored together one that fails leaves nothing and takes none with it; none is without its audit row', async (t) => {
  const { mongo } = await openUseCases(house)
  const repository = createSessionRepository(mongo, { idleSeconds: Infinity })
  const { append } = createAudit(mongo.db)
  let auditWorks = true
  const store = createStoreOpening({
    sessions: repository,
    audit: { append: (...given) => auditWorks ? append(...given) : Promise.reject(new RangeError('no audit')) },
    inTransaction: (work) => inTransaction(mongo, work)
  })
  const opening = (secretHash: string) => ({
    requestId: 'req_together',
    session: { id: newId('ses'), userId: newId('usr'), epoch: 0, method: 'evm', identityId: 'eip155:0:0x0', ttlSeconds: 60, client: { ip: '192.0.2.1', userAgent: '$test' }, deviceId: 'device', secretHash } as const
  })
  const rowsOf = async (openings: readonly { session: { id: string } }[]): Promise<number[][]> => await Promise.all(openings.map(async ({ session: { id } }) =>
    [await sessions.countDocuments({ _id: id }), await house.mongo.db.collection('audit').countDocuments({ subject: id })]))
  const openings = [opening('a'), opening('b'), opening('a'), opening('c')]

  const outcomes = await Promise.allSettled(openings.map(store))

  t.strictSame(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  t.strictSame(await rowsOf(openings), outcomes.map(({ status }) => status === 'fulfilled' ? [1, 1] : [0, 0]))

  auditWorks = false
  const unaudited = [opening('d'), opening('e')]
  t.strictSame((await Promise.allSettled(unaudited.map(store))).map(({ status }) => status), ['rejected', 'rejected'])
  t.strictSame(await rowsOf(unaudited), [[0, 0], [0, 0]])
})

t.test('closing one session ends that one everywhere, and again is the same', async (t) => {
  const [kept, closed] = await signInTimes(2) as [Tokens, Tokens]
  const path = `/api/v1/sessions/${sessionOf(closed)}`

  t.equal((await gateway.send('DELETE', path, { token: kept.access })).status, 204)

  await assertDead(t, closed)
  t.equal((await gateway.send('DELETE', path, { token: kept.access })).status, 204)
  t.equal(await me(kept.access), 200)
  t.equal(await refresh(kept.refresh, other), 200)
  const stranger = await signIn(gateway, newAccount())
  t.equal((await gateway.send('DELETE', `/api/v1/sessions/${sessionOf(kept)}`, { token: stranger.access })).status, 404)
  t.equal((await gateway.send('DELETE', '/api/v1/sessions/x', { token: stranger.access })).status, 422)
  t.equal(await me(kept.access), 200)
})

t.test('closing all others spares the one that asks without a moment of refusal', async (t) => {
  const [kept, ...others] = await signInTimes(3) as [Tokens, Tokens, Tokens]
  const stranger = await signIn(gateway, newAccount())
  let done = false
  const watching = Promise.all([gateway, other].map(async (at) => {
    while (!done) t.equal(await me(kept.access, at), 200)
  }))

  t.strictSame((await revoke(kept.access, 'others')).json, { revoked: 2 })

  await assertDead(t, ...others)
  done = true
  await watching
  t.equal(await refresh(kept.refresh), 200)
  t.equal(await me(stranger.access), 200)
  t.equal((await list(kept.access)).data.length, 1)
  t.match(await house.mongo.db.collection('audit').findOne({ event: 'user.sessions_revoked', subject: kept.userId }), { facts: { sessionId: sessionOf(kept) } })
})

t.test('closing all ends the one that asks too, and a new sign-in works', async (t) => {
  const account = newAccount()
  const all = await signInTimes(3, account)

  t.strictSame((await revoke(all[0]?.access ?? '', 'all')).json, { revoked: 3 })

  await assertDead(t, ...all)
  const again = await signIn(gateway, account)
  t.equal(await me(again.access, other), 200)
  t.equal((await revoke(again.access, 'some')).status, 422)
})

t.test('a process that dies between raising the epoch and marking the sessions has ended them all the same', async (t) => {
  const [first, second] = await signInTimes(2) as [Tokens, Tokens]
  const mongo = { client: house.mongo.client, db: house.mongo.db } as Parameters<typeof createSessionEpochs>[0]

  await inTransaction(mongo, async (transaction) => await createSessionEpochs(mongo).raise(first.userId, transaction))

  for (const at of [gateway, other]) {
    await assertRefusedSoon(t, house, at, { first: async () => await me(first.access, at) === 200, second: async () => await me(second.access, at) === 200 })
    for (const { refresh: token } of [first, second]) t.equal(await refresh(token, at), 401)
  }
  t.equal(await sessions.countDocuments({ userId: first.userId, state: 'active' } as object), 2, 'their rows were never marked')
  t.equal(await me(first.access, await house.open()), 401, 'a fresh process knows as well')
})

t.test('the list shows the own open sessions in pages, and takes no cursor of another list', async (t) => {
  const account = newAccount()
  const [oldest] = await signInTimes(2, account) as [Tokens, Tokens]
  const verify = await import('./open-gateway.ts').then(async ({ proofOf }) => await gateway.send('POST', '/api/v1/auth/evm/verify', {
    body: await proofOf(gateway, account),
    headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
  }))
  const token = String(verify.json['access_token'])

  const { data, next_cursor: none } = await list(token)
  t.equal(none, null)
  t.strictSame(data.map(({ current }) => current), [true, false, false])
  t.match(data[0], { method: 'evm', identity: `eip155:0:${account.address.toLowerCase()}`, device: 'Firefox on Linux', ip: '127.0.0.1' })
  t.match(data[2], { id: sessionOf(oldest), device: 'Node.js' })

  const first = await list(token, '?limit=2')
  const second = await list(token, `?limit=2&cursor=${first.next_cursor}`)
  t.strictSame([...first.data, ...second.data].map(({ id }) => id), data.map(({ id }) => id))
  t.equal(second.next_cursor, null)
  const stranger = await signIn(gateway, newAccount())
  t.equal((await gateway.send('GET', `/api/v1/sessions?cursor=${first.next_cursor}`, { token: stranger.access })).status, 422)
  t.equal((await gateway.send('GET', '/api/v1/sessions?cursor=AAAA', { token })).status, 422)
  t.equal((await list(stranger.access)).data.length, 1)
})

t.test('a session without a request for too long is over like one past its life; use keeps it, written once a minute at most', async (t) => {
  const idle = await house.open({ SESSION_IDLE_HOURS: '1' })
  const tokens = await signIn(idle, newAccount())
  const lastSeen = async (): Promise<number> => Number((await sessions.findOne({ _id: sessionOf(tokens) }) as unknown as { lastSeenAt: Date }).lastSeenAt)
  const age = async (ms: number): Promise<void> => { await sessions.updateOne({ _id: sessionOf(tokens) }, [{ $set: { lastSeenAt: { $subtract: ['$$NOW', ms] } } }]) }

  await age(120_000)
  const aged = await lastSeen()
  for (let i = 0; i < 3; i++) t.equal(await me(tokens.access, idle), 200)
  await idle.stop()
  t.ok(await lastSeen() > aged, 'a session in use is noted')

  await age(30_000)
  const recently = await lastSeen()
  const again = await house.open({ SESSION_IDLE_HOURS: '1' })
  t.equal(await me(tokens.access, again), 200)
  await again.stop()
  t.equal(await lastSeen(), recently, 'not again within the minute')

  await age(3_601_000)
  await house.redis.flush()
  const later = await house.open({ SESSION_IDLE_HOURS: '1' })
  t.equal(await me(tokens.access, later), 401)
  t.equal(await refresh(tokens.refresh, later), 401)
  await until(async () => (await sessions.findOne({ _id: sessionOf(tokens), state: 'expired' } as object)) !== null, { what: 'the cleanup' })
})

t.test('revocations are found by their indexes', async (t) => {
  const now = { $subtract: ['$$NOW', 16_000] }
  const plans = await Promise.all([
    house.mongo.db.collection('sessions').find({ state: 'revoked', $expr: { $gt: ['$endedAt', now] } }, { hint: 'by_revocation' }).explain('executionStats'),
    house.mongo.db.collection('users').find({ $expr: { $gt: ['$sessionsRevokedAt', now] } }, { hint: 'by_revocation' }).explain('executionStats')
  ])
  for (const { executionStats } of plans) t.ok(executionStats.totalKeysExamined <= executionStats.nReturned + 1, JSON.stringify(executionStats.executionStages))
})

t.test('the password is read after the epoch, so that one that was replaced never meets the raised epoch', async (t) => {
  const order: string[] = []
  const logIn = createLogIn({
    users: {
      findByIdentity: async () => { await new Promise((resolve) => { setImmediate(resolve) }); order.push('epoch'); return undefined },
      isBeingDeleted: () => Promise.resolve(false)
    },
    passwords: { find: async () => { order.push('password'); return undefined }, replace: () => Promise.resolve(false) },
    hasher: { hash: () => Promise.resolve(''), verify: () => Promise.resolve({ ok: false, rehash: false }) },
    report: { refused: () => Promise.resolve(), succeeded: () => undefined },
    afterwards: () => undefined
  })
  const refused = await logIn({ email: 'ada@example.com', password: 'wrong', requestId: 'req_1' }).catch((error: unknown) => error)
  t.equal((refused as Problem).kind, problems.credentialsRejected)
  t.strictSame(order, ['epoch', 'password'])
})
