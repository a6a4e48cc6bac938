/** The commands of these tests. */
import { defineCommand, type ServiceName } from '@countersign/contracts'
import { createLogger, createMetrics, type Logger, type Metrics } from '@countersign/runtime'
import { captureLogs, type CapturedLogs } from '@countersign/testing'
import { Type } from 'typebox'

/** Answers with the same word, or does as the word says. */
export const echo = defineCommand({
  name: 'test.echo',
  summary: 'The same word back',
  callee: 'otp-service',
  callers: ['auth-gateway', 'signer-service'],
  deadlineMs: 3_000,
  request: Type.Object({ word: Type.String({ maxLength: 64 }) }, { additionalProperties: false }),
  reply: Type.Object({ word: Type.String({ maxLength: 64 }) }, { additionalProperties: false })
})

/** For one caller only. */
export const signerOnly = defineCommand({ ...echo, name: 'test.signer-only', callers: ['signer-service'] })

export interface Telemetry { readonly log: Logger, readonly metrics: Metrics, readonly logs: CapturedLogs }

export const telemetry = (service: ServiceName): Telemetry => {
  const logs = captureLogs()
  return { log: createLogger({ service, level: 'debug', sha: 'test', environment: 'test', destination: logs.destination }), metrics: createMetrics({ service, sha: 'test' }), logs }
}

/** The value of one series in the text that Prometheus would get; 0 when it is not there. */
export const series = async (metrics: Metrics, name: string, labels: Readonly<Record<string, string>>): Promise<number> => {
  const found = (await metrics.registry.getMetricsAsJSON()).find((metric) => metric.name === name)
  const values = (found?.values ?? []) as { value: number, metricName?: string, labels: Record<string, string | number> }[]
  return values
    .filter((one) => (one.metricName ?? name) === name || one.metricName === `${name}_count`)
    .filter((one) => Object.entries(labels).every(([label, value]) => String(one.labels[label]) === value))
    .reduce((sum, { value }) => sum + value, 0)
}
