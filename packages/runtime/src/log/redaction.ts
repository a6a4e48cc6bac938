/** Logs hold ids, never payloads. This is the net below that rule, not a licence to log payloads. */
import { serializeError } from './error.ts'
import { scrubText } from './scrub.ts'

export const redacted = '[redacted]'

const names = new Set([
  'code', 'codes', 'otp', 'token', 'signature', 'signedmessage', 'secret', 'password', 'passwd', 'authorization', 'proxyauthorization',
  'cookie', 'setcookie', 'email', 'to', 'html', 'text', 'body', 'sealed', 'receipt', 'apikey', 'xapikey', 'mnemonic', 'jwk', 'jwks', 'pin'
])
const endings = /(token|secret|password|privatekey|privatejwk|secretkey|apikey|signature)$/
/** An object deeper than this is no log field any more. */
const deepest = 6

/** @returns a copy of the fields in which every secret name, at any depth, is redacted, and URLs are scrubbed. */
export function redactFields (fields: Record<string, unknown>): Record<string, unknown> {
  return redactEntries(fields, 1)
}

function redactEntries (source: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(source)) {
    copy[key] = value !== undefined && isSecretName(key) ? redacted : redactValue(key, value, depth)
  }
  return copy
}

function isSecretName (key: string): boolean {
  const name = key.toLowerCase().replace(/[_-]/g, '')
  return names.has(name) || endings.test(name)
}

function redactValue (key: string, value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrubText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return serializeError(value)
  if (value instanceof Date) return value
  // Bytes in a log are key material or a payload.
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return '[bytes]'
  if (depth >= deepest) return '[deep]'
  if (Array.isArray(value)) return value.map((item) => redactValue(key, item, depth + 1))
  if ('toJSON' in value && typeof value.toJSON === 'function') return redactValue(key, value.toJSON(), depth + 1)
  // Requests and replies have serializers, which choose their fields; any other instance is not a log field.
  if (!isPlain(value)) return key === 'req' || key === 'res' ? value : `[${value.constructor.name}]`
  // A private JWK hides its exponent under the name `d`.
  return 'kty' in value ? redacted : redactEntries(value, depth + 1)
}

function isPlain (value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
