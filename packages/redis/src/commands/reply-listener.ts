/** Keeps a caller subscribed to its own reply channel, through every loss of Redis. */
import type { Redis } from 'ioredis'
import type { Logger } from '@countersign/runtime'
import { openConnection } from '../connection/connect-redis.ts'
import type { RedisTarget } from '../connection/redis-settings.ts'

export interface ReplyListenerOptions extends RedisTarget {
  readonly log: Logger
  readonly channel: string
  readonly onMessage: (message: string) => void
  /** Replies may have been missed from now on. */
  readonly onDeaf: () => void
}

export interface ReplyListener {
  /** False while a reply would be missed: nothing should be asked then. */
  readonly listening: () => boolean
  readonly close: () => void
}

/** A quiet channel and a dead peer look alike, so Redis is asked now and then. */
const heartbeatMs = 2_000

/** @returns once subscribed */
export const listenForReplies = async ({ url, name, log, channel, onMessage, onDeaf }: ReplyListenerOptions): Promise<ReplyListener> => {
  const redis = await openConnection({ url, name, log })
  let subscribed = false
  redis.on('message', (_channel: string, message: string) => { onMessage(message) })
  redis.on('close', () => {
    subscribed = false
    onDeaf()
  })
  // Reconnecting is ioredis' work, subscribing again is ours: we must know when it is done.
  redis.on('ready', () => {
    subscribe(redis, channel).then(() => { subscribed = true }, (err: unknown) => {
      log.warn({ err, channel }, 'cannot subscribe to replies')
      redis.disconnect(true)
    })
  })
  const heartbeat = setInterval(() => {
    if (subscribed) redis.ping().catch(() => { redis.disconnect(true) })
  }, heartbeatMs)
  heartbeat.unref()
  const close = (): void => {
    clearInterval(heartbeat)
    redis.disconnect()
  }
  try {
    await subscribe(redis, channel)
    subscribed = true
  } catch (error) {
    close()
    throw error
  }
  return { listening: () => subscribed, close }
}

const subscribe = async (redis: Redis, channel: string): Promise<void> => { await redis.subscribe(channel) }
