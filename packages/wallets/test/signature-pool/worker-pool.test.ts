import { problems, type Problem } from '@countersign/contracts'
import { createLogger } from '@countersign/runtime'
import { captureLogs } from '@countersign/testing'
import t, { type Test } from 'tap'
import { createWorkerPool } from '../../src/signature-pool/worker-pool.ts'
import type { Order } from './obedient-worker.ts'

const openPool = (t: Test, { size = 1, queueLimit = 10, jobTimeoutMs = 60_000 } = {}) => {
  const logs = captureLogs()
  const log = createLogger({ service: 'auth-gateway', level: 'debug', sha: 'test', environment: 'test', destination: logs.destination })
  const pool = createWorkerPool<Order, unknown>({ script: new URL('./obedient-worker.js', import.meta.url), size, queueLimit, jobTimeoutMs, log })
  t.teardown(() => pool.close())
  return { pool, logs }
}
/** 'unavailable' for the one refusal that the pool may give. */
const outcome = async (job: Promise<unknown>): Promise<unknown> => await job.catch((reason: Problem) => {
  if (reason.kind !== problems.unavailable || reason.extensions.retry_after !== 1) throw reason
  return 'unavailable'
})
/** A job that ends when the gate opens. */
const gate = () => {
  const held = new Int32Array(new SharedArrayBuffer(4))
  return {
    order: { do: 'wait', gate: held } as const,
    open: () => {
      Atomics.store(held, 0, 1)
      Atomics.notify(held, 0)
    }
  }
}
const answer = (value: string): Order => ({ do: 'answer', value })

t.test('each job gets its own answer, from as many threads as there are and no more', async (t) => {
  const { pool } = openPool(t, { size: 2, queueLimit: 200 })

  const values = Array.from({ length: 100 }, (_, i) => String(i))
  t.strictSame(await Promise.all(values.map((value) => pool.run(answer(value)))), values)
  const threads = await Promise.all(values.map(() => pool.run({ do: 'say thread' })))
  t.equal(new Set(threads).size, 2)
})

t.test('while the threads are busy as many jobs wait as may, and one more is refused at once', async (t) => {
  const { pool } = openPool(t, { size: 2, queueLimit: 3 })
  const { order, open } = gate()
  const busy = [pool.run(order), pool.run(order)]
  const waiting = ['a', 'b', 'c'].map((value) => pool.run(answer(value)))

  t.equal(await outcome(pool.run(answer('d'))), 'unavailable', 'before any other has ended')
  open()

  t.strictSame(await Promise.all(waiting), ['a', 'b', 'c'])
  await Promise.all(busy)
  t.equal(await pool.run(answer('e')), 'e')
})

t.test('a thread that dies over its job fails this job alone; the next one has a new thread', async (t) => {
  const { pool, logs } = openPool(t)
  for (const deed of ['throw', 'exit', 'hog'] as const) {
    const before = await pool.run({ do: 'say thread' })
    const outcomes = [outcome(pool.run({ do: deed })), outcome(pool.run(answer('next'))), outcome(pool.run({ do: deed })), outcome(pool.run({ do: 'say thread' }))]

    const [first, second, third, after] = await Promise.all(outcomes)

    t.strictSame([first, second, third], ['unavailable', 'next', 'unavailable'], deed)
    t.type(after, 'number')
    t.not(after, before)
  }
  t.match(logs.text(), /a worker thread failed/)
})

t.test('a job that does not end in time costs its thread and nobody else', async (t) => {
  const { pool, logs } = openPool(t, { size: 2, jobTimeoutMs: 3_000 })

  const hanging = outcome(pool.run({ do: 'hang' }))
  t.equal(await pool.run(answer('meanwhile')), 'meanwhile')

  t.equal(await hanging, 'unavailable')
  t.match(logs.text(), /did not end its job in time/)
  t.equal(await pool.run(answer('after')), 'after')
})

t.test('closing fails what runs and what waits, ends the threads, and lets nothing in', async (t) => {
  const { pool } = openPool(t)
  const jobs = [outcome(pool.run(gate().order)), outcome(pool.run(answer('waiting')))]

  await pool.close()

  t.strictSame(await Promise.all(jobs), ['unavailable', 'unavailable'])
  t.equal(await outcome(pool.run(answer('late'))), 'unavailable')
  await pool.close()
})

t.test('a job that cannot be sent is its sender\'s fault and leaves the thread free', async (t) => {
  const { pool } = openPool(t)

  await t.rejects(pool.run({ do: 'answer', value: (() => 'x') as unknown as string }), { name: 'DataCloneError' })

  t.equal(await pool.run(answer('next')), 'next')
})
