import { Problem, problems } from '@countersign/contracts'
import t from 'tap'
import { createBoundedQueue } from '../src/index.ts'

/** Work that ends when it is told to, and notes its beginning. */
const pieces = () => {
  const begun: string[] = []
  const ends = new Map<string, { resolve: (answer: string) => void, reject: (reason: Error) => void }>()
  const piece = (name: string) => async (): Promise<string> => {
    begun.push(name)
    return await new Promise<string>((resolve, reject) => { ends.set(name, { resolve, reject }) })
  }
  return { begun, piece, end: (name: string) => ends.get(name)?.resolve(name), fail: (name: string) => ends.get(name)?.reject(new Error(name)) }
}
const turn = async (): Promise<void> => await new Promise((resolve) => { setImmediate(resolve) })

t.test('as many run as may, as many wait as may, in the order of their coming, and one more is refused without having begun', async (t) => {
  const queue = createBoundedQueue({ maxInFlight: 2, queueLimit: 2 })
  const { begun, piece, end } = pieces()
  const runs = ['a', 'b', 'c', 'd'].map((name) => queue.run(piece(name)))
  await t.rejects(queue.run(piece('e')), new Problem(problems.unavailable, { retry_after: 1 }))
  t.strictSame(begun, ['a', 'b'])

  end('b')
  t.equal(await runs[1], 'b')
  await turn()
  t.strictSame(begun, ['a', 'b', 'c'])
  const late = queue.run(piece('f'))
  for (const name of ['a', 'c', 'd', 'f']) {
    await turn()
    end(name)
  }

  t.strictSame(await Promise.all([...runs, late]), ['a', 'b', 'c', 'd', 'f'])
  t.strictSame(begun, ['a', 'b', 'c', 'd', 'f'])
})

t.test('work that fails, also before its first wait, gives its place back', async (t) => {
  const queue = createBoundedQueue({ maxInFlight: 1, queueLimit: 1 })
  const { piece, fail } = pieces()
  const failing = t.rejects(queue.run(piece('a')), { message: 'a' })
  const throwing = t.rejects(queue.run(() => { throw new Error('at once') }), { message: 'at once' })
  await turn()
  fail('a')
  await Promise.all([failing, throwing])

  t.equal(await queue.run(async () => 'served'), 'served')
})
