/** Signing with keys that never leave their keeper. */
export { type Address, type DigestSignature, type KeyRing, type OpenKeyRing } from './key-ring.ts'
export { createKeyRing, type KeyRingOptions } from './aws-key-ring.ts'
export { createLocalKeyRing, type LocalKeyRingOptions } from './local-key-ring.ts'
export { createKeyAdmin, type CreatedKey, type KeyAdmin, type ListedKey, type NewKey } from './key-admin.ts'
export { KmsFault, type KmsFaultCode, type KmsFaultDetails } from './kms-fault.ts'
export { type KmsOptions } from './kms-calls.ts'
export { createTokenBucket, type TokenBucket, type TokenBucketOptions } from './token-bucket.ts'
