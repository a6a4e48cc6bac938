/**
 * Codes and what is stored of them. A code has 20 bits, so that any hash without a key is a table of a million rows: what is stored is
 * an HMAC under a pepper that the database never sees, bound to challenge and purpose. Slow hashes only burden us (lesson 29).
 */
import { constantTimeEqual, deriveKey, keyedHash, randomDigits } from '@countersign/secrets'

export interface StoredCode {
  /** HMAC-SHA-256, base64url. */
  readonly codeMac: string
  readonly pepperId: string
}

/** Of a challenge; null before a code was sent. */
type SentCode = { readonly [field in keyof StoredCode]: string | null }

export interface CodeTarget {
  readonly id: string
  readonly purpose: string
}

export interface Codes {
  /** A fresh code of six digits for this challenge, and what to store of it. */
  draw (target: CodeTarget): StoredCode & { readonly code: string }
  /** Constant time. False as well when the pepper is no longer known, and when no code was sent. */
  matches (target: CodeTarget & SentCode, code: string): boolean
  /** The same work for a challenge that does not exist. */
  pretend (target: CodeTarget, code: string): void
}

interface Pepper { readonly id: string, readonly key: Buffer }

const digits = 6

const pepperOf = (secretKey: string): Pepper => ({
  id: deriveKey(secretKey, 'otp-service/pepper-id/v1', 6).toString('base64url'),
  key: deriveKey(secretKey, 'otp-service/code/v1')
})

/** @param previousSecretKey still verifies what was stored under it; nothing new is. */
export function createCodes (secretKey: string, previousSecretKey?: string): Codes {
  const current = pepperOf(secretKey)
  const peppers = [current, ...previousSecretKey === undefined ? [] : [pepperOf(previousSecretKey)]]
  const macOf = (pepper: Pepper, { id, purpose }: CodeTarget, code: string): string =>
    keyedHash(pepper.key, id, purpose, code).toString('base64url')

  return {
    draw (target) {
      const code = randomDigits(digits)
      return { code, codeMac: macOf(current, target, code), pepperId: current.id }
    },
    matches ({ codeMac, pepperId, ...target }, code) {
      const pepper = peppers.find(({ id }) => id === pepperId)
      const equal = constantTimeEqual(macOf(pepper ?? current, target, code), codeMac ?? '')
      return equal && pepper !== undefined
    },
    pretend (target, code) {
      constantTimeEqual(macOf(current, target, code), current.id)
    }
  }
}
