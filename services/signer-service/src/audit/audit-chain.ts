/**
 * How audit rows hang together: each is hashed with its number and the hash before it, and a checkpoint over the last hash is signed.
 * Pure, and all of it is needed to check an export on a machine that knows nothing else.
 */
import { createHash, verify, type KeyObject } from 'node:crypto'
import { canonicalJson, type CanonicalValue } from './canonical-json.ts'

/** The chain of rows that belong to no wallet: policies, principals, refusals. */
export const deploymentChain = 'deployment'

/** A row as it is hashed and exported. */
export interface ChainedRow {
  readonly id: string
  readonly event: string
  readonly subject: string
  readonly actor: string | null
  readonly request_id: string | null
  readonly wallet_id: string | null
  readonly facts: Readonly<Record<string, CanonicalValue>>
  /** `seconds:ordinal` of the database's own clock. */
  readonly recorded_at: string
}

export interface Checkpoint {
  readonly version: 1
  readonly deployment: string
  readonly chain: string
  /** Number of the last row that it covers; rows are counted from 1. */
  readonly sequence: number
  /** Of that row, 64 hex digits. */
  readonly hash: string
  /** RFC 3339, by the database's clock. */
  readonly sealed_at: string
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

/** What stands before the first row: a chain of one deployment or wallet is none of another's. */
export const beginOf = (deployment: string, chain: string): string => sha256(canonicalJson({ countersign: 'audit/v1', deployment, chain }))

/** @param previous hash of the row before, or `beginOf`. @returns 64 hex digits */
export const linkHash = (sequence: number, previous: string, row: ChainedRow): string =>
  sha256(canonicalJson({ sequence, previous, row: row as unknown as CanonicalValue }))

/** What a checkpoint's signature (ECDSA over secp256k1 with SHA-256, r and s of 32 bytes each) is made over, UTF-8. */
export const checkpointText = (checkpoint: Checkpoint): string => canonicalJson({ ...checkpoint })

export const checkpointDigest = (checkpoint: Checkpoint): Uint8Array => createHash('sha256').update(checkpointText(checkpoint), 'utf8').digest()

/** @param signature 0x and 128 hex digits */
export function isSignedBy (checkpoint: Checkpoint, signature: string, keys: readonly KeyObject[]): boolean {
  if (!/^0x[0-9a-f]{128}$/.test(signature)) return false
  const [text, bytes] = [Buffer.from(checkpointText(checkpoint), 'utf8'), Buffer.from(signature.slice(2), 'hex')]
  return keys.some((key) => verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, bytes))
}

/** Earlier, equal or later in the database's own order. @returns below, at or above 0 */
export function compareRecorded (a: string, b: string): number {
  const [at, ai] = a.split(':').map(Number) as [number, number]
  const [bt, bi] = b.split(':').map(Number) as [number, number]
  return at === bt ? ai - bi : at - bt
}
