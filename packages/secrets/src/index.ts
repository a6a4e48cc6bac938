/** Keys, and what is made with them: derivation, sealing, keyed hashes, random values, receipts. */
export { deriveKey } from './derive.ts'
export { keyFromText } from './base64url.ts'
export { seal, open, SealBroken, type OpenOptions, type SealOptions } from './seal.ts'
export { createCursors, type Cursors } from './cursors.ts'
export { keyedHash, constantTimeEqual } from './keyed-hash.ts'
export { randomDigits, randomHex, randomToken } from './random.ts'
export { generateAccessTokenKey, generateReceiptKey, publicHalf, thumbprint, type GeneratedKey, type Jwk, type Jwks } from './keys.ts'
export { createReceiptSigner, createReceiptVerifier, ReceiptRefused, type ReceiptSigner, type ReceiptVerifier } from './receipts.ts'
