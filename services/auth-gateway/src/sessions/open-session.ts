import type { TokenReply } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { userView } from '../users/user-view.ts'
import type { User } from '../users/user.ts'
import type { AccessTokens } from './access-token.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { Session } from './session.ts'
import type { SessionRepository } from './session-repository.ts'
import type { SessionStates } from './session-state.ts'

export interface ClientDescription {
  readonly ip: string
  readonly userAgent: string
  readonly requestId: string
}

export interface OpenSessionDeps {
  readonly sessions: Pick<SessionRepository, 'open'>
  readonly states: Pick<SessionStates, 'keep'>
  readonly audit: Audit
  readonly grant: GrantTokens
  readonly newId: () => string
  readonly ttlSeconds: number
}

export type GrantTokens = ReturnType<typeof createGrantTokens>

/** The tokens of a session at its present counter, with the user they stand for. */
export const createGrantTokens = ({ accessTokens, refreshTokens }: { accessTokens: Pick<AccessTokens, 'issue' | 'ttlSeconds'>, refreshTokens: Pick<RefreshTokens, 'issue'> }) =>
  (session: Session, user: User): TokenReply => ({
    access_token: accessTokens.issue({ userId: user.id, sessionId: session.id }),
    token_type: 'bearer',
    expires_in: accessTokens.ttlSeconds,
    refresh_token: refreshTokens.issue({ sessionId: session.id, counter: session.counter }),
    user: userView(user)
  })

export const createOpenSession = ({ sessions, states, audit, grant, newId, ttlSeconds }: OpenSessionDeps) =>
  async ({ user, identity }: SignedIn, { ip, userAgent, requestId }: ClientDescription): Promise<TokenReply> => {
    const session = await sessions.open({ id: newId(), userId: user.id, identityId: identity.id, method: identity.kind, ttlSeconds, client: { ip, userAgent } })
    await audit.append({ event: 'session.opened', subject: session.id, actor: user.id, requestId, facts: { method: identity.kind } })
    await states.keep(session.id, user, ttlSeconds * 1000)
    return grant(session, user)
  }
