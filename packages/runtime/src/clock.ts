/** Time is an argument. No process clock decides a life: stores do, with their own; this one is for logs, ids and defaults. */
export interface Clock {
  now (): Date
}

export const systemClock: Clock = { now: () => new Date() }

/** @param offsetMs what tests move the clock by (CLOCK_OFFSET_MS, refused in production). */
export const clockFrom = (offsetMs: number): Clock =>
  offsetMs === 0 ? systemClock : { now: () => new Date(Date.now() + offsetMs) }
