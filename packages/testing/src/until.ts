import { setTimeout as wait } from 'node:timers/promises'

export interface UntilOptions {
  /** How long it may take; 30 s when not said: a machine that runs other tests as well may be slow. */
  readonly timeoutMs?: number
  /** What is waited for, for the message of the failure. */
  readonly what: string
  readonly everyMs?: number
}

/**
 * Asks until the condition answers something truthy, and gives that back. A throw means "not yet".
 * This is how tests wait: for a condition with a deadline, never for a time.
 * @throws Error naming `what` and the last refusal when the deadline passes
 */
export const until = async <T>(condition: () => T | Promise<T>, { timeoutMs = 30_000, what, everyMs = 20 }: UntilOptions): Promise<NonNullable<Exclude<T, false>>> => {
  const deadline = Date.now() + timeoutMs
  let refusal = ''
  for (;;) {
    try {
      const answer = await condition()
      if (answer) return answer as NonNullable<Exclude<T, false>>
      refusal = ''
    } catch (error) {
      refusal = `: ${error instanceof Error ? error.message : String(error)}`
    }
    if (Date.now() >= deadline) throw new Error(`waited ${timeoutMs} ms for ${what}${refusal}`)
    await wait(everyMs)
  }
}
