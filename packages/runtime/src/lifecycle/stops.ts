/** What was started is stopped in the reverse order, within one deadline for all. */
import type { Logger } from 'pino'

export type StopFunction = () => unknown

export interface Stops {
  add (label: string, stop: StopFunction): void
  /** @returns whether everything stopped in time and without an error. Repeated calls share one run. */
  run (deadlineMs: number): Promise<boolean>
}

export function createStops (log: Logger): Stops {
  const stack: { label: string, stop: StopFunction }[] = []
  let running: Promise<boolean> | undefined

  /** Taken one by one: a start that goes on after the signal may still add what it opened. */
  async function stopAll (deadlineMs: number): Promise<boolean> {
    const deadlineAt = performance.now() + deadlineMs
    let clean = true
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      clean = await stopOne(log, next.label, next.stop, deadlineAt - performance.now()) && clean
    }
    return clean
  }

  return {
    add: (label, stop) => { stack.push({ label, stop }) },
    run: (deadlineMs) => running ??= stopAll(deadlineMs)
  }
}

async function stopOne (log: Logger, label: string, stop: StopFunction, remainingMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => { timer = setTimeout(resolve, Math.max(remainingMs, 0), 'late') })
  try {
    const outcome = await Promise.race([Promise.resolve().then(stop), late])
    if (outcome === 'late') log.error({ part: label }, `${label} did not stop in time`)
    return outcome !== 'late'
  } catch (error) {
    log.error({ err: error, part: label }, `${label} failed to stop`)
    return false
  } finally {
    clearTimeout(timer)
  }
}
