/**
 * A browser sends cookies along whoever wrote the page, so a request that changes something, or is given a cookie, must say which page it
 * comes from. `Sec-Fetch-Site` (scripts cannot set it) of this origin or of no page at all is enough; else `Origin` must be on the list.
 * A request with neither is refused: every browser in use sends one of them, and programs have headers for their credentials.
 */
import { Problem, problems } from '@countersign/contracts'
import type { FastifyRequest } from 'fastify'

/** @throws Problem originRefused */
export type OriginCheck = (request: Pick<FastifyRequest, 'headers'>) => void

/** @param origins of browser applications, and of this gateway itself */
export function createOriginCheck (origins: readonly string[]): OriginCheck {
  const allowed = new Set(origins.map((origin) => new URL(origin).origin))
  return ({ headers: { origin, 'sec-fetch-site': site } }) => {
    if (site === 'same-origin' || site === 'none') return
    if (origin === undefined || !allowed.has(origin)) throw new Problem(problems.originRefused)
  }
}
