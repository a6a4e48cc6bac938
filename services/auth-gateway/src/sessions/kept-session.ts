/** What is kept of an open session outside MongoDB, and as what text. */
import type { IdentityKind } from '@countersign/contracts'

export interface KeptSession {
  readonly id: string
  readonly userId: string
  readonly epoch: number
  readonly method: IdentityKind
  readonly identityId: string
  readonly connectionId?: string
  readonly openedAt: Date
  /** Its absolute end, for answers; its life is counted where the copy lies. */
  readonly expiresAt: Date
}

export const writeKeptSession = (session: KeptSession): string => JSON.stringify(session)

export function readKeptSession (text: string): KeptSession {
  const { openedAt, expiresAt, ...rest } = JSON.parse(text) as KeptSession
  return { ...rest, openedAt: new Date(openedAt), expiresAt: new Date(expiresAt) }
}
