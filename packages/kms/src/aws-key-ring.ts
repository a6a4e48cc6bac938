/** The key ring over AWS KMS. It needs kms:GetPublicKey and kms:Sign and calls nothing else. */

import { GetPublicKeyCommand, SignCommand } from '@aws-sdk/client-kms'
import { parseDerSignature } from './der-signature.ts'
import { openKmsCalls, type KmsCalls, type KmsOptions } from './kms-calls.ts'
import { assertDigest, type Address, type OpenKeyRing } from './key-ring.ts'
import { addressOf, publicKeyFromSpki, PublicKeyRefused } from './public-key.ts'
import { toRecoverableSignature, verifyingKey, type VerifyingKey } from './recoverable-signature.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

export interface KeyRingOptions extends KmsOptions {
  /**
   * Highest rate of Sign attempts of this process; default 800, with bursts of a tenth on top.
   * AWS gives an account 1,000 a second per Region for all ECC keys: divide it by the number of processes.
   */
  signsPerSecond?: number
  /** In place of that rate: a limit that processes share. */
  signLimit?: TokenBucket
}

interface KnownKey { publicKey: Uint8Array, address: Address, verifying?: VerifyingKey }

/** @throws RangeError for options that allow no call */
export function createKeyRing (options: KeyRingOptions): OpenKeyRing {
  const { signsPerSecond = 800, signLimit = createTokenBucket({ perSecond: signsPerSecond, burst: Math.max(1, signsPerSecond / 10) }) } = options
  const kms = openKmsCalls(options, signLimit)
  // For ever: the public half of a KMS key cannot change. An alias that is moved to another key makes every later signature a
  // bad_signature until the process starts again, which is what a wallet whose key was swapped must do.
  const known = new Map<string, Promise<KnownKey>>()
  let usedLast: string | undefined

  const keyOf = (keyId: string): Promise<KnownKey> => {
    const cached = known.get(keyId)
    if (cached !== undefined) return cached
    const asked = fetchKey(kms, keyId)
    known.set(keyId, asked)
    // A failure is not remembered.
    asked.then(() => { usedLast = keyId }, () => { known.delete(keyId) })
    return asked
  }

  return {
    address: async (keyId) => (await keyOf(keyId)).address,
    publicKey: async (keyId) => (await keyOf(keyId)).publicKey.slice(),
    signDigest: async (keyId, digest) => {
      assertDigest(digest)
      // A copy: what is checked is what was sent, even if the caller reuses the buffer meanwhile.
      const message = Uint8Array.from(digest)
      const key = await keyOf(keyId)
      const { address } = key
      const verifying = key.verifying ??= verifyingKey(key.publicKey)
      const signature = await kms.call({ operation: 'Sign', keyId }, async (client, given) => {
        const answer = await client.send(new SignCommand({ KeyId: keyId, Message: message, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' }), given)
        return { ...toRecoverableSignature(parseDerSignature(answer.Signature ?? new Uint8Array()), message, verifying), address }
      })
      usedLast = keyId
      return signature
    },
    check: async (keyId = usedLast) => {
      if (keyId !== undefined) await fetchKey(kms, keyId, await known.get(keyId))
    },
    close: () => { kms.close() }
  }
}

function fetchKey (kms: KmsCalls, keyId: string, before?: KnownKey): Promise<KnownKey> {
  return kms.call({ operation: 'GetPublicKey', keyId }, async (client, given) => {
    const answer = await client.send(new GetPublicKeyCommand({ KeyId: keyId }), given)
    if (answer.KeySpec !== 'ECC_SECG_P256K1' || answer.KeyUsage !== 'SIGN_VERIFY') throw new PublicKeyRefused('not an ECC_SECG_P256K1 key for SIGN_VERIFY')
    const publicKey = publicKeyFromSpki(answer.PublicKey ?? new Uint8Array())
    if (before !== undefined && Buffer.compare(publicKey, before.publicKey) !== 0) throw new PublicKeyRefused('the public key is another than before')
    return { publicKey, address: addressOf(publicKey) }
  })
}
