/** What is kept of an open session outside MongoDB, and as what text. */
import type { Session } from './session.ts'

/** `expiresAt`, its absolute end, is for answers; its life is counted where the copy lies. */
export interface KeptSession extends Pick<Session, 'id' | 'userId' | 'epoch' | 'method' | 'identityId' | 'connectionId' | 'expiresAt'> {
  readonly openedAt: Date
}

export const writeKeptSession = (session: KeptSession): string => JSON.stringify(session)

export function readKeptSession (text: string): KeptSession {
  const { openedAt, expiresAt, ...rest } = JSON.parse(text) as KeptSession
  return { ...rest, openedAt: new Date(openedAt), expiresAt: new Date(expiresAt) }
}
