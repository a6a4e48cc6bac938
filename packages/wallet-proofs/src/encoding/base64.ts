/** Base64 of RFC 4648 §4, in the one spelling that each byte string has. */

import { Buffer } from 'node:buffer'

/**
 * Null for anything but text in the standard alphabet with its padding, zero pad bits and nothing between (RFC 4648
 * §3.1 to §3.5), and for more than `maxBytes`.
 */
export function decodeBase64 (text: unknown, maxBytes: number): Uint8Array | null {
  if (typeof text !== 'string' || text.length > 4 * Math.ceil(maxBytes / 3)) return null

  // The platform skips what it does not know and takes the URL alphabet too: only the canonical spelling comes back.
  const bytes = Buffer.from(text, 'base64')
  return bytes.length <= maxBytes && bytes.toString('base64') === text ? new Uint8Array(bytes) : null
}
