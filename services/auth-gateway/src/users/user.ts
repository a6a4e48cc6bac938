import type { Profile, Role } from '@countersign/contracts'
import type { LinkedIdentity } from './identity.ts'

/** Of a new account. */
export const firstEpoch = 0

export interface User {
  readonly id: string
  readonly username: string
  /** The proved address, or null. */
  readonly email: string | null
  readonly roles: readonly Role[]
  readonly profile: Profile
  readonly identities: readonly LinkedIdentity[]
  readonly createdAt: Date
  /** Grows with every change, so that an older copy never replaces a newer one. */
  readonly version: number
  /** Grows when all sessions are revoked: one of an older epoch is dead. A sign-in carries it from before its proof was checked until its session is open. */
  readonly sessionEpoch: number
}
