/** Starts an emulator and a ring over it, with its log lines and metrics to look at. */

import { startKmsEmulator, type KmsEmulator, type Seed } from '@countersign/kms-emulator'
import { createLogger, createMetrics, type Metrics } from '@countersign/runtime'
import type { Test } from 'tap'
import { createKeyRing, type KeyRingOptions, type OpenKeyRing } from '../src/index.ts'

/** The first account of anvil and hardhat, whose address the world knows. */
export const knownKey = {
  privateKey: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
}

export const seeds: Seed[] = [{ keyId: 'first-key-id', alias: 'alias/first', privateKey: knownKey.privateKey }, { keyId: 'second-key-id', privateKey: '33'.repeat(32) }]

export interface Opened {
  emulator: KmsEmulator
  ring: OpenKeyRing
  metrics: Metrics
  options: KeyRingOptions
  /** Log lines so far. */
  lines: string[]
  /** Value of one series of one metric, 0 when absent. */
  metric (series: string): Promise<number>
}

export async function openRing (t: Test, given: Partial<KeyRingOptions> = {}, onCall: (call: object) => void = () => {}): Promise<Opened> {
  const emulator = await startKmsEmulator({ host: '127.0.0.1', port: 0, seeds, log: { info: onCall } })
  const lines: string[] = []
  const metrics = createMetrics({ service: 'kms-test', sha: 'test' })
  const log = createLogger({ service: 'kms-test', level: 'trace', sha: 'test', environment: 'test', destination: { write: (line) => { lines.push(line) } } })
  const options: KeyRingOptions = { region: 'us-east-1', endpoint: emulator.endpoint, timeoutMs: 10_000, maxAttempts: 3, log, metrics, ...given }
  const ring = createKeyRing(options)
  t.after(async () => {
    ring.close()
    await emulator.close()
  })
  const metric = async (series: string): Promise<number> => {
    const line = (await metrics.text()).split('\n').find((text) => text.startsWith(`${series} `))
    return Number(line?.slice(series.length + 1) ?? 0)
  }
  return { emulator, ring, metrics, options, lines, metric }
}
