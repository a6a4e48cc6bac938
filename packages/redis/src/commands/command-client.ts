/** The caller's side of commands: a person waits, so every call ends by its deadline. */
import { performance } from 'node:perf_hooks'
import { commandListKey, replyChannel, type Command, type ReplyOf, type RequestOf, type ServiceName } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import { checkOf } from '../contract-check.ts'
import { openConnection, redisTime } from '../connection/connect-redis.ts'
import { createRedisClock } from '../connection/redis-clock.ts'
import type { CallOutcome } from './call-outcome.ts'
import { createPendingCalls } from './pending-calls.ts'
import { createPushBatch } from './push-batch.ts'
import { randomHandle } from '../random-handle.ts'
import { listenForReplies } from './reply-listener.ts'

export interface CommandClientOptions {
  readonly url: string
  /** Who calls: it names the lists this process may push to. */
  readonly service: ServiceName
  readonly log: Logger
  readonly metrics: Metrics
  /** Commands that may lie on one list before further ones are refused at once. */
  readonly maxDepth?: number
}

export interface CallOptions {
  readonly requestId: string
  /** Whom the caller claims to act for, such as a user id. The callee decides what the claim is worth. */
  readonly actor?: string
  /** The same for a repeat of the same command; made when absent. */
  readonly commandId?: string
  /** Shorter than the contract's; a longer one is cut to it. */
  readonly deadlineMs?: number
}

export interface CommandClient {
  /**
   * @throws Problem what the callee refused with; `internal` when it failed; `unavailable` with `retry_after` when the list is full,
   * Redis is away or no reply came in time (then the command may have been carried out: repeat it under the same command id)
   * @throws TypeError when the request breaks its contract or this service is none of its callers: a fault of the calling code
   */
  readonly call: <C extends Command>(command: C, request: RequestOf<C>, options: CallOptions) => Promise<ReplyOf<C>>
  /** Calls that still wait end as unavailable. */
  readonly close: () => Promise<void>
}

/**
 * @returns once it can hear replies
 * @throws when Redis is not there at the start; later losses are mended in the background
 */
export const createCommandClient = async ({ url, service, log, metrics, maxDepth = 1_000 }: CommandClientOptions): Promise<CommandClient> => {
  const duration = metrics.histogram({ name: 'command_duration_seconds', help: 'From call to end, by the caller', labels: ['command', 'outcome'] })
  const ignored = metrics.counter({ name: 'command_replies_ignored_total', help: 'Replies to no waiting call, or malformed', labels: ['reason'] })
  const instance = randomHandle()
  const pending = createPendingCalls(log, (reason) => { ignored.inc({ reason }) })
  const listener = await listenForReplies({
    url, log, name: `${service}:replies`, channel: replyChannel(service, instance), onMessage: pending.take, onDeaf: () => { pending.failAll('unreachable') }
  })
  const clock = createRedisClock()
  const redis = await openConnection({ url, log, name: `${service}:commands` }).catch((error: unknown) => {
    listener.close()
    throw error
  })
  // After a failover another clock counts.
  redis.on('ready', () => { redisTime(redis).then(clock.set, () => undefined) })
  clock.set(await redisTime(redis))
  const push = createPushBatch(redis, clock, maxDepth)

  const call: CommandClient['call'] = <C extends Command>(command: C, request: RequestOf<C>, options: CallOptions) =>
    new Promise<ReplyOf<C>>((resolve, reject) => {
      const startedAt = performance.now()
      const record = (outcome: CallOutcome): void => {
        duration.observe({ command: command.name, outcome }, (performance.now() - startedAt) / 1_000)
      }
      const fault = faultOfCall(command, service, request)
      if (fault !== undefined) {
        record('invalid')
        reject(new TypeError(fault))
        return
      }
      const { requestId, actor, commandId = `cmd_${randomHandle()}` } = options
      const lifeMs = Math.min(options.deadlineMs ?? command.deadlineMs, command.deadlineMs)
      const id = randomHandle()
      pending.add(id, {
        command: command.name,
        reply: checkOf(command.reply),
        end: (outcome, result) => {
          record(outcome)
          if ('problem' in result) reject(result.problem)
          else resolve(result.reply as ReplyOf<C>)
        }
      }, lifeMs)
      if (!listener.listening()) {
        pending.fail(id, 'unreachable')
        return
      }
      const envelope = JSON.stringify({ call: id, instance, command: command.name, command_id: commandId, request_id: requestId, actor, payload: request })
      push(commandListKey(command.callee, service), { lifeMs, giveUpAt: clock.now() + lifeMs, envelope }, (outcome, err) => {
        if (outcome === 'full' || outcome === 'late') pending.fail(id, outcome)
        if (outcome !== undefined) return
        log.warn({ err, command: command.name, requestId }, 'command could not be sent')
        pending.fail(id, 'unreachable')
      })
    })

  return {
    call,
    close: async () => {
      pending.failAll('unreachable')
      listener.close()
      redis.disconnect()
    }
  }
}

function faultOfCall (command: Command, service: ServiceName, request: unknown): string | undefined {
  if (!command.callers.includes(service)) return `${command.name}: ${service} is none of its callers`
  const check = checkOf(command.request)
  return check.accepts(request) ? undefined : `${command.name}: ${check.faults(request).join('; ')}`
}
