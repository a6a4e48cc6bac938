/** Recognises secrets that somebody could guess. */
import type { Secrecy } from './variable.ts'

/** No word of fewer than five letters: random base64url would hold it by chance too often. */
const placeholder = /change.?(me|this|it)|replace.?(me|this|with)|secret|your[-_. ]|example|placeholder|password|passw0rd|qwerty|dummy|insert[-_ ]|default|<[^>]*>|0123456789|1234567|abcdefgh/i
const hexadecimal = /^(0x)?[0-9a-f]+$/i

const minimumBitsPerCharacter = 3
const minimumDistinct = 16
/** Hexadecimal knows 16 characters in all, and 23 % of random 256-bit keys miss one; fewer than 10 happens once in 10^8. */
const minimumDistinctHexadecimal = 10

/** @returns Shannon entropy of the text's own characters, in bits per character. */
export function bitsPerCharacter (text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/**
 * @param secrecy `'issued'` secrets were chosen elsewhere and are only compared with placeholders.
 * @returns why the secret is weak (never a part of it), or undefined.
 */
export function weaknessOf (text: string, secrecy: Secrecy): string | undefined {
  if (secrecy === false) return undefined
  if (secrecy === 'issued') return placeholder.test(text) ? 'is a placeholder' : undefined
  // A JSON key set holds words; its random parts carry it, and its schema bounds them.
  const isJson = text.startsWith('{') || text.startsWith('[')
  if (!isJson && placeholder.test(text)) return 'is a placeholder'
  const distinct = new Set(text).size
  if (distinct < (hexadecimal.test(text) ? minimumDistinctHexadecimal : minimumDistinct)) return 'has too few different characters'
  if (bitsPerCharacter(text) < minimumBitsPerCharacter) return `has less than ${minimumBitsPerCharacter} bits of entropy per character`
  return undefined
}
