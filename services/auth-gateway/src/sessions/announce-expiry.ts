import type { FastifyInstance } from 'fastify'

const soonMs = 30 * 60_000

/** Tells the callers of a session that is about to end, whatever they asked for. It is a notice: MongoDB decides the end, not this clock. */
export function announceExpiry (app: FastifyInstance, now: () => Date): void {
  app.addHook('onSend', async ({ session }, reply) => {
    const { expiresAt } = (session ?? {}) as { expiresAt?: unknown }
    if (!(expiresAt instanceof Date)) return
    const leftMs = expiresAt.getTime() - now().getTime()
    if (leftMs >= soonMs) return
    reply.headers({ 'x-session-expires-soon': 'true', 'x-session-expires-in': String(Math.max(0, Math.floor(leftMs / 1000))) })
  })
}
