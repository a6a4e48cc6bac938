/**
 * A key ring over one raw private key in this process's memory.
 * For development: the caller refuses it in strict mode and says at each start that it is in use.
 */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { assertDigest, type OpenKeyRing } from './key-ring.ts'
import { KmsFault } from './kms-fault.ts'
import { addressOf } from './public-key.ts'
import { toRecoverableSignature, verifyingKey } from './recoverable-signature.ts'

export interface LocalKeyRingOptions {
  /** 64 hex digits, `0x` allowed. */
  privateKey: string
  /** The only id that the ring answers to; default `local`. */
  keyId?: string
}

/** @throws TypeError, without the value, when it is no private key of secp256k1 */
export function createLocalKeyRing ({ privateKey, keyId: ownId = 'local' }: LocalKeyRingOptions): OpenKeyRing {
  const secret = /^(0x)?[0-9a-fA-F]{64}$/.test(privateKey) ? Uint8Array.from(Buffer.from(privateKey.slice(-64), 'hex')) : undefined
  if (secret === undefined || !secp256k1.utils.isValidSecretKey(secret)) throw new TypeError('the private key must be 64 hex digits, a number from 1 to the order of secp256k1')
  const publicKey = secp256k1.getPublicKey(secret, false)
  const address = addressOf(publicKey)
  const verifying = verifyingKey(publicKey)
  // A ring that signed for every id would move money out of this wallet for a row that names another.
  const known = (keyId: string, operation: string): void => {
    if (keyId !== ownId) throw new KmsFault('not_found', { operation, reason: 'no such local key' })
  }
  return {
    address: async (keyId) => {
      known(keyId, 'GetPublicKey')
      return address
    },
    publicKey: async (keyId) => {
      known(keyId, 'GetPublicKey')
      return publicKey.slice()
    },
    signDigest: async (keyId, digest) => {
      assertDigest(digest)
      known(keyId, 'Sign')
      const { r, s } = secp256k1.Signature.fromBytes(secp256k1.sign(digest, secret, { prehash: false }), 'compact')
      return { ...toRecoverableSignature({ r, s }, digest, verifying), address }
    },
    check: async (keyId = ownId) => { known(keyId, 'GetPublicKey') },
    close: () => {}
  }
}
