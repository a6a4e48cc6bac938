import type { Identity } from './identity.ts'

export interface User {
  readonly id: string
  readonly username: string
  /** The proved address, or null. */
  readonly email: string | null
  readonly identities: readonly (Identity & { readonly addedAt: Date })[]
  readonly createdAt: Date
  /** Grows with every change, so that an older copy never replaces a newer one. */
  readonly version: number
}
