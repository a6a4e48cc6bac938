/** Replies that are ready in one turn of the event loop leave as one message per waiting process. */
import type { Redis } from 'ioredis'
import type { Logger } from '@countersign/runtime'
import type { Answer } from './run-command.ts'

export interface ReplyBatch {
  readonly add: (channel: string, call: string, body: Answer['body']) => void
  /** Resolves when everything added so far was handed to Redis, or could not be. */
  readonly drained: () => Promise<void>
}

export const createReplyBatch = (redis: Redis, log: Logger): ReplyBatch => {
  let waiting = new Map<string, string[]>()
  const sending = new Set<Promise<unknown>>()

  const flush = (): void => {
    const all = waiting
    waiting = new Map()
    for (const [channel, replies] of all) {
      // A reply that is lost is a missed deadline for its caller, who may repeat the command.
      const sent: Promise<unknown> = redis.publish(channel, `[${replies.join(',')}]`)
        .catch((err: unknown) => { log.warn({ err, replies: replies.length }, 'replies could not be sent') })
        .finally(() => sending.delete(sent))
      sending.add(sent)
    }
  }

  return {
    add: (channel, call, body) => {
      if (waiting.size === 0) setImmediate(flush)
      const reply = JSON.stringify({ call, ...body })
      const replies = waiting.get(channel)
      if (replies === undefined) waiting.set(channel, [reply])
      else replies.push(reply)
    },
    drained: async () => {
      flush()
      await Promise.all(sending)
    }
  }
}
