/** ECDSA signatures in DER, as strictly as Bitcoin's consensus reads them (BIP-66). */

const SEQUENCE = 0x30
const INTEGER = 0x02
// Tag and length of the sequence and of two integers of up to 33 bytes.
const MAX_LENGTH = 72

/**
 * r and s of a DER signature without a sighash byte, 32 bytes each; null where BIP-66 has another opinion, or an integer
 * exceeds 32 bytes. Zero and values beyond the order are read: `faultOfScalars` is for them.
 */
export function readDerSignature (der: Uint8Array): Uint8Array | null {
  if (der.length > MAX_LENGTH || der[0] !== SEQUENCE || der[1] !== der.length - 2) return null

  const r = readInteger(der, 2)
  const s = r && readInteger(der, r.next)
  if (!s || s.next !== der.length) return null

  const compact = new Uint8Array(64)
  compact.set(r.digits, 32 - r.digits.length)
  compact.set(s.digits, 64 - s.digits.length)
  return compact
}

/** A non-negative integer in its shortest form, without the zero that only keeps it positive. */
function readInteger (der: Uint8Array, at: number): { readonly digits: Uint8Array, readonly next: number } | null {
  const length = der[at + 1] ?? 0
  const next = at + 2 + length
  if (der[at] !== INTEGER || length === 0 || next > der.length) return null

  const [first = 0, second = 0] = der.subarray(at + 2, next)
  if (first >= 0x80) return null // negative
  if (first === 0 && length > 1 && second < 0x80) return null // a zero too many

  const digits = der.subarray(first === 0 ? at + 3 : at + 2, next)
  return digits.length > 32 ? null : { digits, next }
}
