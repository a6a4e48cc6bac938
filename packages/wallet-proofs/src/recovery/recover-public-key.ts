/**
 * What every back end does: the public key that made a signature (SEC 1 §4.1.6), 65 bytes uncompressed; null: none did.
 * `signature` is r and s in 64 bytes, both within 1 and n-1; `digest` is 32 bytes.
 */
export type RecoverPublicKey = (signature: Uint8Array, recovery: 0 | 1, digest: Uint8Array) => Uint8Array | null
