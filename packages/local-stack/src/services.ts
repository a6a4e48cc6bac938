/** The four services as processes of their own, as they run anywhere else. */
import { join } from 'node:path'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import { claimPort, freePort } from './ports.ts'
import { startChild, type Child } from './process/child.ts'
import { waitUntilReady } from './process/readiness.ts'
import type { Stack } from './stack.ts'
import { workspaceRoot } from './tools/cache.ts'

export interface ServicesOptions {
  /** First of four ports for /health, /ready and /metrics; free ones when absent. */
  readonly opsPort?: number | undefined
  /** Over what the stack gives. */
  readonly environment?: Readonly<Partial<Record<ServiceName, Readonly<Record<string, string>>>>>
  /** Folder that holds `<service>/dist/main.js`; `services` of the workspace when absent. */
  readonly directory?: string
  /** How long a service may take to be ready; 45 s when absent. */
  readonly readyMs?: number
}

export interface Services {
  readonly gatewayUrl: string
  /** Of /health, /ready and /metrics. */
  readonly opsUrls: Readonly<Record<ServiceName, string>>
  /** Process id of a running service; undefined when it has ended. */
  pid (service: ServiceName): number | undefined
  /** Sends a signal that ends it, and waits until the process has ended. */
  kill (service: ServiceName, signal: NodeJS.Signals): Promise<void>
  /** Starts it again with the environment it had, and waits until it is ready. */
  start (service: ServiceName): Promise<void>
  /** In the reverse order of start; repeated calls share one stop. The stack does it too, before it stops itself. */
  stop (): Promise<void>
}

/** As in production (infra/service.Dockerfile): a wide space for what lives as long as a request, and so half as many collections. */
export const serviceNodeFlags = ['--max-semi-space-size=32'] as const

/** What is asked comes last, so that nothing is asked of somebody who is not there. */
const order: readonly ServiceName[] = ['email-worker', 'otp-service', 'signer-service', 'auth-gateway']

/**
 * Starts the services and waits until each says that it is ready. Their JSON logs go to `<dataDirectory>/logs/<service>.log`.
 * @throws StackFault naming the service that did not come up and its last error line; the others are stopped then
 */
export const startServices = async (stack: Stack, options: ServicesOptions = {}): Promise<Services> => {
  const { environment = {}, directory = join(workspaceRoot(), 'services'), readyMs = 45_000 } = options
  await claimGatewayPorts(stack)
  const opsPorts = await portsFrom(options.opsPort)
  const opsUrl = (service: ServiceName): string => `http://127.0.0.1:${opsPorts[service]}`
  const running = new Map<ServiceName, Child>()
  const starting = new Set<Promise<void>>()
  let stopping: Promise<void> | undefined

  const launch = async (service: ServiceName): Promise<void> => {
    const child = await startChild({
      label: service,
      command: process.execPath,
      args: [...serviceNodeFlags, join(directory, service, 'dist/main.js')],
      env: { PATH: process.env['PATH'], ...stack.environmentFor(service), OPS_PORT: String(opsPorts[service]), ...environment[service] },
      logFile: join(stack.dataDirectory, 'logs', `${service}.log`),
      records: stack.records,
      stopDeadlineMs: 25_000
    })
    running.set(service, child)
    // Another one failed, or a signal came, while this one was being made.
    if (stopping !== undefined) await child.stop()
    else await waitUntilReady(child, async () => (await fetch(`${opsUrl(service)}/ready`, { signal: AbortSignal.timeout(5_000) })).ok, readyMs)
  }

  const start = async (service: ServiceName): Promise<void> => {
    if (running.get(service)?.running === true) throw new Error(`${service} runs already`)
    const launched = launch(service)
    starting.add(launched)
    try {
      await launched
    } finally {
      starting.delete(launched)
    }
  }

  const stop = (): Promise<void> => stopping ??= (async () => {
    for (const service of [...order].reverse()) await running.get(service)?.stop()
    await Promise.allSettled(starting)
  })()
  stack.beforeStop(stop)

  try {
    await Promise.all(order.map(start))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    gatewayUrl: `http://127.0.0.1:${stack.gatewayPort}`,
    opsUrls: Object.fromEntries(serviceNames.map((name) => [name, opsUrl(name)])) as Record<ServiceName, string>,
    pid: (service) => {
      const child = running.get(service)
      return child?.running === true ? child.pid : undefined
    },
    kill: async (service, signal) => {
      const child = running.get(service)
      child?.kill(signal)
      await child?.exited
    },
    start,
    stop
  }
}

/** All ports of the gateway: a taken one is our sentence before it is its stack trace. */
const claimGatewayPorts = async (stack: Stack): Promise<void> => {
  const others = stack.environmentFor('auth-gateway')['COMPATIBILITY_PORTS']?.split(',').map(Number) ?? []
  for (const port of new Set([stack.gatewayPort, ...others])) await claimPort(port, 'the gateway')
}

const portsFrom = async (first: number | undefined): Promise<Record<ServiceName, number>> => {
  const ports = await Promise.all(serviceNames.map(async (name, i) =>
    first === undefined ? await freePort() : await claimPort(first + i, `health and metrics of ${name}`)))
  return Object.fromEntries(serviceNames.map((name, i) => [name, ports[i]])) as Record<ServiceName, number>
}
