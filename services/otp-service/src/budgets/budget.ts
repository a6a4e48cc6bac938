/**
 * How many wrong codes an account may have, over all of its challenges, sessions and purposes:
 *
 * - 10 wrong codes since the later of 15 minutes ago, the last right code and the end of the last lock: locked for OTP_LOCK_SECONDS.
 * - 17 wrong codes in any 24 hours: locked for OTP_LOCK_SECONDS, and on until the oldest of the 17 is a day old.
 *   A right code does not shorten this count: else a thief with a session could guess on whenever the owner signs something.
 * - 100 wrong codes in a row, without a right one between: closed. Time opens it no more; an operator does.
 *
 * A session that has answered rightly before is not kept out by the wrong codes of others: while the account is locked by either of the
 * first two rules, the sessions that last answered rightly (5 at most are remembered) may still have 3 wrong codes in any 24 hours, all
 * of them together. Those count for the row of 100 and for nothing else. So at most 17 + 3 = 20 wrong codes are compared in any 24 hours:
 * nobody's guessing, from wherever, has more than 20 chances in a million a day, and 3 of them are kept for the owner.
 *
 * A right code ends the row, the 15-minute count and the lock. Only compared codes count: a challenge that is unknown, over or not the
 * answerer's costs its account nothing. Every attempt is counted as wrong before it is compared and taken back when it was right, so that
 * codes sent in parallel cannot share what is left.
 */
export interface BudgetRules {
  readonly perWindow: number
  readonly windowSeconds: number
  readonly perDay: number
  readonly inARow: number
  readonly lockSeconds: number
  /** Wrong codes in a day of sessions that have answered rightly before, while the account is locked. */
  readonly ownPerDay: number
  /** So many of those sessions are remembered. */
  readonly ownSessions: number
}

export const budgetRules = (lockSeconds: number): BudgetRules => ({ perWindow: 10, windowSeconds: 900, perDay: 17, inARow: 100, lockSeconds, ownPerDay: 3, ownSessions: 5 })

export interface Reservation {
  /** Names this attempt inside its account's budget. */
  readonly id: string
  readonly granted: boolean
  /** Whether the account is locked if this attempt is wrong. */
  readonly spends: boolean
  readonly lock: Lock
}

export interface Lock {
  readonly closed: boolean
  /** Until the next attempt may be made; 0 when one may be made now, or when no time helps. */
  readonly retryAfterSeconds: number
}

/** How an account stands for one of its sessions. */
export interface Standing extends Lock {
  /** It has answered rightly before, and is one of those remembered. */
  readonly own: boolean
}
