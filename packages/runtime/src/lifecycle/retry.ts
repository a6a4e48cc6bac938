/** Bounded waiting at start: stores and services come up in any order. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'

export interface RetryOptions {
  /** What is waited for, as it should read in the error. */
  readonly label: string
  /** From the first attempt to giving up. */
  readonly seconds: number
  readonly log: Logger
  /** Gives up at once, for example because the process stops. */
  readonly signal?: AbortSignal
}

export interface Attempt {
  readonly number: number
  /** Aborted when time is up. */
  readonly signal: AbortSignal
}

const firstDelayMs = 100
const longestDelayMs = 5000

/**
 * Calls `attempt` until it succeeds. Delays double from 100 ms to 5 s, each shortened by up to half at random, so that a fleet does not
 * knock in step. An attempt that hangs is left when time is up.
 * @throws Error that names the label, the attempts and the last reason.
 */
export async function retryWithin<T> ({ label, seconds, log, signal }: RetryOptions, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
  const timeout = new AbortController()
  // Not AbortSignal.timeout: its timer would let the process end while an attempt hangs.
  const timer = setTimeout(() => { timeout.abort() }, seconds * 1000)
  const over = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal])
  try {
    return await attemptUntil(over, { label, seconds, log, ...signal !== undefined && { signal } }, attempt)
  } finally {
    clearTimeout(timer)
  }
}

async function attemptUntil<T> (over: AbortSignal, { label, seconds, log, signal }: RetryOptions, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
  let reason: unknown
  let number = 0
  while (!over.aborted) {
    number++
    try {
      return await unlessAborted(attempt({ number, signal: over }), over)
    } catch (error) {
      if (!over.aborted || reason === undefined) reason = error
    }
    if (over.aborted) break
    log.warn({ err: reason, attempt: number }, `waiting for ${label}`)
    const delayMs = Math.min(firstDelayMs * 2 ** (number - 1), longestDelayMs) * (0.5 + Math.random() / 2)
    await delay(delayMs, undefined, { signal: over }).catch(() => undefined)
  }
  if (signal?.aborted === true) throw new Error(`gave up waiting for ${label}: ${messageOf(signal.reason)}`, { cause: signal.reason })
  throw new Error(`${label} was not there within ${seconds} s (attempts: ${number}): ${messageOf(reason)}`, { cause: reason })
}

async function unlessAborted<T> (work: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    leave = () => { reject(new Error('no answer')) }
    signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave)
  }
}

const messageOf = (reason: unknown): string => reason instanceof Error ? reason.message : String(reason)
