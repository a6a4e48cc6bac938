/** What can go wrong between here and the key, as data: the only place that knows the KMS's and the SDK's error names. */

import { PublicKeyRefused } from './public-key.ts'
import { SignatureRefused } from './signature-refused.ts'

export type KmsFaultCode =
  /** Back-pressure of the KMS or of the client-side limit: try later. */
  | 'throttled'
  /** The identity may not use this key, or its credentials are refused. */
  | 'denied'
  /** No answer in time, no connection, a server error, no credentials to be had. */
  | 'unavailable'
  | 'not_found'
  /** Disabled, or on its way to deletion. */
  | 'disabled'
  /** What came back is no strict DER signature of the digest by the known key. */
  | 'bad_signature'
  /** The key is no secp256k1 signing key, or its public half changed. */
  | 'bad_key'
  /** The KMS takes the request for wrong: a malformed name, an alias that exists, a limit on the account. */
  | 'refused'

const retryableCodes: readonly KmsFaultCode[] = ['throttled', 'unavailable']

export interface KmsFaultDetails {
  /** Name of the KMS operation. */
  operation: string
  /** Name of the error underneath, or what is wrong with the signature; never the KMS's message, which names accounts and identities. */
  reason: string
  /** For AWS support. */
  awsRequestId?: string
}

export class KmsFault extends Error {
  override readonly name = 'KmsFault'
  readonly code: KmsFaultCode
  /** The same call may succeed later. */
  readonly retryable: boolean
  readonly operation: string
  readonly reason: string
  readonly awsRequestId: string | undefined

  constructor (code: KmsFaultCode, details: KmsFaultDetails) {
    super(`kms ${details.operation}: ${code} (${details.reason})`)
    this.code = code
    this.retryable = retryableCodes.includes(code)
    this.operation = details.operation
    this.reason = details.reason
    this.awsRequestId = details.awsRequestId
  }
}

const codeByName: ReadonlyMap<string, KmsFaultCode> = new Map([
  ...names('throttled', 'ThrottlingException', 'Throttling', 'ThrottledException', 'TooManyRequestsException', 'RequestLimitExceeded', 'RequestThrottled', 'SlowDown'),
  ...names('denied', 'AccessDeniedException', 'AccessDenied', 'UnrecognizedClientException', 'InvalidSignatureException', 'SignatureDoesNotMatch',
    'ExpiredTokenException', 'ExpiredToken', 'InvalidClientTokenId', 'IncompleteSignature', 'MissingAuthenticationToken', 'MissingAuthenticationTokenException',
    'NotAuthorized', 'OptInRequired'),
  ...names('unavailable', 'KMSInternalException', 'DependencyTimeoutException', 'KeyUnavailableException', 'InternalFailure', 'ServiceUnavailable',
    'ServiceUnavailableException', 'TimeoutError', 'AbortError', 'RequestTimeout', 'RequestTimeoutException', 'CredentialsProviderError'),
  ...names('not_found', 'NotFoundException', 'InvalidArnException'),
  ...names('disabled', 'DisabledException', 'KMSInvalidStateException'),
  ...names('bad_key', 'InvalidKeyUsageException', 'UnsupportedOperationException', PublicKeyRefused.name),
  ...names('bad_signature', SignatureRefused.name)
])

function names (code: KmsFaultCode, ...all: string[]): [string, KmsFaultCode][] {
  return all.map((name) => [name, code])
}

interface Thrown { name?: string, code?: unknown, message?: string, $metadata?: { httpStatusCode?: number, requestId?: string } }

/** Turns whatever a call threw into a fault. The error itself is dropped: the SDK's holds the request with its authorization header. */
export function toKmsFault (error: unknown, operation: string): KmsFault {
  if (error instanceof KmsFault) return error
  const { name = 'Error', code: systemCode, message = '', $metadata } = (error ?? {}) as Thrown
  const status = $metadata?.httpStatusCode
  // No status and an unknown name: the request found no server (a refused connection, a dropped socket, a name that does not resolve).
  const code = codeByName.get(name) ?? (status === 429 ? 'throttled' : status === undefined || status >= 500 ? 'unavailable' : 'refused')
  const ours = error instanceof SignatureRefused || error instanceof PublicKeyRefused
  return new KmsFault(code, {
    operation,
    reason: ours ? message : typeof systemCode === 'string' ? systemCode : name,
    ...($metadata?.requestId === undefined ? {} : { awsRequestId: $metadata.requestId })
  })
}
