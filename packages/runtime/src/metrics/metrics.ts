/** Prometheus metrics of one process, in the text format: OpenMetrics would rename counters. */
import { getHeapStatistics } from 'node:v8'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricOptions<Label extends string = string> {
  readonly name: string
  readonly help: string
  readonly labels?: readonly Label[]
}

export interface GaugeOptions<Label extends string = string> extends MetricOptions<Label> {
  /** Called at each scrape to set the value. */
  readonly collect?: (gauge: Gauge<Label>) => void | Promise<void>
}

export interface HistogramOptions<Label extends string = string> extends MetricOptions<Label> {
  /** Upper bounds, ascending, in the unit of the name. Default: 1 ms to 10 s, for `_seconds`. */
  readonly buckets?: readonly number[]
}

/** Each factory gives the existing metric when its name was declared before, so that two modules may share one. */
export interface Metrics {
  readonly registry: Registry
  readonly contentType: string
  counter<Label extends string = string> (options: MetricOptions<Label>): Counter<Label>
  gauge<Label extends string = string> (options: GaugeOptions<Label>): Gauge<Label>
  histogram<Label extends string = string> (options: HistogramOptions<Label>): Histogram<Label>
  /** The text that a scrape gets. */
  text (): Promise<string>
}

export interface MetricsSource {
  readonly service: string
  readonly sha: string
  readonly environment?: string
}

const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** @returns metrics with their own registry, holding `build_info`, the process metrics and the heap limit. */
export function createMetrics ({ service, sha, environment = 'development' }: MetricsSource): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const metrics = createFactories(registry)
  metrics.gauge({ name: 'build_info', help: 'Always 1; the labels tell what runs', labels: ['sha', 'service', 'environment'] })
    .set({ sha, service, environment }, 1)
  metrics.gauge({
    name: 'nodejs_heap_limit_bytes',
    help: 'Size at which V8 gives up',
    collect: (gauge) => { gauge.set(getHeapStatistics().heap_size_limit) }
  })
  return metrics
}

function createFactories (registry: Registry): Metrics {
  const registers = [registry]
  return {
    registry,
    contentType: registry.contentType,
    counter: ({ name, help, labels = [] }) =>
      existing(registry, name, Counter) ?? new Counter({ name, help, labelNames: labels, registers }),
    gauge: ({ name, help, labels = [], collect }) =>
      existing(registry, name, Gauge) ?? new Gauge({
        name, help, labelNames: labels, registers,
        ...collect !== undefined && { collect () { return collect(this) } }
      }),
    histogram: ({ name, help, labels = [], buckets = latencyBuckets }) =>
      existing(registry, name, Histogram) ?? new Histogram({ name, help, labelNames: labels, registers, buckets: [...buckets] }),
    text: () => registry.metrics()
  }
}

function existing<M extends object> (registry: Registry, name: string, kind: abstract new (...given: never[]) => M): M | undefined {
  const found: unknown = registry.getSingleMetric(name)
  if (found === undefined || found instanceof kind) return found
  throw new Error(`metric ${name} was declared before as something else`)
}
