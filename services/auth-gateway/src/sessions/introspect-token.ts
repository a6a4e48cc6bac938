import type { Introspection } from '@countersign/contracts'
import type { AccessTokens } from './access-token.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { SecretHolders } from './secret-holders.ts'
import type { SessionRepository } from './session-repository.ts'
import type { SessionStates } from './session-state.ts'

export interface IntrospectDeps {
  readonly accessTokens: Pick<AccessTokens, 'read'>
  readonly refreshTokens: Pick<RefreshTokens, 'read'>
  readonly holderOf: SecretHolders
  readonly sessions: Pick<SessionRepository, 'findLive'>
  readonly states: Pick<SessionStates, 'find'>
  /** Of access tokens; also their audience. */
  readonly issuer: string
}

export type IntrospectToken = (token: string) => Promise<Introspection>

/** Exactly this, whatever the reason (RFC 7662 §2.2). */
const inactive: Introspection = Object.freeze({ active: false })

/** Nothing is remembered about a token here: its session is asked each time, as for any request that carries it. */
export const createIntrospectToken = ({ accessTokens, refreshTokens, holderOf, sessions, states, issuer }: IntrospectDeps): IntrospectToken => {
  return async (token) => await ofAccessToken(token) ?? await ofRefreshToken(token) ?? await ofSecret(token) ?? inactive

  async function ofAccessToken (token: string): Promise<Introspection | undefined> {
    const claims = accessTokens.read(token)
    const session = claims === undefined ? undefined : await states.find(claims.sessionId, claims.userId)
    if (claims === undefined || session === undefined) return undefined
    return { active: true, token_type: 'bearer', sub: session.userId, sid: session.id, exp: claims.expiresAt, iat: claims.issuedAt, iss: issuer, aud: issuer }
  }

  async function ofRefreshToken (token: string): Promise<Introspection | undefined> {
    const fields = refreshTokens.read(token)
    const session = fields === undefined ? undefined : await sessions.findLive(fields.sessionId)
    // Only the newest is good: its parent is granted no more than a repeated answer.
    if (session === undefined || session.counter !== fields?.counter) return undefined
    return await ofSession('refresh_token', session.id, session.userId)
  }

  async function ofSecret (token: string): Promise<Introspection | undefined> {
    const holder = await holderOf(token)
    return holder === undefined ? undefined : await ofSession('session_secret', holder.sessionId, holder.userId)
  }

  async function ofSession (kind: 'refresh_token' | 'session_secret', id: string, userId: string): Promise<Introspection | undefined> {
    const session = await states.find(id, userId)
    if (session === undefined) return undefined
    return { active: true, token_type: kind, sub: userId, sid: id, exp: seconds(session.expiresAt), iat: seconds(session.openedAt), iss: issuer, aud: issuer }
  }
}

const seconds = (at: Date): number => Math.floor(at.getTime() / 1000)
