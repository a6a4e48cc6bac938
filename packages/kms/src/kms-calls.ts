/** Calls to AWS KMS: bounded in time and number, counted, logged by key prefix, and failing as KmsFault only. */

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { KMSClient } from '@aws-sdk/client-kms'
import type { Logger, Metrics } from '@countersign/runtime'
import { KmsFault, toKmsFault } from './kms-fault.ts'
import type { TokenBucket } from './token-bucket.ts'

export interface KmsOptions {
  region: string
  /** In place of the Region's own; a plain http:// one can only be an emulator. */
  endpoint?: string
  /** Default: the SDK's chain (environment, task role, instance role). */
  credentials?: { accessKeyId: string, secretAccessKey: string, sessionToken?: string }
  /** Longest time of one call with all its attempts. */
  timeoutMs: number
  /** Attempts per call, the first included; each has its share of `timeoutMs`. */
  maxAttempts: number
  log: Logger
  metrics: Pick<Metrics, 'counter' | 'histogram'>
}

export interface KmsCall { operation: string, keyId?: string }

export interface KmsCalls {
  /** Runs `send` under the time limit. @throws KmsFault */
  call<T> (about: KmsCall, send: (client: KMSClient, given: { abortSignal: AbortSignal }) => Promise<T>): Promise<T>
  close (): void
}

const signBuckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]

export function openKmsCalls (options: KmsOptions, signLimit?: TokenBucket): KmsCalls {
  const { timeoutMs, log, metrics } = options
  const client = openClient(options)
  if (signLimit !== undefined) limitSigns(client, signLimit, timeoutMs)
  const signSeconds = metrics.histogram({ name: 'kms_sign_duration_seconds', help: 'Time from the digest to a checked signature', labels: ['outcome'], buckets: signBuckets })
  const requests = metrics.counter({ name: 'kms_requests_total', help: 'KMS calls; retries within a call are not counted', labels: ['operation', 'outcome'] })

  const record = ({ operation, keyId }: KmsCall, startedAt: number, fault?: KmsFault): void => {
    const seconds = (performance.now() - startedAt) / 1000
    const outcome = fault?.code ?? 'ok'
    requests.inc({ operation, outcome })
    if (operation === 'Sign') signSeconds.observe({ outcome }, seconds)
    const fields = { operation, key: keyId === undefined ? undefined : prefixOf(keyId), durationMs: Math.round(seconds * 1000) }
    if (fault !== undefined) log.warn({ ...fields, fault: fault.code, reason: fault.reason, awsRequestId: fault.awsRequestId }, 'kms call failed')
    else if (operation === 'Sign') log.info(fields, 'digest signed')
  }

  return {
    call: async (about, send) => {
      const startedAt = performance.now()
      try {
        const result = await within(timeoutMs, (abortSignal) => send(client, { abortSignal }))
        record(about, startedAt)
        return result
      } catch (error) {
        const fault = toKmsFault(error, about.operation)
        record(about, startedAt, fault)
        throw fault
      }
    },
    close: () => { client.destroy() }
  }
}

function openClient ({ region, endpoint, credentials, timeoutMs, maxAttempts, log }: KmsOptions): KMSClient {
  if (!(timeoutMs > 0) || !Number.isInteger(maxAttempts) || maxAttempts < 1) throw new RangeError('timeoutMs must be above 0 and maxAttempts a whole number from 1')
  const sockets = { keepAlive: true, maxSockets: 128 }
  const quiet = (): void => undefined
  const attemptMs = Math.ceil(timeoutMs / maxAttempts)
  // Over plain http no request is signed with real credentials: an emulator checks none, and a listener could replay one for 15 minutes.
  const identity = credentials ?? (endpoint?.startsWith('http://') === true ? { accessKeyId: 'local', secretAccessKey: 'local' } : undefined)
  return new KMSClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(identity === undefined ? {} : { credentials: identity }),
    maxAttempts,
    retryMode: 'standard',
    requestHandler: {
      requestTimeout: attemptMs,
      throwOnRequestTimeout: true,
      connectionTimeout: Math.min(attemptMs, 3000),
      socketAcquisitionWarningTimeout: 1000,
      // Made here: given options, the SDK makes a plain http agent for each call of the first burst.
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent(sockets),
      // Only the warning that all sockets are busy comes this way; by default it goes to the console.
      logger: { debug: quiet, info: quiet, error: quiet, trace: quiet, warn: () => { log.warn({ maxSockets: sockets.maxSockets }, 'kms connections are all busy') } }
    }
  })
}

/** Inside the SDK's retry loop (which has high priority in this step), so that each attempt pays: the quota counts attempts. */
function limitSigns (client: KMSClient, limit: TokenBucket, timeoutMs: number): void {
  client.middlewareStack.add((next, context) => async (args) => {
    // Half of the time is left for the answer.
    if (context.commandName === 'SignCommand' && !await limit.take(timeoutMs / 2)) throw new KmsFault('throttled', { operation: 'Sign', reason: 'client-side limit' })
    return next(args)
  }, { name: 'countersignSignLimit', step: 'finalizeRequest', priority: 'low' })
}

/** The SDK does not look at the signal while it waits between two attempts: hence the race. */
async function within<T> (timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new DOMException('the call took too long', 'TimeoutError'))
      controller.abort()
    }, timeoutMs)
  })
  try {
    return await Promise.race([work(controller.signal), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Eight characters tell keys apart in a log; of an ARN the id, not the account. */
function prefixOf (keyId: string): string {
  return keyId.slice(keyId.lastIndexOf('/') + 1).slice(0, 8)
}
