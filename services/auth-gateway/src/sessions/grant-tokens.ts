import type { TokenReply } from '@countersign/contracts'
import { userView } from '../users/user-view.ts'
import type { User } from '../users/user.ts'
import type { AccessTokens } from './access-token.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { Session } from './session.ts'

export interface GrantDeps {
  readonly accessTokens: Pick<AccessTokens, 'issue'>
  readonly refreshTokens: Pick<RefreshTokens, 'issue'>
}

export type GrantTokens = ReturnType<typeof createGrantTokens>

/** The tokens of a session at its present counter, with the user they stand for. */
export const createGrantTokens = ({ accessTokens, refreshTokens }: GrantDeps) =>
  (session: Session, user: User): TokenReply => {
    const { token, expiresInSeconds } = accessTokens.issue({ userId: user.id, sessionId: session.id })
    return {
      access_token: token,
      token_type: 'bearer',
      expires_in: expiresInSeconds,
      refresh_token: refreshTokens.issue({ sessionId: session.id, counter: session.counter }),
      session_expires_at: session.expiresAt.toISOString(),
      user: userView(user)
    }
  }
