/** The seam to every key that moves money: three verbs, no more, so that a KMS, a raw key or another vendor can stand behind it. */

/** EVM address with the EIP-55 checksum. */
export type Address = `0x${string}`

/** `s` is in the lower half of the order (EIP-2); `yParity` recovers the signing key, whose address this is: it was verified by that key. */
export interface DigestSignature { r: bigint, s: bigint, yParity: 0 | 1, address: Address }

/** Every method throws KmsFault for what the key's keeper refuses, and TypeError for a digest that is not 32 bytes. */
export interface KeyRing {
  /** keccak-256 of the public key, last 20 bytes. */
  address (keyId: string): Promise<Address>
  /** 65 bytes: 0x04, x, y. */
  publicKey (keyId: string): Promise<Uint8Array>
  /** Signs 32 bytes as they are; they are never hashed again. */
  signDigest (keyId: string, digest: Uint8Array): Promise<DigestSignature>
}

/** A ring that holds connections. */
export interface OpenKeyRing extends KeyRing {
  /**
   * Asks the keeper for the key's public half again, or for the key used last when none is named (nothing is asked before the first use).
   * Resolves when it answers with the key known before.
   */
  check (keyId?: string): Promise<void>
  close (): void
}

/** @throws TypeError: a digest of another length is the caller's mistake, and a KMS would hash or refuse it */
export function assertDigest (digest: Uint8Array): void {
  if (!(digest instanceof Uint8Array) || digest.length !== 32) throw new TypeError('a digest is exactly 32 bytes')
}
