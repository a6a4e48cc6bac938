/**
 * A refresh token is (session, counter) under a MAC: the server need not keep it, a leaked database holds none, and the
 * successor of a token is always the same text, so a lost answer can be asked for again.
 */
import { constantTimeEqual, keyedHash } from '@countersign/secrets'

export interface RefreshTokenFields {
  readonly sessionId: string
  readonly counter: number
}

const form = /^csr1\.(ses_[0-9A-HJKMNP-TV-Z]{26})\.(0|[1-9][0-9]{0,9})\.([A-Za-z0-9_-]{43})$/

export type RefreshTokens = ReturnType<typeof createRefreshTokens>

/** @param key 32 bytes, derived for this purpose alone. */
export function createRefreshTokens (key: Uint8Array) {
  const macOf = (sessionId: string, counter: number): string => keyedHash(key, 'refresh', sessionId, String(counter)).toString('base64url')

  return {
    issue: ({ sessionId, counter }: RefreshTokenFields): string => `csr1.${sessionId}.${counter}.${macOf(sessionId, counter)}`,

    /** @returns undefined for anything that this key did not issue, in its one spelling. */
    read (token: string): RefreshTokenFields | undefined {
      const parts = form.exec(token)
      if (parts === null) return undefined
      const [, sessionId = '', counterText = '', mac = ''] = parts
      const counter = Number(counterText)
      return constantTimeEqual(mac, macOf(sessionId, counter)) ? { sessionId, counter } : undefined
    }
  }
}
