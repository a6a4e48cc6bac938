import { join } from 'node:path'
import { startChild } from './process/child.ts'
import type { ProcessRecords } from './process/records.ts'
import { waitUntilReady } from './process/readiness.ts'
import { startOnPort } from './process/start-on-port.ts'
import { workspaceRoot } from './tools/cache.ts'

export interface Kms {
  readonly endpoint: string
  /** Sets fault switches of the emulator, such as `{ throttle: true }`; `{}` changes nothing. */
  readonly setFaults: (faults: Readonly<Record<string, unknown>>) => Promise<void>
  readonly clearFaults: () => Promise<void>
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

export interface KmsOptions {
  readonly directory: string
  readonly port?: number | undefined
  readonly logFile: string
  readonly records?: ProcessRecords | undefined
}

/** The KMS emulator as a process of its own; its keys are kept in the data directory. */
export const startKmsProcess = async ({ directory, port: wanted, logFile, records }: KmsOptions): Promise<Kms> => {
  const launch = async (port: number) => {
    const child = await startChild({
      label: 'kms-emulator',
      command: process.execPath,
      args: [join(workspaceRoot(), 'packages/kms-emulator/dist/src/main.js')],
      env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: String(port), KMS_DATA_FILE: join(directory, 'kms-keys.json') },
      logFile,
      records
    })
    await waitUntilReady(child, async () => (await fetch(`http://127.0.0.1:${port}/_health`)).ok, 20_000)
    return child
  }
  const { child, port } = await startOnPort('the KMS emulator', wanted, /EADDRINUSE|address already in use/i, launch)
  let current = child
  const endpoint = `http://127.0.0.1:${port}`
  const faults = async (method: 'POST' | 'DELETE', body?: object): Promise<void> => {
    const answer = await fetch(`${endpoint}/_faults`, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(`the KMS emulator refused its fault switches: ${answer.status}`)
  }
  return {
    endpoint,
    setFaults: (given) => faults('POST', given),
    clearFaults: () => faults('DELETE'),
    kill: async () => {
      current.kill('SIGKILL')
      await current.exited
    },
    restart: async () => {
      await current.stop()
      current = await launch(port)
    },
    stop: async () => { await current.stop() }
  }
}
