/** Secrets of authenticator apps at rest: sealed, each for its own user and factor, under a key that the database never sees. */
import { randomBytes } from 'node:crypto'
import { deriveKey, open, seal, SealBroken } from '@countersign/secrets'
import { base32nopad } from '@scure/base'
import { secretBytes } from './totp.ts'

export interface TotpPlace { readonly userId: string, readonly factorId: string }

export interface TotpSecrets {
  /** A new secret, sealed. */
  draw (place: TotpPlace): string
  /** @throws SealBroken when it was sealed under a key that is no longer known, or for another place */
  open (sealed: string, place: TotpPlace): Buffer
  /** Base32 (RFC 4648), as apps take it. */
  shown (sealed: string, place: TotpPlace): string
  /** Under the current key, whichever it was sealed under: used apps outlive any number of rotations. */
  again (sealed: string, place: TotpPlace): string
}

const label = 'otp-service/totp/v1'
const associatedOf = ({ userId, factorId }: TotpPlace): string => `totp|${userId}|${factorId}`

/** @param previousSecretKey still opens what was sealed under it; nothing new is. */
export function createTotpSecrets (secretKey: string, previousSecretKey?: string): TotpSecrets {
  const current = deriveKey(secretKey, label)
  const previous = previousSecretKey === undefined ? undefined : deriveKey(previousSecretKey, label)
  const sealFor = (plaintext: Uint8Array, place: TotpPlace) => seal({ key: current, plaintext, associated: associatedOf(place) })
  const openFor = (sealed: string, place: TotpPlace): Buffer => {
    const given = { sealed, associated: associatedOf(place) }
    try {
      return open({ key: current, ...given })
    } catch (error) {
      if (previous === undefined || !(error instanceof SealBroken)) throw error
      return open({ key: previous, ...given })
    }
  }
  return {
    draw: (place) => sealFor(randomBytes(secretBytes), place),
    open: openFor,
    shown: (sealed, place) => base32nopad.encode(openFor(sealed, place)),
    again: (sealed, place) => sealFor(openFor(sealed, place), place)
  }
}
