/** Ending sessions: one, others, all; races with sign-ins under way, crashes in between, and what the other processes see. */
import { Problem, problems } from '@countersign/contracts'
import { createAudit, inTransaction } from '@countersign/mongo'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { createEvmFamily, type Families } from '@countersign/wallets'
import t, { type Test as TapTest } from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createChallengeStore } from '../src/challenges/challenge-store.ts'
import { createLogIn } from '../src/email-sign-in/log-in.ts'
import type { Settled } from '../src/email-sign-in/settle-mailbox.ts'
import { createSignInByCode } from '../src/email-sign-in/sign-in-by-code.ts'
import { createSessionRepository } from '../src/sessions/session-repository.ts'
import { createStoreOpening } from '../src/sessions/store-openings.ts'
import { createCheckWalletProof } from '../src/sign-in/check-wallet-proof.ts'
import { createFindOrCreateUser } from '../src/sign-in/find-or-create-user.ts'
import { createSignInWithWallet } from '../src/sign-in/sign-in-with-wallet.ts'
import { createSessionEpochs } from '../src/users/session-epochs.ts'
import { buildHouse, proofOf, signIn, type Answer, type Proof, type Tokens } from './open-gateway.ts'
import { openUseCases } from './open-use-cases.ts'

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

/** Dead here at once, and in the other process within a second (and what a slow machine adds). */
async function assertDead (t: TapTest, tokens: Tokens): Promise<void> {
  t.equal(await me(tokens.access), 401, 'here at once')
  await until(async () => await me(tokens.access, other) === 401, { timeoutMs: 3_000, what: 'the other process to notice' })
  t.equal(await refresh(tokens.refresh), 401)
  t.equal(await refresh(tokens.refresh, other), 401)
}

t.test('fifty sign-ins that race a revocation of all sessions leave none alive, time and again', async (t) => {
  const { user: userOf, open, revocations, refresh: renew, states } = await openUseCases(house)
  const account = newAccount()
  const { userId } = await signIn(gateway, account)
  const identity = { id: `eip155:0:${account.address.toLowerCase()}`, kind: 'evm', address: account.address } as const
  const client = { ip: '192.0.2.1', userAgent: 'race', requestId: 'req_race' }
  let refused = 0
  for (let round = 0; round < 4; round++) {
    const user = await userOf(userId)
    const openings = (count: number) => Array.from({ length: count }, () => open({ user, identity }, client).catch((error: unknown) => { t.match(error, { name: 'Problem', message: /the session was closed/ }) }))

    const before = openings(15 * round)
    const [replies] = await Promise.all([
      Promise.all([...before, ...openings(50 - 15 * round)]),
      revocations.revoke({ userId, reason: 'test', requestId: 'req_race', ...round % 2 === 1 && { spared: { otherThanIdentity: identity.id } } })
    ])

    const granted = replies.flatMap((reply) => reply === undefined ? [] : [reply])
    refused += 50 - granted.length
    for (const { refresh_token: token = '' } of granted) {
      t.equal(await states.find(token.split('.')[1] ?? '', userId), undefined)
      await t.rejects(renew(token, 'req_race'), { name: 'Problem', message: /the session was closed/ })
    }
    t.equal(await sessions.countDocuments({ userId, state: 'active' } as object), 0, 'no row is left open')
  }
  t.ok(refused > 0, `${refused} were refused at the door`)
  const user = await userOf(userId)
  const { refresh_token: token = '' } = await open({ user, identity }, client)
  t.ok(await states.find(token.split('.')[1] ?? '', userId), 'who signs in afterwards is in')
})

t.test('fifty sign-ins whose proofs are being looked at while all sessions are revoked leave none alive', async (t) => {
  const { users, open, revocations, states, redis } = await openUseCases(house)
  const account = newAccount()
  const { userId } = await signIn(gateway, account)
  const report = { refused: () => Promise.resolve(), succeeded: () => undefined }
  const looked: (() => void)[] = []
  const evm = createEvmFamily({
    chainIds: [31337], canonical: (address) => address, rpcOf: () => undefined,
    verify: () => new Promise((resolve) => { looked.push(() => { resolve({ valid: true, method: 'eoa' }) }) })
  })
  const signInWithWallet = createSignInWithWallet({
    check: createCheckWalletProof({ families: { evm } as Families, challenges: createChallengeStore(redis), users, report }),
    userOf: createFindOrCreateUser({ users, newSuffix: () => 'x' }),
    report
  })
  const enter = async ({ address, signed_message: signedMessage, signature, challenge_id: challengeId }: Proof) =>
    await open(await signInWithWallet('evm', { address, signedMessage, signature, challengeId, requestId: 'req_race' }), { ip: '192.0.2.1', userAgent: 'race', requestId: 'req_race' })
  const proofs = await Promise.all(Array.from({ length: 51 }, () => proofOf(gateway, account)))

  const inFlight = proofs.slice(1).map((proof) => enter(proof).then(() => 'in', (error: unknown) => error instanceof Problem ? error.kind : error))
  await until(() => looked.length === 50, { timeoutMs: 30_000, what: 'all proofs to be looked at' })
  const revoking = revocations.revoke({ userId, reason: 'test', requestId: 'req_race' })
  for (const yes of looked.splice(0, 25)) yes()
  await revoking
  for (const yes of looked.splice(0)) yes()

  const outcomes = await Promise.all(inFlight)
  t.strictSame(outcomes.slice(25), Array.from({ length: 25 }, () => problems.sessionClosed))
  t.ok(outcomes.every((outcome) => outcome === 'in' || outcome === problems.sessionClosed))
  t.equal(await sessions.countDocuments({ userId, state: 'active' } as object), 0)
  const afterwards = enter(proofs[0] as Proof)
  await until(() => looked.length === 1, { timeoutMs: 30_000, what: 'the next proof to be looked at' })
  looked[0]?.()
  t.ok(await states.find((await afterwards).refresh_token?.split('.')[1] ?? '', userId), 'who begins afterwards is in')
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

  for (const tokens of others) await assertDead(t, tokens)
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

  for (const tokens of all) await assertDead(t, tokens)
  const again = await signIn(gateway, account)
  t.equal(await me(again.access, other), 200)
  t.equal((await revoke(again.access, 'some')).status, 422)
})

t.test('a process that dies between raising the epoch and marking the sessions has ended them all the same', async (t) => {
  const [first, second] = await signInTimes(2) as [Tokens, Tokens]
  const mongo = { client: house.mongo.client, db: house.mongo.db } as Parameters<typeof createSessionEpochs>[0]

  await inTransaction(mongo, async (transaction) => await createSessionEpochs(mongo).raise(first.userId, transaction))

  for (const { access, refresh: token } of [first, second]) {
    for (const at of [gateway, other]) {
      await until(async () => await me(access, at) === 401, { timeoutMs: 3_000, what: 'the epoch to be seen' })
      t.equal(await refresh(token, at), 401)
    }
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
