/** Reads a small JSON object from a request. */

import type { IncomingMessage } from 'node:http'

/** CreateKey with a policy of 32 KiB is the largest request of the protocol. */
const maxBytes = 128 * 1024

/**
 * @returns the object, or undefined when the body is too large, no JSON or no object
 * @throws Error when the connection breaks
 */
export async function readJson (request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
  }
  if (size > maxBytes) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}
