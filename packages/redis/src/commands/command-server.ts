/** The callee's side of commands: competing processes, one blocking connection per caller. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { ServiceName } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import { openConnection } from '../connection/connect-redis.ts'
import { scrapedGauge } from '../metrics/scraped-gauge.ts'
import { serveCaller, type InvalidMessage } from './caller-list.ts'
import type { CommandHandler } from './command-handler.ts'
import { createReplyBatch } from './reply-batch.ts'

export interface CommandServerOptions {
  readonly url: string
  /** Who is called: it names the lists this process takes from. */
  readonly service: ServiceName
  readonly log: Logger
  readonly metrics: Metrics
  /** Made with `handle(command, fn)`; a list or a record of them. */
  readonly handlers: readonly CommandHandler[] | Readonly<Record<string, CommandHandler>>
  /** Told of each message that is no command, none that this caller may give, or not of its shape. */
  readonly onInvalid?: (message: InvalidMessage) => void
  /** Commands of one caller that run at once in this process; a flood from one takes no slot of another. */
  readonly concurrency?: number
}

export interface CommandServer {
  /** Stops taking, waits for running handlers as long as anybody waits for them, and sends their replies. */
  readonly close: () => Promise<void>
}

/**
 * Serves commands until closed. A command put once runs at most once, and not at all after its deadline by the clock of Redis. What a
 * process held when it was killed is lost, and its caller, told `unavailable`, may repeat it: handlers must be safe to repeat under one command id.
 * @throws when Redis is not there at the start; TypeError when a handler is for another callee or given twice
 */
export const startCommandServer = async (options: CommandServerOptions): Promise<CommandServer> => {
  const { url, service, log, metrics, concurrency = 32, onInvalid = () => {} } = options
  const handlers = byName(service, Object.values(options.handlers))
  const commands = [...handlers.values()].map(({ command }) => command)
  const callers = [...new Set(commands.flatMap((command) => command.callers))]
  const handled = metrics.counter({ name: 'command_handled_total', help: 'Commands taken, by the callee', labels: ['command', 'outcome'] })

  const [redis, ...blocking] = await connectAll(['replies', ...callers.map((caller) => `takes:${caller}`)], async (name) =>
    await openConnection({ url, log, name: `${service}:${name}` })) as [Redis, ...Redis[]]
  const replies = createReplyBatch(redis, log)
  const lists = callers.map((caller, index) => serveCaller({
    redis: blocking[index] as Redis, callee: service, caller, handlers, concurrency, replies, log, onInvalid,
    count: (command, outcome) => { handled.inc({ command, outcome }) }
  }))
  const stopReporting = scrapedGauge(metrics, { name: 'command_queue_depth', help: 'Commands that wait on a list', labels: ['list'] }, async () =>
    await Promise.all(lists.map(async ({ list }) => ({ labels: { list }, value: await redis.llen(list) }))))

  // After this long nobody waits for what still runs.
  const patienceMs = Math.max(0, ...commands.map(({ deadlineMs }) => deadlineMs)) + 1_000
  return {
    close: async () => {
      stopReporting()
      if (!await within(patienceMs, Promise.all(lists.map(async ({ drain }) => { await drain() })))) {
        log.warn('closed while a handler ran past its deadline')
      }
      await replies.drained()
      for (const connection of [redis, ...blocking]) connection.disconnect()
    }
  }
}

function byName (service: ServiceName, handlers: readonly CommandHandler[]): ReadonlyMap<string, CommandHandler> {
  const known = new Map<string, CommandHandler>()
  for (const handler of handlers) {
    const { name, callee } = handler.command
    if (callee !== service) throw new TypeError(`${name} is a command to ${callee}, not to ${service}`)
    if (known.has(name)) throw new TypeError(`${name} has two handlers`)
    known.set(name, handler)
  }
  return known
}

/** All or none: a half-open server would hold its lists and answer nothing. */
async function connectAll (names: readonly string[], connect: (name: string) => Promise<Redis>): Promise<Redis[]> {
  const settled = await Promise.allSettled(names.map(connect))
  const opened = settled.flatMap((result) => result.status === 'fulfilled' ? [result.value] : [])
  const failed = settled.find((result) => result.status === 'rejected')
  if (failed === undefined) return opened
  for (const connection of opened) connection.disconnect()
  throw failed.reason
}

async function within (ms: number, work: Promise<unknown>): Promise<boolean> {
  const abort = new AbortController()
  const late = wait(ms, false, { signal: abort.signal }).catch(() => false)
  const done = await Promise.race([work.then(() => true), late])
  abort.abort()
  return done
}
