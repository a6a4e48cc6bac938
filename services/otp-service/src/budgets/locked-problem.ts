/** One refusal for a locked and for a closed factor; only time helps the first, only an operator the second. */
import { Problem, problems } from '@countersign/contracts'
import type { Lock } from './budget.ts'

export const isLocked = ({ closed, retryAfterSeconds }: Lock): boolean => closed || retryAfterSeconds > 0

export const lockedProblem = ({ closed, retryAfterSeconds }: Lock): Problem => new Problem(problems.factorLocked, closed
  ? { detail: 'Too many requests: the factor was closed after too many wrong codes. Ask the operator to reopen it.' }
  : { retry_after: Math.max(1, retryAfterSeconds) })
