/** A gauge that several parts of one process feed, read when it is scraped. */
import type { GaugeOptions, Metrics } from '@countersign/runtime'

export interface Reading { readonly labels: Readonly<Record<string, string>>, readonly value: number }
export type Source = () => Promise<readonly Reading[]>

const sourcesOf = new WeakMap<Metrics, Map<string, Set<Source>>>()

/**
 * Adds a source to the gauge of that name. A source that fails, as while Redis is away, leaves its series out
 * of that scrape: an old number would look like a healthy queue.
 * @returns a function that takes the source away
 */
export const scrapedGauge = (metrics: Metrics, options: Omit<GaugeOptions, 'collect'>, source: Source): () => void => {
  const gauges = sourcesOf.get(metrics) ?? new Map<string, Set<Source>>()
  sourcesOf.set(metrics, gauges)
  const sources = gauges.get(options.name) ?? new Set()
  gauges.set(options.name, sources)
  sources.add(source)
  metrics.gauge({
    ...options,
    collect: async (gauge) => {
      const settled = await Promise.allSettled([...sources].map(async (read) => await read()))
      gauge.reset()
      for (const result of settled) {
        if (result.status === 'fulfilled') for (const { labels, value } of result.value) gauge.set(labels, value)
      }
    }
  })
  return () => { sources.delete(source) }
}
