import { randomBytes } from 'node:crypto'
import { logInUser, logInWithEmail, problems, requestEmailCode, requestVerification, submitVerification, walletRoutes, type Problem, type Route } from '@countersign/contracts'
import { addRoute, clientIp, createServer } from '@countersign/http'
import { connectRedis, createLimiter } from '@countersign/redis'
import { createLogger, createMetrics } from '@countersign/runtime'
import { captureLogs, startRedis } from '@countersign/testing'
import t, { type Test } from 'tap'
import { countingOf } from '../../src/limits/counted-routes.ts'
import { limitSignIn } from '../../src/limits/limit-sign-in.ts'
import { createSignInLimits, limitsPrefix, walletSubject, wrongPasswordsFromAnywhere, wrongPasswordsFromOnePlace, type SignInTry } from '../../src/limits/sign-in-limits.ts'

const server = await startRedis(t)
const logs = captureLogs()
const log = createLogger({ service: 'auth-gateway', level: 'debug', sha: 'test', environment: 'test', destination: logs.destination })
const connect = async () => {
  const redis = await connectRedis({ url: server.url, name: 'test', log })
  t.teardown(() => { redis.disconnect() })
  return redis
}
const [redis, second] = [await connect(), await connect()]
const hashKey = randomBytes(32)
const minute = 60_000
const hour = 60 * minute
/** Windows are an hour long and more, so that no edge of one falls into a test. */
const limitsOver = (connection: typeof redis, max = 1_000_000) => createSignInLimits({
  limiter: createLimiter({ redis: connection, prefix: limitsPrefix }), keep: (key, lifeMs) => connection.set(key, '1', 'PX', lifeMs), isKept: async (key) => await connection.exists(key) === 1,
  hashKey, place: { max, windowMs: hour }, challengeMs: hour, log
})
type Limits = ReturnType<typeof limitsOver>

/** How many of these tries, all at once, are admitted; every other one must have been refused properly. */
const admitted = async (t: Test, tries: readonly (readonly [Limits, SignInTry])[]): Promise<number> => {
  const refusals = await Promise.all(tries.map(([limits, tried]) => limits.take(tried).then(() => undefined, (reason: Problem) => reason)))
  const refused = refusals.filter((refusal) => refusal !== undefined)
  const proper = [problems.rateLimited, problems.factorLocked, problems.sendLimited] as const
  const improper = refused.filter(({ kind, extensions }) => !proper.some((one) => one === kind) || !Number.isInteger(extensions.retry_after) || Number(extensions.retry_after) < 1)
  t.strictSame(improper, [])
  return tries.length - refused.length
}
const tries = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index))
const place = (i: number): string => `198.18.${i >> 8}.${i & 255}`
const alice = 'email:alice@example.com'
const alicesAddress = { kind: 'email', address: 'Alice@example.com' } as const

t.beforeEach(async () => { await server.flush() })

t.test('of a thousand tries at once exactly as many are admitted as may be: from one place, for one login there, and for it from a thousand places', async (t) => {
  const [here, there] = [limitsOver(redis, 2), limitsOver(second, 2)]
  const either = (index: number): Limits => index % 2 === 0 ? here : there

  t.equal(await admitted(t, tries(1_000, (i) => [either(i), { kind: 'password', ip: '203.0.113.1', subject: `email:${i}@example.com` }])), 10, 'of one place, over all accounts')
  const [wide, other] = [limitsOver(redis), limitsOver(second)]
  t.equal(await admitted(t, tries(1_000, (i) => [i % 2 === 0 ? wide : other, { kind: 'password', ip: '203.0.113.2', subject: alice }])), wrongPasswordsFromOnePlace)
  t.equal(await admitted(t, tries(1_000, (i) => [i % 2 === 0 ? wide : other, { kind: 'password', ip: place(i), subject: alice }])), wrongPasswordsFromAnywhere - wrongPasswordsFromOnePlace)
  t.equal(await admitted(t, tries(1_000, (i) => [i % 2 === 0 ? here : there, { kind: 'account', ip: '203.0.113.2' }])), 10, 'accounts from one place')
  t.equal(await admitted(t, tries(1_000, (i) => [either(i), { kind: 'challenge', ip: place(i), subject: walletSubject('0xAb') }])), 1_000, 'no count of an address from elsewhere closes it')
  t.equal(await admitted(t, tries(1_000, (i) => [either(i), { kind: 'challenge', ip: '203.0.113.3', subject: walletSubject(`0x${i}`) }])), 2, 'pending for one place')
})

t.test('what one bucket refuses is counted in none', async (t) => {
  const limits = limitsOver(redis, 20)
  t.equal(await admitted(t, tries(50, () => [limits, { kind: 'password', ip: '203.0.113.1', subject: alice }])), wrongPasswordsFromOnePlace)
  t.equal(await admitted(t, tries(500, (i) => [limits, { kind: 'password', ip: '203.0.113.1', subject: `email:${i}@example.com` }])), 100 - wrongPasswordsFromOnePlace)
})

t.test('strangers who spend all counts of a login keep its owner out of nothing where it was right before', async (t) => {
  const limits = limitsOver(redis, 20)
  await limits.remember(alicesAddress, '198.51.100.1')
  await limits.remember({ kind: 'evm', address: '0xAB' }, '198.51.100.1')
  const spend = async (kind: SignInTry['kind'], subject: string): Promise<void> => {
    await admitted(t, tries(3_000, (i) => [limits, { kind, ip: place(i % 200), subject }]))
    await admitted(t, tries(3_000, (i) => [limits, { kind, ip: '198.51.100.1', subject: `${subject}${i}` }]))
  }
  await spend('password', alice)
  await spend('challenge', walletSubject('0xab'))

  await t.rejects(limits.take({ kind: 'password', ip: '203.0.113.200', subject: alice }), { message: /too many wrong passwords/ }, 'from a new place the password is closed')
  t.match(await limits.take({ kind: 'password', ip: '198.51.100.1', subject: alice }), { place: { known: true } })
  t.match(await limits.take({ kind: 'mail', ip: '198.51.100.1', subject: alice }), { place: { known: true } })
  t.match(await limits.take({ kind: 'mail', ip: '203.0.113.200', subject: alice }), { place: { known: false } }, 'how many one mailbox gets is for otp-service to say')
  await t.resolves(limits.take({ kind: 'challenge', ip: '203.0.113.200', subject: walletSubject('0xab') }), 'elsewhere, and at a new place, a challenge is still to be had')
  await t.rejects(limits.take({ kind: 'challenge', ip: '198.51.100.1', subject: walletSubject('0xab') }), 'a place that filled its own share of pending challenges waits')
})

t.test('no number of wrong signatures elsewhere refuses a wallet, and a known wallet is not refused for its neighbours', async (t) => {
  const limits = limitsOver(redis, 20)
  const proof = (ip: string) => ({ kind: 'proof', ip, subject: walletSubject('0xab') }) as const
  t.equal(await admitted(t, tries(3_000, (i) => [limits, proof(place(i % 1_000))])), 3_000)
  t.equal(await admitted(t, tries(500, () => [limits, proof('203.0.113.1')])), 100, 'one place pays for itself')

  await limits.remember({ kind: 'evm', address: '0xAB' }, '203.0.113.1')

  t.equal(await admitted(t, tries(500, () => [limits, proof('203.0.113.1')])), 500)
})

t.test('one guess at each of very many accounts from one place ends at that place\'s own number, and nowhere else', async (t) => {
  const [here, there] = [limitsOver(redis, 20), limitsOver(second, 20)]
  const guess = (i: number, ip: string): readonly [Limits, SignInTry] => [i % 2 === 0 ? here : there, { kind: 'proof', ip }]
  t.equal(await admitted(t, tries(1_000, (i) => guess(i, '203.0.113.4'))), 100, 'an hour, however many accounts')
  t.equal(await admitted(t, tries(90, (i) => guess(i, '203.0.113.5'))), 90)
})

t.test('a right password forgets the mistyped ones before it, and what was no guess is given back', async (t) => {
  const limits = limitsOver(redis, 20)
  const tried = { kind: 'password', ip: '203.0.113.1', subject: alice } as const
  await admitted(t, tries(9, () => [limits, tried]))
  const right = await limits.take(tried)
  await right.giveBack({ wasRight: true })
  t.equal(await admitted(t, tries(50, () => [limits, tried])), 10)
  await server.flush()

  for (let i = 0; i < 30; i++) await (await limits.take(tried)).giveBack({ wasRight: false })
  t.equal(await admitted(t, tries(50, () => [limits, tried])), 10)
})

t.test('behind a proxy ten thousand addresses of one /64, and eight spellings of one address, share a bucket; a missing or garbled chain shares another', async (t) => {
  const limits = limitsOver(redis, 7)
  const app = await createServer({ service: 'test', log, metrics: createMetrics({ service: 'test', sha: 'test' }), trustedHops: 1 })
  t.teardown(() => app.close())
  app.post('/', async (request) => { await limits.take({ kind: 'challenge', ip: clientIp(request) }) })
  const served = async (chains: readonly (string | undefined)[]): Promise<number> => {
    const answers = await Promise.all(chains.map((chain) => app.inject({ method: 'POST', url: '/', headers: chain === undefined ? {} : { 'x-forwarded-for': chain } })))
    t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 429))
    return answers.filter(({ statusCode }) => statusCode === 200).length
  }
  const oneOf64 = (i: number): string => `2001:db8:0:7:${i.toString(16)}:${(i * 7919 & 0xffff).toString(16)}::${(i & 255).toString(16)}`

  let inOne64 = 0
  for (let from = 0; from < 10_000; from += 1_000) inOne64 += await served(tries(1_000, (i) => oneOf64(from + i)))
  t.equal(inOne64, 7)
  t.equal(await served(['2001:db8:0:8::1']), 1, 'the next /64 is somebody else')

  const spellings = ['2001:db8:0:9::1', '2001:DB8:0:9::1', '2001:0db8:0000:0009:0000:0000:0000:0001', '2001:db8:0:9:0:0:0:1', '[2001:db8:0:9::1]', '[2001:db8:0:9::1]:4711', '2001:db8:0:9::1%eth0', '2001:db8:0:9::0.0.0.1']
  t.equal(await served(spellings), 7)
  t.equal(await served(['203.0.113.9', '::ffff:203.0.113.9', '::ffff:cb00:7109', '203.0.113.9:80', '0:0:0:0:0:ffff:203.0.113.9', '[::ffff:203.0.113.9]:80', ' 203.0.113.9 ', '::FFFF:203.0.113.9']), 7)

  t.equal(await served([undefined, '', 'garbage', '203.0.113.999', '1.2.3.4, garbage', '2001:db8::1::2', 'unknown', '1.2.3.4;', undefined, '<script>']), 7)
})

t.test('Redis holds no address, neither of a person nor of a place', async (t) => {
  const limits = limitsOver(redis)
  await limits.take({ kind: 'password', ip: '203.0.113.77', subject: alice })
  await limits.remember(alicesAddress, '203.0.113.77')

  const keys = await redis.keys('*')

  t.equal(keys.length, 4)
  for (const key of keys) t.match(key, /^gw:\{limits\}:(\d+:(wrong:place|password:here|password:anywhere)|known):[A-Za-z0-9_-]{43}$/)
})

t.test('every route that is limited as sign-in or answers to a code says how it is counted, and one that does not is not served', async (t) => {
  const contracts = (await import('@countersign/contracts')) as unknown as Readonly<Record<string, unknown>>
  const isRoute = (value: unknown): value is Route => typeof value === 'object' && value !== null && 'operationId' in value && 'limit' in value
  const routes = Object.values(contracts).flatMap((value) => isRoute(value) ? [value] : []).concat(Object.values(walletRoutes).flatMap((family) => Object.values(family)))
  const limited = routes.filter(({ limit }) => limit === 'sign-in')
  t.ok(limited.length > 30, `${limited.length} routes`)
  for (const route of limited) t.ok(countingOf(route), route.operationId)
  const answering = routes.filter((route) => route.problems.includes('codeRejected'))
  t.ok(answering.length > 8, `${answering.length} routes that answer to a code`)
  for (const route of answering) t.match(countingOf(route), { kind: 'proof' }, route.operationId)

  const app = await createServer({ service: 'test', log, metrics: createMetrics({ service: 'test', sha: 'test' }), trustedHops: 0 })
  t.teardown(() => app.close())
  limitSignIn(app, limitsOver(redis))
  const newDoor = (more: Partial<Route>) => addRoute(app, { ...routes[0] as Route, path: '/new-door', operationId: 'newDoor', caller: 'anyone', ...more }, () => Promise.reject(new Error('unused')))
  t.throws(() => newDoor({ limit: 'sign-in' }), { message: /newDoor/ })
  t.throws(() => newDoor({ limit: 'general', problems: ['codeRejected'] }), { message: /newDoor/ })
})

t.test('while Redis is away every try is refused as unavailable, and the log says why; a count that cannot be corrected stops nobody', async (t) => {
  const limits = limitsOver(redis)
  const tried = await limits.take({ kind: 'password', ip: '203.0.113.1', subject: alice })
  await server.kill()

  await t.rejects(limits.take({ kind: 'password', ip: '203.0.113.1', subject: alice }), { message: problems.unavailable.detail })
  await tried.giveBack({ wasRight: true })
  await limits.remember(alicesAddress, '203.0.113.1')

  t.match(logs.text(), /sign-in limits cannot be counted/)
  t.match(logs.text(), /sign-in limits were not corrected/)
  t.notMatch(logs.text(), /alice@example\.com/i)
  await server.restart()
})

t.test('what a body holds beside the field of its route changes nothing about whose tries are counted', async (t) => {
  const beside = { email: 'own@example.com', identifier: 'own@example.com', address: '0x0000000000000000000000000000000000000001', user_id: 'usr_1' }
  const fields: [Route, string][] = [
    [logInUser, 'email'], [logInWithEmail, 'email'], [requestEmailCode, 'email'], [requestVerification, 'identifier'], [submitVerification, 'identifier'], [walletRoutes.evm.verify, 'address']
  ]
  for (const [route, field] of fields) {
    const how = countingOf(route)
    const victim = { [field]: field === 'address' ? '0x00000000000000000000000000000000000000ff' : 'victim@example.com' }
    const subjectOf = (body: Record<string, unknown>) => how === undefined || how === 'secret' ? undefined : how.subject?.({ body, userId: undefined })
    t.match(subjectOf(victim), how !== undefined && how !== 'secret' && how.kind === 'proof' && field === 'address' ? /00ff$/ : /victim/, route.operationId)
    t.equal(subjectOf({ ...beside, ...victim }), subjectOf(victim), route.operationId)
  }
})
