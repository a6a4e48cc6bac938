/** Serves the commands of one caller: what is taken from its list is judged, run and answered here. */
import { commandListKey, replyChannel, type ServiceName } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import type { Redis } from 'ioredis'
import type { CommandHandler } from './command-handler.ts'
import { readItem, type Envelope } from './envelope.ts'
import { startListTaker } from './list-taker.ts'
import type { ReplyBatch } from './reply-batch.ts'
import { runCommand, type HandledOutcome } from './run-command.ts'
import { createSlots } from './slots.ts'

/** `command` is a name that this service knows, or `unknown`. */
export interface InvalidMessage { readonly caller: ServiceName, readonly command: string }

export interface CallerListOptions {
  /** For this list alone: it is blocked most of the time. */
  readonly redis: Redis
  readonly callee: ServiceName
  readonly caller: ServiceName
  readonly handlers: ReadonlyMap<string, CommandHandler>
  readonly concurrency: number
  readonly replies: ReplyBatch
  readonly log: Logger
  readonly count: (command: string, outcome: HandledOutcome) => void
  readonly onInvalid: (message: InvalidMessage) => void
}

export interface CallerList {
  readonly list: string
  /** Takes nothing more and resolves when every running handler has ended. */
  readonly drain: () => Promise<void>
}

export const serveCaller = ({ redis, callee, caller, handlers, concurrency, replies, log, count, onInvalid }: CallerListOptions): CallerList => {
  const list = commandListKey(callee, caller)
  const slots = createSlots(concurrency)

  const run = async (envelope: Envelope, deadlineMs: number, now: number): Promise<void> => {
    const handler = handlers.get(envelope.command)
    // A caller can stamp its own list as it likes; it gets no more than the contract's time.
    const lifeMs = Math.min(deadlineMs - now, handler?.command.deadlineMs ?? 0)
    const abort = new AbortController()
    const timer = setTimeout(() => { abort.abort(new DOMException('nobody waits for this command any more', 'TimeoutError')) }, lifeMs)
    const { outcome, body } = await runCommand({ envelope, caller, handler, deadlineMs: now + lifeMs, signal: abort.signal, log })
    clearTimeout(timer)
    count(handler?.command.name ?? 'unknown', outcome)
    if (outcome === 'invalid') onInvalid({ caller, command: handler?.command.name ?? 'unknown' })
    // The channel is built from the list's caller, so a command cannot have its reply sent to anybody else.
    if (!abort.signal.aborted) replies.add(replyChannel(caller, envelope.instance), envelope.call, body)
  }

  const judge = (item: string, now: number): void => {
    const { envelope, deadlineMs } = readItem(item)
    if (envelope === undefined) {
      count('unknown', 'invalid')
      onInvalid({ caller, command: 'unknown' })
      log.warn({ list }, 'malformed command dropped')
    } else if (deadlineMs <= now) {
      // Its caller was told 503 already: carrying it out now could spend a code that nobody sees accepted.
      count(handlers.get(envelope.command)?.command.name ?? 'unknown', 'expired')
    } else {
      slots.occupy()
      void run(envelope, deadlineMs, now).finally(slots.release)
    }
  }

  const taker = startListTaker({ redis, list, slots, log, onItems: (items, now) => { for (const item of items) judge(item, now) } })
  return {
    list,
    drain: async () => {
      await taker.stop()
      await slots.empty()
    }
  }
}
