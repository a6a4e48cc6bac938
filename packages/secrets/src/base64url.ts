/** RFC 4648 §5 without padding, one text per value: what is not canonical is refused, so that no token has a second spelling. */

const alphabet = /^[A-Za-z0-9_-]+$/

/** @returns the bytes, or undefined when the text is not canonical base64url. Node alone would skip over strange characters. */
export function decodeBase64url (text: string): Buffer | undefined {
  if (!alphabet.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

/**
 * Reads a key from the environment.
 * @param text base64url, as `randomToken` makes it.
 * @throws Error without the text, when it is not exactly `bytes` long.
 */
export function keyFromText (text: string, bytes = 32): Buffer {
  const key = decodeBase64url(text)
  if (key?.length !== bytes) throw new Error(`a key must be ${bytes} bytes in base64url`)
  return key
}
