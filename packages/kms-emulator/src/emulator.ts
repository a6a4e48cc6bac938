/** The server: one POST endpoint that speaks AWS JSON 1.1, and two paths of its own, `/_faults` and `/_health`. */

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { answerControl } from './control.ts'
import { createFaultSwitches, type FaultSwitches } from './faults.ts'
import type { Request } from './fields.ts'
import { createKeyStore, type KeyStore } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import { operations } from './operations.ts'
import { readJson } from './request-body.ts'
import { defaultSeeds, type Seed } from './seeds.ts'

export interface EmulatorLog { info (fields: object, message: string): void }

export interface KmsEmulatorOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** Default: `defaultSeeds`. */
  seeds?: readonly Seed[]
  /** Keys survive a restart in this file (mode 600). Without it they live in memory. */
  dataFile?: string
  /** In ARNs; default us-east-1. */
  region?: string
  log?: EmulatorLog
}

export interface KmsEmulator {
  /** `http://host:port` */
  endpoint: string
  faults: FaultSwitches
  /** Calls that reached the emulator since its start, by operation. */
  calls (): Record<string, number>
  close (): Promise<void>
}

interface Context { store: KeyStore, faults: FaultSwitches, calls: Map<string, number>, log: EmulatorLog, closing: AbortSignal }

/** @throws Error when the port is taken, or the data file or a seed is wrong */
export async function startKmsEmulator (options: KmsEmulatorOptions): Promise<KmsEmulator> {
  const { host, port, seeds = defaultSeeds, dataFile, region = 'us-east-1', log = { info: () => {} } } = options
  const closing = new AbortController()
  const context: Context = {
    store: createKeyStore(dataFile === undefined ? { region, seeds } : { region, seeds, dataFile }),
    faults: createFaultSwitches(),
    calls: new Map(),
    log,
    closing: closing.signal
  }
  const server = createServer((request, response) => { void serve(request, response, context) })
  await listen(server, port, host)
  const bound = server.address() as AddressInfo
  return {
    endpoint: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    faults: context.faults,
    calls: () => Object.fromEntries(context.calls),
    close: () => new Promise((resolve) => {
      closing.abort()
      server.close(() => { resolve() })
      server.closeAllConnections()
    })
  }
}

async function serve (request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  try {
    if (request.url?.startsWith('/_') === true) {
      await answerControl(request, response, { faults: context.faults, calls: () => Object.fromEntries(context.calls), keys: () => context.store.keys().length })
      return
    }
    await answerOperation(request, response, context)
  } catch {
    // The peer went away, or the emulator closes: there is nobody left to answer.
    response.destroy()
  }
}

async function answerOperation (request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const operation = String(request.headers['x-amz-target'] ?? '').replace(/^TrentService\./, '')
  const faults = context.faults.current()
  const known = operations.has(operation)
  if (known) context.calls.set(operation, (context.calls.get(operation) ?? 0) + 1)
  if (faults.down) {
    request.socket.destroy()
    return
  }
  const body = await readJson(request)
  if (faults.delayMs > 0) await wait(faults.delayMs, undefined, { signal: context.closing })
  let status = 200
  let answer: object
  try {
    answer = perform(operation, body, context)
  } catch (error) {
    const refusal = error instanceof KmsError ? error : new KmsError('KMSInternalException', 'The emulator failed')
    status = refusal.status
    answer = { __type: refusal.name, message: refusal.message }
  }
  // Names and outcomes only: messages, digests and keys stay out of the log.
  context.log.info({ operation: known ? operation : 'unknown', status, ...('__type' in answer ? { error: answer.__type } : {}) }, 'kms call')
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() })
  response.end(JSON.stringify(answer))
}

function perform (operation: string, body: Request | undefined, context: Context): object {
  const run = operations.get(operation)
  if (run === undefined) throw new KmsError('UnknownOperationException', 'The emulator does not know this operation')
  if (context.faults.takeThrottle()) throw new KmsError('ThrottlingException', 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.')
  const faults = context.faults.current()
  if (faults.deny.includes(operation)) throw new KmsError('AccessDeniedException', `User: arn:aws:iam::000000000000:user/emulator is not authorized to perform: kms:${operation}`)
  if (body === undefined) throw new KmsError('SerializationException', 'The body is no JSON object')
  return run(body, { store: context.store, faults })
}

function listen (server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
