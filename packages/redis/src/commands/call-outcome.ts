/** How a call ended, for its caller and for the metrics. */
import { problems, Problem } from '@countersign/contracts'

/** `full`, `unreachable` and `late` are told as unavailable: full was not put, unreachable may have been, late was not answered in time. */
export type CallOutcome = 'ok' | 'refused' | 'failed' | 'invalid' | 'full' | 'unreachable' | 'late'

/** Seconds after which the caller's caller may try again. */
const retryAfterSeconds = 1

export const unavailable = (): Problem => new Problem(problems.unavailable, { retry_after: retryAfterSeconds })
