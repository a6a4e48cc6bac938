import type { AccessTokens } from './access-token.ts'
import type { CloseSession } from './close-session.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { SecretHolders } from './secret-holders.ts'

export interface RevokeTokenDeps {
  readonly accessTokens: Pick<AccessTokens, 'read'>
  readonly refreshTokens: Pick<RefreshTokens, 'read'>
  readonly holderOf: SecretHolders
  readonly close: CloseSession
}

export type RevokeToken = ReturnType<typeof createRevokeToken>

/** Ends the session of a token of ours, also of a refresh token that was used before: whoever holds one may end what it stood for. */
export const createRevokeToken = ({ accessTokens, refreshTokens, holderOf, close }: RevokeTokenDeps) =>
  async (token: string, requestId: string): Promise<void> => {
    const holder = accessTokens.read(token) ?? refreshTokens.read(token) ?? await holderOf(token)
    if (holder !== undefined) await close({ sessionId: holder.sessionId, reason: 'token_revoked', requestId })
  }
