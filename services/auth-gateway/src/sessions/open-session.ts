import { Problem, problems, type TokenReply } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import type { SessionEpochs } from '../users/session-epochs.ts'
import { userView } from '../users/user-view.ts'
import type { User } from '../users/user.ts'
import type { AccessTokens } from './access-token.ts'
import type { CloseSession } from './close-session.ts'
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
  readonly epochs: Pick<SessionEpochs, 'of'>
  readonly states: Pick<SessionStates, 'keep'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly close: CloseSession
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

export type SessionOpener = ReturnType<typeof createOpenSession>

/**
 * A revocation of all sessions raises the user's epoch before it ends what it finds. So either it finds this session, or the epoch read
 * here after the session was stored is the raised one, and the session ends before anybody holds a token of it.
 * @throws Problem sessionClosed when all sessions of the user were revoked since the sign-in began
 */
export const createOpenSession = ({ sessions, epochs, states, audit, inTransaction, close, grant, newId, ttlSeconds }: OpenSessionDeps) =>
  async ({ user, identity }: SignedIn, { ip, userAgent, requestId }: ClientDescription): Promise<TokenReply> => {
    const opening = { id: newId(), userId: user.id, epoch: user.sessionEpoch, method: identity.kind, identityId: identity.id, ttlSeconds, client: { ip, userAgent } }
    const session = await inTransaction(async (transaction) => {
      const opened = await sessions.open(opening, transaction)
      await audit.append({ event: 'session.opened', subject: opened.id, actor: user.id, requestId, facts: { method: identity.kind } }, transaction)
      return opened
    })
    if (await epochs.of(user.id) !== session.epoch) {
      await close({ sessionId: session.id, reason: 'sessions_revoked', requestId })
      throw new Problem(problems.sessionClosed)
    }
    await states.keep(session, user, ttlSeconds * 1000)
    return grant(session, user)
  }
