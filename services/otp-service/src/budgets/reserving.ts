/** The one update that counts an attempt, as a pipeline: prune, decide, count, lock. Every time in it is the database's. The same attempt again changes nothing: it is known by its reservation. */
import type { Document } from 'mongodb'
import type { BudgetRules } from './budget.ts'

export const dayMs = 86_400_000

/** Fields as every later stage expects them, failures of more than a day ago left out. */
export const pruned: Document = {
  failures: { $filter: { input: { $ifNull: ['$failures', []] }, as: 'failure', cond: { $gt: ['$$failure.at', { $subtract: ['$$NOW', dayMs] }] } } },
  own_failures: { $filter: { input: { $ifNull: ['$own_failures', []] }, as: 'failure', cond: { $gt: ['$$failure.at', { $subtract: ['$$NOW', dayMs] }] } } },
  own_sessions: { $ifNull: ['$own_sessions', []] },
  counted_from: { $ifNull: ['$counted_from', null] },
  in_a_row: { $ifNull: ['$in_a_row', 0] },
  locked_until: { $ifNull: ['$locked_until', null] },
  locked_by: { $ifNull: ['$locked_by', null] },
  closed_at: { $ifNull: ['$closed_at', null] },
  closed_by: { $ifNull: ['$closed_by', null] }
}

const isPast = (field: string): Document => ({ $or: [{ $eq: [field, null] }, { $lte: [field, '$$NOW'] }] })
/** @param ref an expression */
export const withoutRef = (list: '$failures' | '$own_failures', ref: unknown): Document =>
  ({ $filter: { input: { $ifNull: [list, []] }, as: 'failure', cond: { $ne: ['$$failure.ref', ref] } } })
export const without = (list: '$failures' | '$own_failures', reservationId: string): Document => withoutRef(list, { $literal: reservationId })

/** Whether this session answered rightly before and something is left for such sessions. */
const hasOwn = ({ ownPerDay }: BudgetRules, session: unknown): Document =>
  ({ $and: [{ $in: [session, '$own_sessions'] }, { $lt: [{ $size: '$own_failures' }, ownPerDay] }] })

/** @param ref the reservation, an expression @param session an expression */
export function reserving (rules: BudgetRules, ref: unknown, session: unknown): Document[] {
  const isCounted = { $or: [{ $in: [ref, '$failures.ref'] }, { $in: [ref, '$own_failures.ref'] }] }
  const lockEnd = { $add: ['$$NOW', rules.lockSeconds * 1_000] }
  const windowStart = { $max: [{ $subtract: ['$$NOW', rules.windowSeconds * 1_000] }, '$counted_from'] }
  const inWindow = { $size: { $filter: { input: '$failures', as: 'failure', cond: { $gte: ['$$failure.at', windowStart] } } } }
  const counted = (list: string): Document => ({ $concatArrays: [list, [{ at: '$$NOW', ref }]] })
  const closes = { $and: ['$granted', { $gte: ['$in_a_row', rules.inARow] }] }
  return [
    { $set: pruned },
    { $set: { shared: { $and: [isPast('$locked_until'), { $lt: [{ $size: '$failures' }, rules.perDay] }] } } },
    { $set: { granted: { $and: [{ $eq: ['$closed_at', null] }, { $or: ['$shared', hasOwn(rules, session)] }, { $not: [isCounted] }] } } },
    {
      $set: {
        failures: { $cond: [{ $and: ['$granted', '$shared'] }, counted('$failures'), '$failures'] },
        own_failures: { $cond: [{ $and: ['$granted', { $not: ['$shared'] }] }, counted('$own_failures'), '$own_failures'] },
        in_a_row: { $add: ['$in_a_row', { $cond: ['$granted', 1, 0] }] }
      }
    },
    {
      $set: {
        // What a session has of its own locks nobody.
        spends: { $and: ['$granted', '$shared', { $or: [{ $gte: [inWindow, rules.perWindow] }, { $gte: [{ $size: '$failures' }, rules.perDay] }] }] },
        closed_at: { $cond: [closes, '$$NOW', '$closed_at'] },
        closed_by: { $cond: [closes, ref, '$closed_by'] }
      }
    },
    {
      $set: {
        locked_until: { $cond: ['$spends', lockEnd, '$locked_until'] },
        locked_by: { $cond: ['$spends', ref, '$locked_by'] },
        // The count of 15 minutes begins anew when the lock ends.
        counted_from: { $cond: ['$spends', lockEnd, '$counted_from'] },
        touched_at: '$$NOW'
      }
    },
    { $unset: ['shared', 'granted', 'spends'] }
  ]
}
