/** How a path of the gateway is measured and told: the same for all of them. */
import { closedLoop, openLoop, type Load, type Operation } from '../load/measure.ts'
import { median, table, whole } from '../table.ts'

/** For a look at CPU time while developing; its rates are no figures. */
export const isQuick = process.argv.includes('--quick')

export const inFlight = 50
export const rounds = isQuick ? 1 : 3
export const roundMs = isQuick ? 1_500 : 2_500
export const openMs = isQuick ? 1_500 : 4_000
export const openPart = 0.7

export interface Path {
  readonly name: string
  readonly operation: Operation
  /** What one process, or for passwords the whole machine, could do at most, in operations per second. */
  readonly ceiling: number
  /** Operations per second that must be reached, and that are aimed at. */
  readonly floor?: number
  readonly aim?: number
  readonly inFlight?: number
}

export interface PathMeasured extends Path {
  /** At full load, medians of the rounds. */
  readonly full: Load
  /** While callers come at 70 % of that rate. */
  readonly part: Load
}

/** @param house whose CPU time is counted: process ids by name */
export const measurePath = async ({ processes }: { readonly processes: Readonly<Record<string, number>> }, path: Path): Promise<PathMeasured> => {
  const full: Load[] = []
  for (let round = 0; round < rounds; round++) full.push(await closedLoop(path.operation, { inFlight: path.inFlight ?? inFlight, ms: roundMs, processes }))
  const load = medians(full)
  return { ...path, full: load, part: await openLoop(path.operation, { perSecond: load.perSecond * openPart, ms: openMs }) }
}

/** How many operations a path is measured with at that rate, and half as many again. */
export const operationsFor = (perSecond: number): number => Math.ceil(1.5 * perSecond * (rounds * roundMs + openPart * openMs) / 1_000)

const medians = (loads: readonly Load[]): Load => {
  const of = (value: (load: Load) => number): number => median(loads.map(value))
  return {
    perSecond: of((load) => load.perSecond), p50: of((load) => load.p50), p99: of((load) => load.p99),
    cpuMs: Object.fromEntries(Object.keys(loads[0]?.cpuMs ?? {}).map((name) => [name, of((load) => load.cpuMs[name] ?? NaN)]))
  }
}

/** What one process could do at most, if it did all of these and nothing else. */
export const together = (...perSecond: readonly number[]): number => 1 / perSecond.reduce((seconds, rate) => seconds + 1 / rate, 0)

const rowOf = ({ name, floor, aim, full: { perSecond, p50, p99, cpuMs }, part, ceiling }: PathMeasured) => ({
  path: name,
  '/s': whole(perSecond),
  floor: floor === undefined ? '–' : whole(floor),
  aim: aim === undefined ? '–' : whole(aim),
  'p50 ms': p50.toFixed(1),
  'p99 ms': p99.toFixed(1),
  'p99 ms at 70 %': part.p99.toFixed(1),
  'gateway CPU ms': cpu(cpuMs['gateway']),
  'MongoDB + Redis CPU ms': cpu((cpuMs['mongod'] ?? NaN) + (cpuMs['redis'] ?? NaN)),
  'load CPU ms': cpu(cpuMs['load']),
  'ceiling /s': whole(ceiling),
  'of it': `${(perSecond / ceiling * 100).toFixed(0)} %`
})

const cpu = (ms: number | undefined): string => ms === undefined || Number.isNaN(ms) ? '–' : ms.toFixed(2)

export const printPaths = (paths: readonly PathMeasured[], notes: readonly string[]): void => {
  process.stdout.write(`Signing in and sessions${isQuick ? ', quick: no figures' : ''}\n${inFlight} in flight unless said otherwise, medians of ${rounds} rounds of ${roundMs / 1_000} s; CPU time per operation; p99 at 70 %: callers who come by chance at 70 % of that rate, for ${openMs / 1_000} s\n\n${table(paths.map(rowOf))}\n\n${notes.join('\n')}\n\n`)
}
