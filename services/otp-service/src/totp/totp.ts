/** Time-based one-time passwords: RFC 6238 over RFC 4226, with what every authenticator app takes for granted: SHA-1, 6 digits, 30 seconds. */
import { createHmac } from 'node:crypto'
import { constantTimeEqual } from '@countersign/secrets'

/** 160 bits, RFC 4226 §4 R6. */
export const secretBytes = 20

const stepMs = 30_000
const digits = 6
/** RFC 6238 §5.2: one step for a slow hand or a slow network, and one for a telephone whose clock is ahead. */
const steps = [0, -1, 1]

/** @returns T of RFC 6238 §4.2: whole steps since the epoch. */
export const stepAt = (time: Date): number => Math.floor(time.getTime() / stepMs)

/** @returns six digits: HOTP(secret, step), RFC 4226 §5.3. */
export function codeAt (secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const hash = createHmac('sha1', secret).update(counter).digest()
  const offset = hash.readUInt8(hash.length - 1) & 0xf
  const number = hash.readUInt32BE(offset) & 0x7fff_ffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

/**
 * @param at the database's time of the attempt.
 * @returns the step whose code it is, of the one that runs and its neighbours; undefined when it is none of theirs. Every one is compared.
 */
export const stepOf = (secret: Uint8Array, code: string, at: Date): number | undefined =>
  steps.map((offset) => stepAt(at) + offset).filter((step) => constantTimeEqual(codeAt(secret, step), code))[0]
