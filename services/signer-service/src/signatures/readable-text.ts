/** What a person reads is what is signed: no characters that are not seen, that turn the line around, or that say nothing to anybody. */

const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u
const lines = /[\n\t]/g

/** @returns whether all of it shows; line ends and tabs are allowed. */
export const isReadable = (text: string): boolean => !unseen.test(text.replace(lines, ''))

const digestBytes = 32
const digits = /^[\s"']*(0x)?[0-9a-f]{40,}[\s"']*$/i
const base64 = /^[\s"']*[A-Za-z0-9+/_-]{40,}={0,2}[\s"']*$/

/**
 * A contract takes a signature over any 32 bytes for one over a digest, and 32 characters can be made that are one: no text of that length is
 * signed. Nor are digits or letters in a row, which say nothing to whoever reads them: an address, a digest, a transaction.
 * @returns why it is not signed, or undefined.
 */
export function faultOfText (text: string): string | undefined {
  if (!isReadable(text)) return 'has characters that do not show'
  if (text.trim() === '') return 'says nothing'
  if (Buffer.byteLength(text, 'utf8') === digestBytes) return 'is 32 bytes long, as a digest is: add a word'
  return digits.test(text) || base64.test(text) ? 'is no text but data: a digest, an address or a transaction' : undefined
}
