export type SessionState = 'active' | 'revoked' | 'expired'

export interface Session {
  readonly id: string
  readonly userId: string
  readonly state: SessionState
  readonly createdAt: Date
  readonly expiresAt: Date
  /** Of the newest refresh token. */
  readonly counter: number
  readonly endedReason?: string
}
