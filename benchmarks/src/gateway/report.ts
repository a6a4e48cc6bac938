/** How a path of the gateway is measured and told: the same for all of them. */
import { closedLoop, openLoop, type Load, type Operation } from '../load/measure.ts'
import { median, table, whole } from '../table.ts'
import type { House } from './house.ts'

export const inFlight = 50
const rounds = 3
const roundMs = 2_500
const openMs = 4_000
const openPart = 0.7

export interface PathMeasured {
  readonly name: string
  /** At full load, medians of the rounds. */
  readonly full: Load
  /** While callers come at 70 % of that rate. */
  readonly part: Load
}

export const measurePath = async ({ processes }: Pick<House, 'processes'>, name: string, operation: Operation): Promise<PathMeasured> => {
  const full: Load[] = []
  for (let round = 0; round < rounds; round++) full.push(await closedLoop(operation, { inFlight, ms: roundMs, processes }))
  const load = medians(full)
  return { name, full: load, part: await openLoop(operation, { perSecond: load.perSecond * openPart, ms: openMs }) }
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

export const rowOf = ({ name, full, part }: PathMeasured, ceiling: number) => ({
  path: name,
  '/s': whole(full.perSecond),
  'p50 ms': full.p50.toFixed(1),
  'p99 ms': full.p99.toFixed(1),
  'p99 ms at 70 %': part.p99.toFixed(1),
  'gateway CPU ms': cpu(full.cpuMs['gateway']),
  'MongoDB + Redis CPU ms': cpu((full.cpuMs['mongod'] ?? NaN) + (full.cpuMs['redis'] ?? NaN)),
  'ceiling /s': whole(ceiling),
  'of the ceiling': `${(full.perSecond / ceiling * 100).toFixed(0)} %`
})

const cpu = (ms: number | undefined): string => ms === undefined || Number.isNaN(ms) ? '–' : ms.toFixed(2)

export const printRows = (title: string, rows: readonly ReturnType<typeof rowOf>[], notes: readonly string[]): void => {
  process.stdout.write(`${title}\n${inFlight} in flight, medians of ${rounds} rounds of ${roundMs / 1_000} s; p99 at 70 %: callers who come by chance at 70 % of that rate, for ${openMs / 1_000} s\n\n${table(rows)}\n\n${notes.join('\n')}\n\n`)
}
