/** Accounts whose factor is locked or closed now, those with the most wrong codes first. */
import type { Db } from 'mongodb'

export interface Lockout {
  readonly userId: string
  readonly wrongToday: number
  readonly wrongInARow: number
  readonly lockedUntil: Date | null
  readonly closedAt: Date | null
}

const dayMs = 86_400_000

/** @param perDay wrong codes of a day that lock by themselves */
export async function lockouts (db: Db, perDay: number): Promise<Lockout[]> {
  return await db.collection('failure_budgets').aggregate<Lockout>([
    // Rows that stand for nobody take the guesses at challenges that are not there.
    { $match: { _id: { $not: /^nobody:/ } } },
    { $set: { wrong: { $size: { $filter: { input: { $ifNull: ['$failures', []] }, as: 'failure', cond: { $gt: ['$$failure.at', { $subtract: ['$$NOW', dayMs] }] } } } } } },
    { $match: { $expr: { $or: [{ $ne: [{ $ifNull: ['$closed_at', null] }, null] }, { $gt: [{ $ifNull: ['$locked_until', null] }, '$$NOW'] }, { $gte: ['$wrong', perDay] }] } } },
    { $sort: { wrong: -1, in_a_row: -1, _id: 1 } },
    { $project: { _id: 0, userId: '$_id', wrongToday: '$wrong', wrongInARow: '$in_a_row', lockedUntil: { $ifNull: ['$locked_until', null] }, closedAt: { $ifNull: ['$closed_at', null] } } }
  ]).toArray()
}
