/** Which keeper signs for a key: the KMS, or outside strict mode the one raw key of this process. */
import { createKeyRing, createLocalKeyRing, type KeyRingOptions, type OpenKeyRing } from '@countersign/kms'

/** Key id of HOT_WALLET_PRIVATE_KEY. */
export const localKeyId = 'local'

export function openKeyRing (kms: KeyRingOptions, localPrivateKey: string | undefined): OpenKeyRing {
  const remote = createKeyRing(kms)
  if (localPrivateKey === undefined) return remote
  const local = createLocalKeyRing({ privateKey: localPrivateKey, keyId: localKeyId })
  const of = (keyId: string): OpenKeyRing => keyId === localKeyId ? local : remote
  return {
    address: (keyId) => of(keyId).address(keyId),
    publicKey: (keyId) => of(keyId).publicKey(keyId),
    signDigest: (keyId, digest) => of(keyId).signDigest(keyId, digest),
    check: (keyId) => keyId === localKeyId ? local.check(keyId) : remote.check(keyId),
    close: () => {
      remote.close()
      local.close()
    }
  }
}
