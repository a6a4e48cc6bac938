import { networkNames, Problem, problems, type NetworkName } from '@countersign/contracts'
import type { NetworkOptions } from '@countersign/wallets'
import type { FastifyRequest } from 'fastify'

/**
 * The header, else the body, else the query, else the configured one.
 * @throws Problem unknownNetwork for a name that is none, or is not served here
 */
export function networkOfRequest ({ headers, body, query }: Pick<FastifyRequest, 'headers' | 'body' | 'query'>, { supported, initial }: NetworkOptions): NetworkName {
  const given = headers['x-network'] ?? fieldOf(body) ?? fieldOf(query) ?? initial
  const known = networkNames.find((name) => name === given)
  if (known === undefined || !supported.includes(known)) throw new Problem(problems.unknownNetwork)
  return known
}

const fieldOf = (part: unknown): unknown => (part as { network?: unknown } | null | undefined)?.network
