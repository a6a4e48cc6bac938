import type { IdentityKind } from '@countersign/contracts'

export type SessionState = 'active' | 'revoked' | 'expired'

export interface SessionClient {
  /** As limits count it: the /64 of an IPv6 address. */
  readonly ip: string
  readonly userAgent: string
}

export interface Session {
  readonly id: string
  readonly userId: string
  /** Of its user when the sign-in began; the session is dead once its user's is greater. */
  readonly epoch: number
  /** Kind of the login that opened it. */
  readonly method: IdentityKind
  /** The login that opened it. */
  readonly identityId: string
  /** The wallet connection through which the earlier API opened it. */
  readonly connectionId?: string
  readonly state: SessionState
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly lastSeenAt: Date
  /** Of the newest refresh token. */
  readonly counter: number
  readonly client: SessionClient
  readonly endedReason?: string
}
