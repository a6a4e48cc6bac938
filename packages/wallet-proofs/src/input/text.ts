/** A signed text that a stranger gave, as the bytes that a wallet signed. */

import { Buffer } from 'node:buffer'

export type TextRefusal = 'message is not well-formed text' | 'message is too long'

// Bounds the hashing of a hostile text; a sign-in message is under 10 KB.
const MAX_LENGTH = 65_536
const LONE_SURROGATE = /\p{Surrogate}/u

/** UTF-8 of a text of at most 65,536 UTF-16 units. A lone surrogate is refused: encoded, it would be another text's U+FFFD. */
export function readText (text: unknown): Uint8Array | TextRefusal {
  if (typeof text !== 'string') return 'message is not well-formed text'
  if (text.length > MAX_LENGTH) return 'message is too long'
  return LONE_SURROGATE.test(text) ? 'message is not well-formed text' : Buffer.from(text, 'utf8')
}
