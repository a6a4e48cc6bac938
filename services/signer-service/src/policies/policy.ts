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
}
