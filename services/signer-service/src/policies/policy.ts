import type { PolicyDocument } from '@countersign/contracts'

/** One version of the deployment's policy. Versions are added and never changed. */
export interface Policy {
  /** The same for all versions. */
  readonly id: string
  readonly version: number
  readonly document: PolicyDocument
  /** Of the document in canonical form: two equal documents are one version. */
  readonly sha256: string
  readonly createdAt: Date
  /** Null: it was set on the command line. */
  readonly change: PolicyChangeProof | null
}

/** The administrator's word, verifiable by whoever knows the document. */
export interface PolicyChangeProof {
  /** Id of the principal. */
  readonly administrator: string
  /** EIP-55. */
  readonly key: string
  /** EIP-712 digest of what was signed. */
  readonly digest: string
  readonly signature: string
  readonly previousSha256: string
  /** Seconds since the epoch. */
  readonly validUntil: number
}
