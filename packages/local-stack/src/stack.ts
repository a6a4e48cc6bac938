/** The parts of the local stack, started together and stopped in the reverse order. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ServiceName } from '@countersign/contracts'
import { startChain, type Chain } from './chain.ts'
import { environmentOf, type ServiceEnvironment } from './environment.ts'
import { startKmsProcess, type Kms } from './kms.ts'
import { mailPreviewFolder } from './mail/preview.ts'
import { startSmtpSink, type SmtpSink } from './mail/sink.ts'
import { openMongo, type OpenMongo } from './mongo/open.ts'
import { freePort } from './ports.ts'
import { closeOnSignal } from './process/guard.ts'
import { claimRecords, type ProcessRecords } from './process/records.ts'
import { openRedis, type OpenRedis } from './redis/open.ts'
import type { RedisServer } from './redis/server.ts'
import { startSmsSink, type SmsSink } from './sms/sink.ts'
import { StackFault } from './stack-fault.ts'
import { writeStackEnvironments } from './stack-environment.ts'
import { stackSecrets } from './stack-secrets.ts'
import type { Progress } from './tools/progress.ts'

export type Part = 'mongo' | 'redis' | 'chain' | 'kms' | 'smtp' | 'sms'

export interface Ports {
  readonly mongo?: number
  readonly redis?: number
  readonly chain?: number
  readonly kms?: number
  readonly smtp?: number
  readonly mailViewer?: number
  readonly sms?: number
  readonly gateway?: number
}

export interface StackOptions {
  /** Everything of this stack lies here; one stack at a time. */
  readonly dataDirectory: string
  /** Fixed ports; what is absent takes a free one. */
  readonly ports?: Ports
  /** All of them when absent. */
  readonly parts?: readonly Part[]
  /** Wipes the data directory first. */
  readonly fresh?: boolean
  /** Servers of yours, by administrators' URLs; absent, the stack starts its own. */
  readonly mongoUri?: string | undefined
  readonly redisUrl?: string | undefined
  /** Go on when no users can be made in your servers; isolation is off then, and says so. */
  readonly sharedCredentials?: boolean
  /** More ports for the gateway (COMPATIBILITY_PORTS). */
  readonly compatibilityPorts?: readonly number[]
  readonly onProgress?: Progress | undefined
}

export interface Stack {
  readonly dataDirectory: string
  readonly records: ProcessRecords
  readonly mongo: { readonly adminUri: string, readonly uriFor: (service: ServiceName) => string }
  readonly redis: { readonly adminUrl: string, readonly urlFor: (service: ServiceName) => string, readonly server: RedisServer | undefined }
  readonly chain: Chain
  readonly kms: Kms
  readonly smtp: SmtpSink
  readonly sms: SmsSink
  readonly gatewayPort: number
  readonly environmentFor: (service: ServiceName) => ServiceEnvironment
  /** What leans on the stack is stopped before it. */
  beforeStop (stop: () => Promise<void>): void
  /** Repeated calls share one stop. */
  stop (): Promise<void>
}

const allParts: readonly Part[] = ['mongo', 'redis', 'chain', 'kms', 'smtp', 'sms']

/** @throws StackFault, one sentence that says what to do; nothing is left running then */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const { dataDirectory, parts = allParts, ports = {}, onProgress = () => undefined } = options
  const logOf = (name: string): string => join(dataDirectory, 'logs', `${name}.log`)
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  const records = await claimRecords(join(dataDirectory, 'processes'))
  if (options.fresh === true) wipe(dataDirectory)
  mkdirSync(join(dataDirectory, 'logs'), { recursive: true, mode: 0o700 })

  const stops: (() => Promise<unknown>)[] = []
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => stopping ??= (async () => {
    for (let next = stops.pop(); next !== undefined; next = stops.pop()) await next()
    forget()
    records.release()
  })()
  const forget = closeOnSignal(stop)
  const started = async <P>(name: Part, start: () => Promise<P>, stopOf: (part: P) => () => Promise<unknown>): Promise<P | undefined> => {
    if (!parts.includes(name)) return undefined
    const part = await start()
    stops.push(stopOf(part))
    onProgress(`${label[name]} is up`)
    return part
  }

  try {
    const secrets = stackSecrets(dataDirectory)
    const common = { dataDirectory, secrets, records, sharedCredentials: options.sharedCredentials === true, onProgress }
    // All at once; what fails waits for the others, so that everything that came up is known and can be stopped.
    const outcomes = await Promise.allSettled([
      started('mongo', () => openMongo({ ...common, port: ports.mongo, mongoUri: options.mongoUri, logFile: logOf('mongod') }), (mongo) => mongo.stop),
      started('redis', () => openRedis({ ...common, port: ports.redis, redisUrl: options.redisUrl, logFile: logOf('redis') }), (redis) => redis.stop),
      started('chain', () => startChain({ directory: join(dataDirectory, 'chain'), port: ports.chain, blockTimeSeconds: 1, keepState: true, logFile: logOf('anvil'), records }), (chain) => chain.stop),
      started('kms', () => startKmsProcess({ directory: dataDirectory, port: ports.kms, logFile: logOf('kms-emulator'), records }), (kms) => kms.stop),
      started('smtp', () => startSmtpSink({ port: ports.smtp, viewerPort: ports.mailViewer, previewFolder: mailPreviewFolder(dataDirectory) }), (smtp) => smtp.close),
      started('sms', () => startSmsSink({ port: ports.sms }), (sms) => sms.close)
    ] as const)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    const [mongo, redis, chain, kms, smtp, sms] = outcomes.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as [OpenMongo?, OpenRedis?, Chain?, Kms?, SmtpSink?, SmsSink?]
    const gatewayPort = ports.gateway ?? await freePort()

    const part = <P>(name: Part, given: P | undefined): P => {
      if (given === undefined) throw new StackFault(`The part ${name} of this stack was not started: name it in parts.`)
      return given
    }
    const stack: Stack = {
      dataDirectory,
      records,
      get mongo () { return part('mongo', mongo) },
      get redis () { return part('redis', redis) },
      get chain () { return part('chain', chain) },
      get kms () { return part('kms', kms) },
      get smtp () { return part('smtp', smtp) },
      get sms () { return part('sms', sms) },
      gatewayPort,
      environmentFor: (service) => environmentOf(service, {
        secrets,
        mongoUri: part('mongo', mongo).uriFor,
        redisUrl: part('redis', redis).urlFor,
        rpcUrl: chain?.rpcUrl ?? 'http://127.0.0.1:8545',
        kmsEndpoint: kms?.endpoint ?? 'http://127.0.0.1:4566',
        smtp: smtp ?? { host: '127.0.0.1', port: 1025 },
        sms,
        gatewayPort,
        compatibilityPorts: options.compatibilityPorts ?? []
      }),
      beforeStop: (first) => { stops.push(first) },
      stop
    }
    if (allParts.every((name) => parts.includes(name))) writeStackEnvironments(dataDirectory, stack.environmentFor, { MONGODB_URI: stack.mongo.adminUri })
    return stack
  } catch (error) {
    await stop()
    throw error
  }
}

const label: Readonly<Record<Part, string>> = { mongo: 'MongoDB', redis: 'Redis', chain: 'the chain', kms: 'the KMS emulator', smtp: 'the mail sink', sms: 'the SMS sink' }

/** Everything but the records: this process has just claimed the directory by them. */
function wipe (directory: string): void {
  for (const name of ['mongo', 'redis', 'chain', 'logs', 'mail-preview', 'environment', 'secrets.json', 'kms-keys.json']) rmSync(join(directory, name), { recursive: true, force: true })
}
