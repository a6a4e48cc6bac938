import { createHash } from 'node:crypto'

/**
 * What the gateway knows a passkey by: whoever reads its database learns no credential id.
 * @param credentialId base64url, as WebAuthn's JSON has it
 * @returns SHA-256 of the id's bytes, base64url
 */
export const credentialHash = (credentialId: string): string => createHash('sha256').update(Buffer.from(credentialId, 'base64url')).digest('base64url')
