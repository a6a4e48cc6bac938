/** Commands while processes die, clocks are wrong and Redis comes and goes. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { commandListKey, problems, Problem } from '@countersign/contracts'
import { startRedis, until } from '@countersign/testing'
import t, { type Test } from 'tap'
import { connectRedis, createCommandClient, handle, redisTime, startCommandServer, type CommandClient } from '../../src/index.ts'
import { echo, telemetry, type Telemetry } from './echo.ts'

const server = await startRedis(t)
const list = commandListKey('otp-service', 'auth-gateway')
const requestId = 'req_1'
const hourMs = 3_600_000

async function openClient (t: Test): Promise<CommandClient & Telemetry> {
  const side = telemetry('auth-gateway')
  const client = await createCommandClient({ url: server.url, service: 'auth-gateway', ...side })
  t.teardown(() => client.close())
  return { ...client, ...side }
}

async function openAdmin (t: Test) {
  const admin = await connectRedis({ url: server.url, name: 'test', log: telemetry('auth-gateway').log })
  t.teardown(() => { admin.disconnect() })
  return admin
}

/** @param clockOffsetMs by which the process believes a wrong time */
async function startCallee (t: Test, clockOffsetMs = 0): Promise<ChildProcess> {
  const child = spawn(process.execPath, [new URL('callee-process.js', import.meta.url).pathname, server.url, String(clockOffsetMs)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') return child
  throw new Error('the callee did not start')
}

const problemOf = async (call: Promise<unknown>): Promise<Problem | undefined> => await call.then(() => undefined, (error: unknown) => {
  if (error instanceof Problem) return error
  throw error
})

t.afterEach(async () => { await server.flush() })

t.test('a callee killed in the middle of a command leaves its caller with 503 by the deadline, and another one goes on', async (t) => {
  const [client, admin, callee] = [await openClient(t), await openAdmin(t), await startCallee(t)]
  const from = performance.now()
  const call = problemOf(client.call(echo, { word: 'for ever' }, { requestId, commandId: 'cmd_killed', deadlineMs: 1_000 }))
  await until(async () => await admin.llen('handled') === 1, { what: 'the handler to run' })

  callee.kill('SIGKILL')

  const problem = await call
  t.equal(problem?.kind, problems.unavailable)
  t.equal(problem?.extensions.retry_after, 1)
  t.ok(performance.now() - from < 2_000)
  await startCallee(t)
  t.strictSame(await client.call(echo, { word: 'again' }, { requestId }), { word: 'again' })
  t.strictSame((await admin.lrange('handled', 0, -1)).filter((id) => id === 'cmd_killed'), ['cmd_killed'], 'the killed one is not run by another')
})

for (const offsetMs of [-hourMs, hourMs]) {
  t.test(`a callee whose clock is ${offsetMs / hourMs} h off drops what expired and serves what did not`, async (t) => {
    const [client, admin] = [await openClient(t), await openAdmin(t)]
    t.equal((await problemOf(client.call(echo, { word: 'too late' }, { requestId, commandId: 'cmd_late', deadlineMs: 50 })))?.kind, problems.unavailable)
    await admin.persist(list)
    t.equal(await admin.llen(list), 1, 'it waits for a callee that comes too late')

    await startCallee(t, offsetMs)

    t.strictSame(await client.call(echo, { word: 'in time' }, { requestId, commandId: 'cmd_in_time' }), { word: 'in time' })
    t.strictSame(await admin.lrange('handled', 0, -1), ['cmd_in_time'])
    t.strictSame(await client.call(echo, { word: 'metrics' }, { requestId }), { word: '1' }, 'and it counted the expired one')
  })
}

t.test('Redis restarted under load: no call hangs, and both sides go on by themselves', async (t) => {
  const side = telemetry('otp-service')
  const callee = await startCommandServer({ url: server.url, service: 'otp-service', ...side, handlers: [handle(echo, async ({ word }) => ({ word }))] })
  t.teardown(callee.close)
  const client = await openClient(t)
  const ended = { answered: 0, unavailable: 0, longestMs: 0 }
  let loading = true
  const caller = async (): Promise<void> => {
    while (loading) {
      const from = performance.now()
      const problem = await problemOf(client.call(echo, { word: 'load' }, { requestId, deadlineMs: 1_000 }))
      ended.longestMs = Math.max(ended.longestMs, performance.now() - from)
      if (problem === undefined) ended.answered += 1
      else if (problem.kind === problems.unavailable) ended.unavailable += 1
      // Refused calls come back at once: let others run.
      if (problem !== undefined) await new Promise((resolve) => { setTimeout(resolve, 5) })
    }
  }
  const callers = Promise.all(Array.from({ length: 10 }, caller))
  await until(() => ended.answered > 500, { what: 'load' })

  await server.kill()
  await until(() => ended.unavailable > 10, { what: 'refused calls' })
  await server.restart()
  const before = ended.answered
  await until(() => ended.answered > before + 500, { what: 'answers after the restart', timeoutMs: 15_000 })
  loading = false
  await callers

  t.ok(ended.longestMs < 1_500, `the longest call took ${Math.round(ended.longestMs)} ms`)
  t.ok(client.logs.lines().some(({ msg }) => msg === 'redis connection is back'))
  t.ok(client.logs.lines().filter(({ msg }) => msg === 'redis connection fault' || msg === 'redis connection lost').length <= 6, 'one line per loss, not per attempt')
})

t.test('a Redis that hangs makes calls end by their deadline, and what lay in its socket is not run when it wakes', async (t) => {
  const [client, admin] = [await openClient(t), await openAdmin(t)]
  await startCallee(t)
  t.strictSame(await client.call(echo, { word: 'before' }, { requestId, commandId: 'cmd_before' }), { word: 'before' })

  server.pause()
  const from = performance.now()
  const stuck = await Promise.all([200, 400].map((deadlineMs) => problemOf(client.call(echo, { word: 'stuck' }, { requestId, commandId: 'cmd_stuck', deadlineMs }))))
  const tookMs = performance.now() - from
  server.resume()

  t.strictSame(stuck.map((problem) => problem?.kind), [problems.unavailable, problems.unavailable])
  t.ok(tookMs < 1_500, `after ${Math.round(tookMs)} ms`)
  await until(async () => await problemOf(client.call(echo, { word: 'after' }, { requestId, commandId: 'cmd_after' })) === undefined, { what: 'an answer after the pause' })
  t.notOk((await admin.lrange('handled', 0, -1)).includes('cmd_stuck'))
})

t.test('connections that Redis cuts are made again, and calls are answered again', async (t) => {
  const [client, admin] = [await openClient(t), await openAdmin(t)]
  await startCallee(t)
  await client.call(echo, { word: 'before' }, { requestId })
  const listening = problemOf(client.call(echo, { word: 'for ever' }, { requestId }))

  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')

  const from = performance.now()
  t.equal((await listening)?.kind, problems.unavailable, 'its reply would be missed')
  t.ok(performance.now() - from < 1_000, 'so it ends at once')
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until(async () => await problemOf(client.call(echo, { word: 'after' }, { requestId })) === undefined, { what: 'an answer' })
})

t.test('the clock of Redis is read in milliseconds', async (t) => {
  const admin = await openAdmin(t)

  const [before, redis, after] = [Date.now(), await redisTime(admin), Date.now()]

  t.ok(Number.isInteger(redis) && redis >= before - 50 && redis <= after + 50)
})
