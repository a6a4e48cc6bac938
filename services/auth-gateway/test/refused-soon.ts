/** How soon a revocation is seen by another process: in rounds of its watch on what has ended, which are half a second apart. */
import { until } from '@countersign/testing'
import type { Test as TapTest } from 'tap'
import { watchEveryMs } from '../src/sessions/ended-sessions.ts'
import type { House, TestGateway } from './open-gateway.ts'

/** Asks once and says whether it was let in. */
export type Read = () => Promise<boolean>

/**
 * Begun right after the answer of the revoking request. A read that begins when `at` has begun its second round since then is refused: the
 * first had ended by then. The database counts the rounds, so this holds on a machine too slow for any clock; that two of them are a second
 * is arithmetic. Where the watch keeps its time the monotonic clock says the same.
 */
export async function assertRefusedSoon (t: TapTest, { mongo: { db } }: Pick<House, 'mongo'>, at: Pick<TestGateway, 'name'>, reads: Readonly<Record<string, Read>>): Promise<void> {
  const answeredAt = performance.now()
  await db.command({ profile: 1, filter: { op: 'query', ns: `${db.databaseName}.sessions`, 'command.hint': 'by_revocation' } })
  const { localTime: since } = await db.command({ hello: 1 }) as { localTime: Date }
  const roundsBegun = (): Promise<number> => db.collection('system.profile').countDocuments({ appName: at.name, $expr: { $gt: [{ $subtract: ['$ts', '$millis'] }, since] } })

  let open = Object.entries(reads)
  let lastMs = 0
  await until(async () => {
    const rounds = await roundsBegun()
    const beganMs = performance.now() - answeredAt
    const answers = await Promise.all(open.map(async ([name, read]) => ({ name, read, isIn: await read() })))
    const accepted = answers.filter(({ isIn }) => isIn)
    open = accepted.map(({ name, read }) => [name, read])
    if (rounds >= 2) t.strictSame(accepted.map(({ name }) => name), [], 'refused once the second round has begun')
    if (accepted.length > 0) lastMs = beganMs
    return rounds >= 2 || accepted.length === 0
  }, { what: 'the other process to refuse' })

  t.ok(2 * watchEveryMs <= 1_000, `two rounds are a second at most; here the last read that was let in began after ${Math.round(lastMs)} ms`)
  for (const [name, read] of Object.entries(reads)) t.notOk(await read(), `${name} stays refused`)
}
