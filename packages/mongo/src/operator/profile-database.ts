/** The slowest operations of a while, by MongoDB's own profiler. Shapes and counts only: no value of any document or filter. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Db } from 'mongodb'

export interface ProfileOptions {
  readonly seconds: number
  /** Operations that took at least so long. */
  readonly slowMs: number
  readonly top: number
}

export interface SlowOperation {
  readonly operation: string
  readonly collection: string
  /** How the server went about it: an index, or COLLSCAN for reading everything. */
  readonly plan: string
  readonly times: number
  readonly slowest_ms: number
  readonly examined: number
  readonly returned: number
}

/** Puts the profiler back as it was. @throws MongoServerError when the user may not profile: that is an administrator's right */
export async function profileDatabase (db: Db, { seconds, slowMs, top }: ProfileOptions): Promise<SlowOperation[]> {
  const before = await db.command({ profile: 1, slowms: slowMs }) as { was: number, slowms: number }
  const [{ now }] = await db.aggregate<{ now: Date }>([{ $documents: [{}] }, { $project: { now: '$$NOW' } }]).toArray() as [{ now: Date }]
  try {
    await wait(seconds * 1000)
  } finally {
    await db.command({ profile: before.was, slowms: before.slowms })
  }
  return await db.collection('system.profile').aggregate<SlowOperation>([
    { $match: { ts: { $gte: now }, millis: { $gte: slowMs }, ns: { $ne: `${db.databaseName}.system.profile` } } },
    { $set: { kind: { $cond: [{ $in: ['$op', ['command', 'query']] }, { $arrayElemAt: [{ $map: { input: { $objectToArray: '$command' }, in: '$$this.k' } }, 0] }, '$op'] } } },
    { $group: { _id: { kind: '$kind', ns: '$ns', plan: '$planSummary' }, times: { $sum: 1 }, slowest_ms: { $max: '$millis' }, examined: { $max: '$docsExamined' }, returned: { $max: '$nreturned' } } },
    { $sort: { slowest_ms: -1 } },
    { $limit: top },
    {
      $project: {
        _id: 0, operation: '$_id.kind', collection: { $replaceOne: { input: '$_id.ns', find: `${db.databaseName}.`, replacement: '' } }, plan: { $ifNull: ['$_id.plan', ''] },
        times: 1, slowest_ms: 1, examined: { $ifNull: ['$examined', 0] }, returned: { $ifNull: ['$returned', 0] }
      }
    }
  ]).toArray()
}
