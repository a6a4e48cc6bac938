/** The outer limits, counted in Redis for all processes together, before anything is known about the caller but its address. */
import rateLimit from '@fastify/rate-limit'
import { Problem, problems } from '@countersign/contracts'
import type { Logger, Metrics } from '@countersign/runtime'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LimitClass } from './augmentation.ts'
import { clientIp } from './client-ip.ts'
import { routeLabel } from './request-metrics.ts'

export interface Limit { readonly windowMs: number, readonly max: number }

/** A connected ioredis client that fails fast; its keys begin with `gw:rl:`. */
export interface RateLimitRedis {
  defineCommand (name: string, definition: { numberOfKeys?: number, lua: string }): void
}

/** Limits per caller address: one for sign-in routes, one for routes that programs ask often, one for all others together. */
export interface RateLimitOptions extends Limit {
  readonly redis: RateLimitRedis
  readonly signIn: Limit
  /** As the general one when absent. */
  readonly service?: Limit
  /** An answer of Redis that takes longer counts as none. */
  readonly redisTimeoutMs?: number
}

const keyPrefix = 'gw:rl:'
const retryAfterOutageSeconds = 5

export const limitRequests = async (
  app: FastifyInstance,
  { redis, windowMs, max, signIn, service = { windowMs, max }, redisTimeoutMs = 500 }: RateLimitOptions,
  { log, metrics }: { readonly log: Logger, readonly metrics: Metrics }
): Promise<void> => {
  const refused = metrics.counter({ name: 'http_rate_limited_total', help: 'Requests over the limit of their address', labels: ['route'] })
  const limits = { general: { windowMs, max }, 'sign-in': signIn, service }
  const noticeOutage = oncePerMinute((error: unknown) => log.error({ err: error }, 'rate limits cannot be counted: sign-in is closed, the rest is open'))

  await app.register(rateLimit, {
    global: false,
    redis,
    nameSpace: keyPrefix,
    keyGenerator: (request) => `${classOf(request)}:${clientIp(request)}`,
    max: (request) => limits[countedClassOf(request)].max,
    timeWindow: (request) => limits[countedClassOf(request)].windowMs
  })
  const count = app.createRateLimit()

  app.addHook('onRequest', async (request, reply) => {
    if (classOf(request) === 'none') return
    let counted: Awaited<ReturnType<typeof count>>
    try {
      counted = await withDeadline(count(request), redisTimeoutMs)
    } catch (error) {
      noticeOutage(error)
      // Without a count, guesses at signatures and passwords would be free; everything else has other guards.
      if (classOf(request) === 'sign-in') throw new Problem(problems.unavailable, { retry_after: retryAfterOutageSeconds })
      return
    }
    if (counted.isAllowed) return
    sendLimitHeaders(reply, counted)
    if (!counted.isExceeded) return
    refused.inc({ route: routeLabel(request) })
    throw new Problem(problems.rateLimited, { retry_after: Math.max(1, counted.ttlInSeconds) })
  })
}

const classOf = (request: FastifyRequest): LimitClass => request.routeOptions.config.limit ?? 'general'
const countedClassOf = (request: FastifyRequest): Exclude<LimitClass, 'none'> => {
  const limit = classOf(request)
  return limit === 'none' ? 'general' : limit
}

function sendLimitHeaders (reply: FastifyReply, { max, remaining, ttlInSeconds }: { max: number, remaining: number, ttlInSeconds: number }): void {
  reply.headers({
    'x-ratelimit-limit': String(max),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': String(ttlInSeconds)
  })
}

/** A Redis that hangs is as good as none, and must not hang every request with it. */
async function withDeadline<T> (work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not count within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}

function oncePerMinute (notice: (error: unknown) => void): (error: unknown) => void {
  let last = -Infinity
  return (error) => {
    const now = performance.now()
    if (now - last < 60_000) return
    last = now
    notice(error)
  }
}
