/** Whether a program signed this very request. Pure: the key is the principal's, and never one that the token brings along. */
import { verify as verifySignature } from 'node:crypto'
import { ServiceIntentClaims, serviceIntentSeconds, serviceIntentSkewSeconds, serviceIntentType } from '@countersign/contracts'
import { Compile } from 'typebox/compile'
import { keyOf, type IntentKey } from './intent-key.ts'

export interface ExpectedIntent {
  readonly principalId: string
  readonly deployment: string
  readonly idempotencyKey: string
  readonly requestSha256: string
  /** The database's time. */
  readonly at: Date
}

/** A label of audit rows, never shown to a caller. */
export type IntentRefusal = 'form' | 'header' | 'signature' | 'claims' | 'principal' | 'deployment' | 'idempotency_key' | 'request' | 'life' | 'replayed'

const claimsForm = Compile(ServiceIntentClaims)
const longest = 4_096
const segment = /^[A-Za-z0-9_-]+$/
const seconds = (at: Date): number => Math.floor(at.getTime() / 1_000)

export function verifyIntent (jws: string, key: IntentKey, expected: ExpectedIntent): { readonly claims: ServiceIntentClaims } | { readonly refusal: IntentRefusal } {
  const [header = '', payload = '', signature = '', ...more] = jws.length > longest ? [] : jws.split('.')
  if (more.length > 0 || ![header, payload, signature].every((part) => segment.test(part))) return { refusal: 'form' }
  if (!isOurHeader(read(header), key)) return { refusal: 'header' }
  // RFC 7518 §3.4: the two numbers side by side, and not DER.
  const given = { key: keyOf(key), dsaEncoding: 'ieee-p1363' } as const
  if (!verifySignature(key.kty === 'OKP' ? null : 'sha256', Buffer.from(`${header}.${payload}`), given, Buffer.from(signature, 'base64url'))) return { refusal: 'signature' }
  const claims = read(payload)
  if (!claimsForm.Check(claims)) return { refusal: 'claims' }
  const refusal = mismatchOf(claims, expected)
  return refusal === undefined ? { claims } : { refusal }
}

/** Exactly the algorithm of the key, and nothing that would have to be understood (RFC 8725 §3.1). A `kid` says nothing: there is one key. */
function isOurHeader (header: unknown, { kty }: IntentKey): boolean {
  if (typeof header !== 'object' || header === null) return false
  const { alg, typ, kid, ...rest } = header as Record<string, unknown>
  return alg === (kty === 'OKP' ? 'EdDSA' : 'ES256') && typ === serviceIntentType && (kid === undefined || typeof kid === 'string') && Object.keys(rest).length === 0
}

function mismatchOf ({ iss, aud, idempotency_key: key, request_sha256: sha256, iat, exp }: ServiceIntentClaims, { principalId, deployment, idempotencyKey, requestSha256, at }: ExpectedIntent): IntentRefusal | undefined {
  const now = seconds(at)
  const checks: readonly (readonly [boolean, IntentRefusal])[] = [
    [iss === principalId, 'principal'],
    [aud === deployment, 'deployment'],
    [key === idempotencyKey, 'idempotency_key'],
    [sha256 === requestSha256, 'request'],
    [exp > iat && exp - iat <= serviceIntentSeconds && iat <= now + serviceIntentSkewSeconds && exp > now, 'life']
  ]
  return checks.find(([holds]) => !holds)?.[1]
}

function read (part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
