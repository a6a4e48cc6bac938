import { createHash } from 'node:crypto'

/**
 * What a receipt carries of the action that it confirms. Asker and otp-service make it from the same preimage, which contracts says.
 * @returns SHA-256 of the UTF-8 text, 0x hex
 */
export const actionDigest = (preimage: string): string => `0x${createHash('sha256').update(preimage).digest('hex')}`
