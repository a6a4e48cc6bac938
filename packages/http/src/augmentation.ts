/** What this package hangs on Fastify's own types. */
import type { Route } from '@countersign/contracts'

export type LimitClass = Route['limit']

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which outer limit counts the route. `general` when absent. */
    limit?: LimitClass
    /** What the route was registered from. */
    contract?: Route
  }
  interface FastifyRequest {
    /** What the session guard answered; null where none ran. */
    session: unknown
  }
  interface FastifyInstance {
    /** Proxies in front of this process that are known to append to X-Forwarded-For. */
    readonly trustedHops: number
  }
}
