/** Tells the gateway's `/health`, which may only read the key, that mails can go out. Its life is Redis's to end. */
import { mailHeartbeatKey } from '@countersign/contracts'
import type { Logger } from '@countersign/runtime'
import type { Redis } from 'ioredis'
import type { SmtpSender } from './smtp-sender.ts'

const lifeSeconds = 30

export interface HeartbeatOptions {
  readonly smtp: Pick<SmtpSender, 'verify'>
  readonly redis: Pick<Redis, 'set'>
  readonly log: Logger
  readonly intervalMs?: number
}

export interface Heartbeat {
  /** Whether the last greeting of the mail server went well. */
  alive (): boolean
  close (): Promise<void>
}

export function startHeartbeat ({ smtp, redis, log, intervalMs = 10_000 }: HeartbeatOptions): Heartbeat {
  let alive = false
  const beat = async (): Promise<void> => {
    const was = alive
    try {
      await smtp.verify()
      alive = true
      await redis.set(mailHeartbeatKey, 'ok', 'EX', lifeSeconds)
      if (!was) log.info('mail server answers')
    } catch (error) {
      alive = false
      if (was) log.warn({ err: error }, 'no heartbeat: mail server or Redis does not answer')
    }
  }

  let running = beat()
  const timer = setInterval(() => { running = running.then(beat) }, intervalMs)
  return {
    alive: () => alive,
    async close () {
      clearInterval(timer)
      await running
    }
  }
}
