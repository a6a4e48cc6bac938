/** Authenticated encryption of small texts: AES-256-GCM, bound to where they belong. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { decodeBase64url } from './base64url.ts'

const algorithm = 'aes-256-gcm'
const version = 1
const keyBytes = 32
/** 96 random bits (SP 800-38D §8.2.2): one key stays good for 2^32 texts. */
const nonceBytes = 12
const tagBytes = 16
const headBytes = 1 + nonceBytes

/** The text was not sealed with this key for this place, or was changed. It does not say which. */
export class SealBroken extends Error {
  constructor () {
    super('the seal is broken')
    this.name = 'SealBroken'
  }
}

export interface SealOptions {
  /** 32 bytes. */
  readonly key: Uint8Array
  readonly plaintext: Uint8Array | string
  /** Names the place: what is sealed for one queue, job or expiry does not open in another. Not secret, not contained. */
  readonly associated: string
}

export interface OpenOptions {
  readonly key: Uint8Array
  readonly sealed: string
  readonly associated: string
}

/** @returns base64url of version (1 byte), nonce (12), ciphertext, tag (16). */
export function seal ({ key, plaintext, associated }: SealOptions): string {
  const head = Buffer.concat([Buffer.of(version), randomBytes(nonceBytes)])
  const cipher = createCipheriv(algorithm, checkedKey(key), head.subarray(1), { authTagLength: tagBytes })
  cipher.setAAD(associatedBytes(associated))
  const ciphertext = [cipher.update(typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext), cipher.final()]
  return Buffer.concat([head, ...ciphertext, cipher.getAuthTag()]).toString('base64url')
}

/**
 * @returns the plaintext.
 * @throws SealBroken for another key, another place, another version, a changed, cut or respelled text.
 */
export function open ({ key, sealed, associated }: OpenOptions): Buffer {
  const cipherKey = checkedKey(key)
  const bytes = decodeBase64url(sealed)
  if (bytes === undefined || bytes.length < headBytes + tagBytes || bytes[0] !== version) throw new SealBroken()
  try {
    const decipher = createDecipheriv(algorithm, cipherKey, bytes.subarray(1, headBytes), { authTagLength: tagBytes })
    decipher.setAAD(associatedBytes(associated))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    return Buffer.concat([decipher.update(bytes.subarray(headBytes, -tagBytes)), decipher.final()])
  } catch {
    throw new SealBroken()
  }
}

/** The version is authenticated with the place: a later format cannot be passed off as this one. */
const associatedBytes = (associated: string): Buffer => Buffer.concat([Buffer.of(version), Buffer.from(associated, 'utf8')])

function checkedKey (key: Uint8Array): Uint8Array {
  if (key.length !== keyBytes) throw new Error(`a sealing key has ${keyBytes} bytes`)
  return key
}
