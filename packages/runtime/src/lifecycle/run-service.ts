/** The life of a process: start, run, stop once, and one clear reason when it fails. */
import { constants } from 'node:os'
import type { Logger } from 'pino'
import { exitProcess } from './exit.ts'
import { createStops, type StopFunction } from './stops.ts'

export interface Lifecycle {
  /** Aborted when the process begins to stop; pass it to whatever waits during the start. */
  readonly signal: AbortSignal
  /** Registers what must be undone; run in the reverse order of registration. */
  onStop (label: string, stop: StopFunction): void
  /** Stops the process with a failure, for a part that cannot go on. */
  fail (reason: unknown): void
}

export interface RunServiceOptions {
  readonly name: string
  readonly log: Logger
  /** For all stops together; what has not stopped by then is left behind. */
  readonly deadlineMs: number
  start (lifecycle: Lifecycle): Promise<void>
}

/**
 * Runs until SIGTERM or SIGINT, then stops and exits 0. A failed start, an error that nothing caught, `fail` and a stop that fails or
 * is late exit 1. A second signal exits at once with 128 + its number. Call it from main.ts only: it ends the process.
 */
export async function runService ({ name, log, deadlineMs, start }: RunServiceOptions): Promise<void> {
  const stops = createStops(log)
  const aborter = new AbortController()
  let ending: Promise<void> | undefined

  const end = (code: 0 | 1): Promise<void> => ending ??= (async () => {
    aborter.abort(new Error(`${name} is stopping`))
    const clean = await stops.run(deadlineMs)
    log.info(`${name} stopped`)
    log.flush()
    exitProcess(clean ? code : 1)
  })()

  const fail = (what: string, reason: unknown): void => {
    const message = reason instanceof Error ? reason.message : String(reason)
    // What fails because it is being stopped is no reason of its own.
    if (ending !== undefined) log.debug({ err: reason }, `${name} ${what} while stopping: ${message}`)
    else log.fatal({ err: reason }, `${name} ${what}: ${message}`)
    void end(1)
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending !== undefined) {
        log.warn(`${name} got ${signal} while stopping and exits at once`)
        exitProcess(128 + constants.signals[signal])
      }
      log.info(`${name} got ${signal} and stops`)
      void end(0)
    })
  }
  process.on('uncaughtException', (error) => { fail('failed', error) })
  process.on('unhandledRejection', (reason) => { fail('failed', reason) })

  try {
    await start({
      signal: aborter.signal,
      onStop: (label, stop) => { stops.add(label, stop) },
      fail: (reason) => { fail('failed', reason) }
    })
    if (ending === undefined) log.info(`${name} started`)
  } catch (error) {
    fail('could not start', error)
  }
  await ending
}
