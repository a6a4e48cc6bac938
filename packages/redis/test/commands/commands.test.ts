import { commandListKey, problems, Problem, replyChannel, type Command, type ServiceName } from '@countersign/contracts'
import { startRedis, until } from '@countersign/testing'
import t, { type Test } from 'tap'
import { connectRedis, createCommandClient, handle, redisTime, startCommandServer, type CommandClient, type CommandHandler, type Redis } from '../../src/index.ts'
import { echo, series, signerOnly, telemetry, type Telemetry } from './echo.ts'

/** What a caller and a callee must be allowed to do, and nothing else. */
const users = [
  { name: 'auth-gateway', rules: ['on', '>gateway', 'resetkeys', 'resetchannels', '~cmd:otp-service:auth-gateway', '&reply:auth-gateway:*', '-@all', '+@connection', '+info', '+time', '+ping', '+eval', '+evalsha', '+llen', '+rpush', '+pttl', '+pexpire', '+subscribe'] },
  { name: 'otp-service', rules: ['on', '>otp', 'resetkeys', 'resetchannels', '~cmd:otp-service:*', '&reply:*', '-@all', '+@connection', '+info', '+time', '+ping', '+blpop', '+lpop', '+llen', '+publish'] }
]
const server = await startRedis(t, { users: () => users })
const admin = await connectRedis({ url: server.url, name: 'test', log: telemetry('auth-gateway').log })
t.teardown(() => { admin.disconnect() })

interface Side extends Telemetry { readonly service: ServiceName }

const requestId = 'req_1'
const list = commandListKey('otp-service', 'auth-gateway')

async function openClient (t: Test, service: ServiceName = 'auth-gateway', options: { maxDepth?: number } = {}): Promise<CommandClient & Side> {
  const side = telemetry(service)
  const client = await createCommandClient({ url: server.url, service, ...side, ...options })
  t.teardown(() => client.close())
  return { ...client, ...side, service }
}

async function openServer (t: Test, handlers: readonly CommandHandler[], concurrency = 8): Promise<Side & { close: () => Promise<void> }> {
  const side = telemetry('otp-service')
  const { close } = await startCommandServer({ url: server.url, service: 'otp-service', ...side, handlers, concurrency })
  t.teardown(close)
  return { ...side, service: 'otp-service', close }
}

const repeat = handle(echo, async ({ word }) => ({ word }))
const refusal = async (call: Promise<unknown>): Promise<Problem> => await call.then(
  () => { throw new Error('was not refused') },
  (error: unknown) => { if (error instanceof Problem) return error; throw error }
)
/** An item as a caller with the right to its list could write it by hand. */
const item = async (fields: object, lifeMs = 3_000): Promise<string> => `${await redisTime(admin) + lifeMs} ${JSON.stringify({
  call: 'c'.repeat(22), instance: 'i'.repeat(22), command: echo.name, command_id: 'cmd_1', request_id: requestId, payload: { word: 'by hand' }, ...fields
})}`
const empty = async (redis: Redis): Promise<void> => { await redis.del(list) }
t.beforeEach(async () => { await empty(admin) })

t.test('a command is answered, and both sides count it', async (t) => {
  let seen: object | undefined
  const callee = await openServer(t, [handle(echo, async ({ word }, { commandId, caller, actor, requestId, deadlineAt, signal }) => {
    seen = { commandId, caller, actor, requestId, aborted: signal.aborted, soon: deadlineAt.getTime() - await redisTime(admin) <= echo.deadlineMs }
    return { word }
  })])
  const client = await openClient(t)

  t.strictSame(await client.call(echo, { word: 'hello' }, { requestId, actor: 'usr_1', commandId: 'cmd_9' }), { word: 'hello' })

  t.strictSame(seen, { commandId: 'cmd_9', caller: 'auth-gateway', actor: 'usr_1', requestId, aborted: false, soon: true })
  t.equal(await series(client.metrics, 'command_duration_seconds', { command: echo.name, outcome: 'ok' }), 1)
  t.equal(await series(callee.metrics, 'command_handled_total', { command: echo.name, outcome: 'ok' }), 1)
})

t.test('three hundred calls at once each get their own answer', async (t) => {
  await openServer(t, [repeat])
  const client = await openClient(t)
  const words = Array.from({ length: 300 }, (_, index) => `word ${index}`)

  const replies = await Promise.all(words.map((word) => client.call(echo, { word }, { requestId })))

  t.strictSame(replies.map(({ word }) => word), words)
})

t.test('a refusal reaches the caller as the Problem it was, with its extensions', async (t) => {
  const callee = await openServer(t, [handle(echo, async () => { throw new Problem(problems.codeRejected, { attempts_left: 2, detail: 'Two are left.' }) })])
  const client = await openClient(t)

  const problem = await refusal(client.call(echo, { word: 'x' }, { requestId }))

  t.equal(problem.kind, problems.codeRejected)
  t.strictSame(problem.extensions, { attempts_left: 2, detail: 'Two are left.' })
  t.equal(await series(client.metrics, 'command_duration_seconds', { outcome: 'refused' }), 1)
  t.equal(await series(callee.metrics, 'command_handled_total', { outcome: 'refused' }), 1)
})

t.test('what breaks in a handler is logged there and told to nobody else', async (t) => {
  const callee = await openServer(t, [handle(echo, async () => { throw new Error('the pepper is salt') })])
  const client = await openClient(t)

  const problem = await refusal(client.call(echo, { word: 'x' }, { requestId }))

  t.equal(problem.kind, problems.internal)
  t.notMatch(JSON.stringify(problem.extensions), /pepper/)
  t.match(callee.logs.lines(), [{ msg: 'command failed', command: echo.name, requestId, err: { message: 'the pepper is salt' } }])
  t.equal(await series(callee.metrics, 'command_handled_total', { outcome: 'failed' }), 1)
})

t.test('a reply that breaks its contract does not leave the callee', async (t) => {
  const wrong = handle(echo, async () => ({ word: 1 } as unknown as { word: string }))
  const callee = await openServer(t, [wrong])
  const client = await openClient(t)

  t.equal((await refusal(client.call(echo, { word: 'x' }, { requestId }))).kind, problems.internal)
  t.match(callee.logs.lines(), [{ msg: 'reply breaks its contract', faults: [/^\/word/] }])
})

t.test('a request that breaks its contract, or is not this service\'s to make, is never sent', async (t) => {
  const client = await openClient(t)

  await t.rejects(client.call(echo, { word: 'secret'.repeat(20) }, { requestId }), { name: 'TypeError', message: /test\.echo: \/word/ })
  await client.call(echo, { word: 'secret'.repeat(20) }, { requestId }).catch((error: Error) => { t.notMatch(error.message, /secret/) })
  await t.rejects(client.call(signerOnly, { word: 'x' }, { requestId }), { message: /auth-gateway is none of its callers/ })
  t.equal(await admin.llen(list), 0)
})

t.test('a command planted on the list of a caller that may not give it is refused', async (t) => {
  let handled = 0
  const callee = await openServer(t, [repeat, handle(signerOnly, async ({ word }) => { handled += 1; return { word } })])
  const listener = admin.duplicate({ enableOfflineQueue: true })
  t.teardown(() => { listener.disconnect() })
  const replies: string[] = []
  listener.on('message', (_channel, message: string) => replies.push(message))
  await listener.subscribe(replyChannel('auth-gateway', 'i'.repeat(22)))

  await admin.rpush(list, await item({ command: signerOnly.name }))

  await until(() => replies.length === 1, { what: 'the refusal' })
  t.match(replies[0], /"slug":"not-permitted"/)
  t.equal(handled, 0)
  t.equal(await series(callee.metrics, 'command_handled_total', { command: signerOnly.name, outcome: 'invalid' }), 1)
})

t.test('malformed, unknown and ill-fitting commands are dropped or refused, counted, and their content stays out of the logs', async (t) => {
  let handled = 0
  const callee = await openServer(t, [handle(echo, async ({ word }) => { handled += 1; return { word } })])
  const invalid = async (): Promise<number> => await series(callee.metrics, 'command_handled_total', { outcome: 'invalid' })

  await admin.rpush(list, 'hunter2', `hunter2 ${'{}'}`, '99999999999999 {"hunter2"', (await item({})).replace(/^\d+/, '-5'),
    await item({ extra: 'hunter2' }), await item({ call: '*' }), await item({ command: 'test.newer' }), await item({ payload: { word: 'x', hunter2: 'hunter2' } }))

  await until(async () => await invalid() === 8, { what: 'eight invalid commands' })
  t.equal(handled, 0)
  t.notMatch(callee.logs.text(), /hunter2/)
})

t.test('a caller that stamps its own deadline gets no more than the contract\'s time', async (t) => {
  let deadlineAt = 0
  await openServer(t, [handle(echo, async ({ word }, context) => { deadlineAt = context.deadlineAt.getTime(); return { word } })])

  await admin.rpush(list, await item({}, 3_600_000))

  await until(() => deadlineAt > 0, { what: 'the command' })
  t.ok(deadlineAt - await redisTime(admin) <= echo.deadlineMs)
})

t.test('replies that nobody waits for, or that no callee could have sent, change nothing and are counted', async (t) => {
  const client = await openClient(t)
  const ignored = async (reason: string): Promise<number> => await series(client.metrics, 'command_replies_ignored_total', { reason })
  const call = client.call(echo, { word: 'asked' }, { requestId })
  const [, text = ''] = (await until(async () => (await admin.lpop(list))?.split(/ (.*)/s), { what: 'the command on its list' }))
  const { call: id, instance } = JSON.parse(text) as { call: string, instance: string }
  const channel = replyChannel('auth-gateway', instance)

  await admin.publish(channel, 'no json')
  await admin.publish(channel, JSON.stringify([{ call: 'x'.repeat(22), reply: { word: 'forged' } }]))
  await admin.publish(channel, JSON.stringify([{ call: id, reply: { word: 7 } }, { call: id }, { call: id, reply: 1, refusal: { slug: 'internal', extensions: {} } }]))
  await until(async () => await ignored('malformed') === 4 && await ignored('unknown') === 1, { what: 'five ignored replies' })
  await admin.publish(channel, JSON.stringify([{ call: id, reply: { word: 'right' } }, { call: id, reply: { word: 'again' } }]))

  t.strictSame(await call, { word: 'right' })
  await until(async () => await ignored('unknown') === 2, { what: 'the second answer to one call' })
  t.match(instance, /^[A-Za-z0-9_-]{22}$/, '128 random bits')
})

t.test('a refusal in words of a newer version is an internal problem, never an error of this process', async (t) => {
  const client = await openClient(t)
  const call = refusal(client.call(echo, { word: 'x' }, { requestId }))
  const [, text = ''] = (await until(async () => (await admin.lpop(list))?.split(/ (.*)/s), { what: 'the command on its list' }))
  const { call: id, instance } = JSON.parse(text) as { call: string, instance: string }

  await admin.publish(replyChannel('auth-gateway', instance), JSON.stringify([{ call: id, refusal: { slug: 'from-the-future', extensions: {} } }]))

  t.equal((await call).kind, problems.internal)
})

t.test('without a callee a call ends at its deadline, and its list goes away by itself', async (t) => {
  const client = await openClient(t)
  const from = performance.now()

  const problem = await refusal(client.call(echo, { word: 'x' }, { requestId, deadlineMs: 200 }))

  const tookMs = performance.now() - from
  t.equal(problem.kind, problems.unavailable)
  t.equal(problem.extensions.retry_after, 1)
  t.ok(tookMs >= 190 && tookMs < 1_500, `after ${Math.round(tookMs)} ms`)
  const left = await admin.pttl(list)
  t.ok(left > 0 && left <= 1_200, `${left} ms to live`)
  await until(async () => await admin.exists(list) === 0, { what: 'the list to expire' })
  t.equal(await series(client.metrics, 'command_duration_seconds', { outcome: 'late' }), 1)
})

t.test('a short-lived command does not shorten the life of a list that holds longer ones', async (t) => {
  const client = await openClient(t)
  const calls = [3_000, 100].map((deadlineMs) => refusal(client.call(echo, { word: 'x' }, { requestId, deadlineMs })))

  await until(async () => await admin.llen(list) === 2, { what: 'both on the list' })

  t.ok(await admin.pttl(list) > 2_000)
  await admin.del(list)
  await client.close()
  await Promise.all(calls)
})

t.test('a full list refuses at once, in the middle of a batch as well', async (t) => {
  const client = await openClient(t, 'auth-gateway', { maxDepth: 3 })
  const from = performance.now()

  const calls = Array.from({ length: 5 }, () => refusal(client.call(echo, { word: 'x' }, { requestId, deadlineMs: 2_000 })))
  const refused = await Promise.all(calls.slice(3))

  t.ok(performance.now() - from < 1_000, 'long before the deadline')
  t.strictSame(refused.map(({ kind, extensions }) => [kind, extensions]), Array(2).fill([problems.unavailable, { retry_after: 1 }]))
  t.equal(await series(client.metrics, 'command_duration_seconds', { outcome: 'full' }), 2)
  t.equal(await admin.llen(list), 3)
  await openServer(t, [handle(echo, async () => { throw new Problem(problems.notFound) })])
  t.strictSame((await Promise.all(calls.slice(0, 3))).map(({ kind }) => kind), Array(3).fill(problems.notFound), 'the three that had room are served')
})

t.test('no more commands run at once than allowed; the rest stays on the list, where its depth is seen', async (t) => {
  let running = 0
  let most = 0
  const gate = withResolvers<void>()
  const callee = await openServer(t, [handle(echo, async ({ word }) => {
    most = Math.max(most, ++running)
    await gate.promise
    running -= 1
    return { word }
  })], 4)
  const client = await openClient(t)

  const calls = Array.from({ length: 12 }, (_, index) => client.call(echo, { word: String(index) }, { requestId }))
  await until(() => running === 4, { what: 'four at work' })
  await until(async () => await series(callee.metrics, 'command_queue_depth', { list }) === 8, { what: 'eight in the queue' })
  gate.resolve()

  t.equal((await Promise.all(calls)).length, 12)
  t.equal(most, 4)
})

t.test('two callees compete and each command is handled once', async (t) => {
  const handled: string[] = []
  const by = [0, 0]
  const callee = (index: number) => handle(echo, async ({ word }) => {
    handled.push(word)
    by[index] = (by[index] ?? 0) + 1
    await new Promise(setImmediate)
    return { word }
  })
  await openServer(t, [callee(0)], 2)
  await openServer(t, [callee(1)], 2)
  const client = await openClient(t)
  const words = Array.from({ length: 400 }, (_, index) => String(index))

  await Promise.all(words.map((word) => client.call(echo, { word }, { requestId })))

  t.strictSame(handled.sort((a, b) => Number(a) - Number(b)), words)
  t.ok(by.every((count) => count > 0), `shared as ${by.join(' and ')}`)
})

t.test('the signal of a handler is aborted at the deadline, and its late answer is not sent', async (t) => {
  const { promise: aborted, resolve } = withResolvers<void>()
  const callee = await openServer(t, [handle(echo, async ({ word }, { signal }) => {
    signal.addEventListener('abort', () => { resolve() })
    await aborted
    return { word }
  })])
  const client = await openClient(t)

  t.equal((await refusal(client.call(echo, { word: 'x' }, { requestId, deadlineMs: 150 }))).kind, problems.unavailable)

  await aborted
  await until(async () => await series(callee.metrics, 'command_handled_total', { outcome: 'ok' }) === 1, { what: 'the handler to end' })
  t.equal(await series(client.metrics, 'command_replies_ignored_total', {}), 0)
})

t.test('closing a callee lets running commands answer and takes no new ones', async (t) => {
  const { promise: gate, resolve: open } = withResolvers<void>()
  let started = 0
  const callee = await openServer(t, [handle(echo, async ({ word }) => { started += 1; await gate; return { word } })], 4)
  const client = await openClient(t)
  const running = client.call(echo, { word: 'running' }, { requestId })
  await until(() => started === 1, { what: 'the command to run' })

  const closed = callee.close()
  // One block of BLPOP may still hand out an item; after it nothing is taken.
  await until(async () => !String(await admin.client('LIST')).match(/name=otp-service:takes:auth-gateway.*cmd=blpop/), { what: 'the taker to stop' })
  const later = refusal(client.call(echo, { word: 'later' }, { requestId, deadlineMs: 300 }))
  t.equal((await later).kind, problems.unavailable)
  open()

  t.strictSame(await running, { word: 'running' })
  await closed
  t.equal(started, 1)
})

t.test('closing a client ends its waiting calls as unavailable', async (t) => {
  const client = await openClient(t)
  const call = refusal(client.call(echo, { word: 'x' }, { requestId }))

  await client.close()

  t.equal((await call).kind, problems.unavailable)
  t.equal((await refusal(client.call(echo, { word: 'x' }, { requestId }))).kind, problems.unavailable, 'and so do later ones')
})

t.test('a callee does not start with a handler of another service, or two of one command', async (t) => {
  const foreign = handle({ ...echo, callee: 'signer-service' } as Command, async () => ({}))
  const start = async (handlers: readonly CommandHandler[]) => await startCommandServer({ url: server.url, service: 'otp-service', ...telemetry('otp-service'), handlers })

  await t.rejects(start([foreign]), { message: /a command to signer-service, not to otp-service/ })
  await t.rejects(start([repeat, repeat]), { message: 'test.echo has two handlers' })
})

t.test('callers and callees work as Redis users that may touch their own lists and channels alone', async (t) => {
  const urlFor = (name: string, password: string): string => Object.assign(new URL(server.url), { username: name, password }).href
  const [caller, callee] = [telemetry('auth-gateway'), telemetry('otp-service')]
  const { close } = await startCommandServer({ url: urlFor('otp-service', 'otp'), service: 'otp-service', ...callee, handlers: [repeat] })
  t.teardown(close)
  const client = await createCommandClient({ url: urlFor('auth-gateway', 'gateway'), service: 'auth-gateway', ...caller })
  t.teardown(() => client.close())

  t.strictSame(await client.call(echo, { word: 'allowed' }, { requestId }), { word: 'allowed' })
  t.notMatch(caller.logs.text() + callee.logs.text(), /NOPERM/)

  // A stolen gateway that calls itself the signer: its user may neither put on that list nor hear those replies.
  await t.rejects(createCommandClient({ url: urlFor('auth-gateway', 'gateway'), service: 'signer-service', ...telemetry('signer-service') }), /NOPERM|No permissions/i)
})

t.test('neither side starts without Redis', async (t) => {
  const url = 'redis://127.0.0.1:1'

  await t.rejects(createCommandClient({ url, service: 'auth-gateway', ...telemetry('auth-gateway') }))
  await t.rejects(startCommandServer({ url, service: 'otp-service', ...telemetry('otp-service'), handlers: [repeat] }))
})

function withResolvers<T> (): { promise: Promise<T>, resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => { resolve = done })
  return { promise, resolve }
}
