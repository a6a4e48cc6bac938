/** The labelled lines of an EIP-4361 message, in the only order that is allowed. */

import { isDateTime } from './date-time.ts'
import { isPathCharacters, isUri } from './uri.ts'

const NONCE = /^[A-Za-z0-9]{8,}$/
const CHAIN_ID = /^[1-9][0-9]{0,15}$/

/** One text per number, so that what was read can be written again: no leading zero, and no 0, which EIP-7702 reads as any chain. */
const isChainId = (text: string): boolean => CHAIN_ID.test(text) && Number.isSafeInteger(Number(text))

export const requiredFields = [
  { key: 'uri', name: 'URI', accepts: isUri },
  { key: 'version', name: 'Version', accepts: (text: string) => text === '1' },
  { key: 'chainId', name: 'Chain ID', accepts: isChainId },
  { key: 'nonce', name: 'Nonce', accepts: (text: string) => NONCE.test(text) },
  { key: 'issuedAt', name: 'Issued At', accepts: isDateTime }
] as const

export const optionalFields = [
  { key: 'expirationTime', name: 'Expiration Time', accepts: isDateTime },
  { key: 'notBefore', name: 'Not Before', accepts: isDateTime },
  { key: 'requestId', name: 'Request ID', accepts: isPathCharacters }
] as const

export type RequiredKey = typeof requiredFields[number]['key']
export type OptionalKey = typeof optionalFields[number]['key']
