/** Rates, latencies and CPU time of one operation under load. */
import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { cpuMsOf } from './cpu-time.ts'

/** One operation, whole; it throws when the answer is not the wanted one. */
export type Operation = () => Promise<unknown>

export interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Milliseconds of CPU per operation, by the name of the process. */
  readonly cpuMs: Readonly<Record<string, number>>
}

export interface LoadOptions {
  readonly ms: number
  /** Whose CPU time is counted: process ids by name. */
  readonly processes?: Readonly<Record<string, number>>
}

/** So many callers, each of which calls again as soon as it is answered: what the server can do at most. */
export const closedLoop = async (operation: Operation, { inFlight, ...options }: LoadOptions & { readonly inFlight: number }): Promise<Load> =>
  await observed(options, async (took, until) => {
    const caller = async (): Promise<void> => {
      for (let from = performance.now(); from < until; from = performance.now()) {
        await operation()
        took.push(performance.now() - from)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, caller))
  })

/**
 * Callers who know nothing of each other and come whether or not the server is done with those before (Poisson): what people wait.
 * The wait counts from the moment at which the caller was due.
 */
export const openLoop = async (operation: Operation, { perSecond, ...options }: LoadOptions & { readonly perSecond: number }): Promise<Load> =>
  await observed(options, async (took, until) => {
    const pause = (): number => -Math.log(1 - Math.random()) * 1_000 / perSecond
    const running: Promise<void>[] = []
    let due = performance.now() + pause()
    while (due < until) {
      while (due <= performance.now()) {
        const from = due
        const call = operation().then(() => { took.push(performance.now() - from) })
        // Its failure is told at the end, by all together.
        call.catch(() => undefined)
        running.push(call)
        due += pause()
      }
      await wait(1)
    }
    await Promise.all(running)
  })

async function observed ({ ms, processes = {} }: LoadOptions, run: (took: number[], until: number) => Promise<void>): Promise<Load> {
  const took: number[] = []
  const before = Object.entries(processes).map(([name, pid]) => ({ name, pid, cpu: cpuMsOf(pid) }))
  const from = performance.now()
  await run(took, from + ms)
  const seconds = (performance.now() - from) / 1_000
  took.sort((a, b) => a - b)
  const at = (part: number): number => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? NaN
  return {
    perSecond: took.length / seconds, p50: at(0.5), p99: at(0.99),
    cpuMs: Object.fromEntries(before.map(({ name, pid, cpu }) => [name, (cpuMsOf(pid) - cpu) / took.length]))
  }
}

/** Of a calculation on this thread alone, one after another. @returns runs per second */
export async function rateOf (calculation: () => unknown, ms: number): Promise<number> {
  const from = performance.now()
  let runs = 0
  for (; performance.now() - from < ms; runs++) await calculation()
  return runs / (performance.now() - from) * 1_000
}
