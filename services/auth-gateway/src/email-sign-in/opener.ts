/** Which browser asked: a secret that it alone holds, and what otp-service is told of it. */
import { createHash } from 'node:crypto'
import { keyedHash } from '@countersign/secrets'

/** @returns what a mailbox challenge is opened and answered with. */
export const openerOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

/** The secret of everybody who is signed in to an account: every session of it may answer what another one asked. */
export type SecretOfUser = (userId: string) => string

/** @param key 32 bytes for this purpose alone. */
export const createSecretOfUser = (key: Uint8Array): SecretOfUser => (userId) => keyedHash(key, 'user', userId).toString('base64url')
