/** Everything about sessions, joined: tokens, state, opening, refreshing, closing, and what watches over them. */
import { freshProofSeconds } from '@countersign/contracts'
import { createAudit, inTransaction, type Audit, type Mongo, type OutboxRow } from '@countersign/mongo'
import { withLock } from '@countersign/redis'
import { newId, type Clock, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { createCursors, deriveKey, keyFromText, randomToken } from '@countersign/secrets'
import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { ClientSession } from 'mongodb'
import type { GatewayConfig } from './config.ts'
import { createTellUser } from './mail/tell-user.ts'
import { createWriteMail } from './mail/write-mail.ts'
import { announceExpiry } from './sessions/announce-expiry.ts'
import { createAccessTokens, type AccessTokens } from './sessions/access-token.ts'
import { createCloseOwnSession } from './sessions/close-own-session.ts'
import { createCloseSession } from './sessions/close-session.ts'
import { createDeviceRepository } from './sessions/device-repository.ts'
import { deviceOf } from './sessions/device.ts'
import { watchEndedSessions } from './sessions/ended-sessions.ts'
import { createGrantTokens } from './sessions/grant-tokens.ts'
import { createIntrospectToken } from './sessions/introspect-token.ts'
import { createListSessions } from './sessions/list-sessions.ts'
import { createNoteDevice } from './sessions/note-device.ts'
import { createOpenSession, createOpenWithSecret, createStoreSession } from './sessions/open-session.ts'
import { createOriginCheck } from './sessions/origin-check.ts'
import { createRefreshSession } from './sessions/refresh-session.ts'
import { createRefreshTokens } from './sessions/refresh-token.ts'
import { createReportReuse } from './sessions/report-reuse.ts'
import { createRevocations } from './sessions/revoke-sessions.ts'
import { createRevokeToken } from './sessions/revoke-token.ts'
import { createSecretHolders } from './sessions/secret-holders.ts'
import { startSeenSessions } from './sessions/seen-sessions.ts'
import { startSessionCleanup } from './sessions/session-cleanup.ts'
import { createSessionCookies } from './sessions/session-cookies.ts'
import { createSessionGuard } from './sessions/session-guard.ts'
import { createSessionRepository, type SessionRepository } from './sessions/session-repository.ts'
import { createSessionSecrets } from './sessions/session-secret.ts'
import { createSessionStates, keptMs } from './sessions/session-state.ts'
import { deliverTokens } from './sessions/token-delivery.ts'
import { createStoreOpening } from './sessions/store-openings.ts'
import { createKeySeal } from './signing-keys/key-seal.ts'
import { createSigningKeyRotation } from './signing-keys/rotate-signing-keys.ts'
import { createSigningKeyRepository } from './signing-keys/signing-key-repository.ts'
import { watchSigningKeys } from './signing-keys/watch-signing-keys.ts'
import type { Stores } from './stores.ts'
import { createSessionEpochs } from './users/session-epochs.ts'
import type { UserRepository } from './users/user-repository.ts'

export interface ComposeSessionsOptions {
  readonly config: GatewayConfig
  readonly stores: Stores
  readonly app: FastifyInstance
  readonly users: UserRepository
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
}

export async function composeSessions ({ config, stores: { mongo, redis, outbox, dispatcher }, app, users, clock, log, metrics, lifecycle }: ComposeSessionsOptions) {
  const audit = createAudit(mongo.db)
  const sessions = createSessionRepository(mongo, config.sessions)
  const epochs = createSessionEpochs(mongo)
  const ended = await watchEndedSessions({ sessions, epochs, log, memoryMs: 2 * keptMs })
  lifecycle.onStop('ended sessions', () => ended.close())
  const seen = startSeenSessions({ sessions, log })
  lifecycle.onStop('seen sessions', () => seen.close())
  const states = createSessionStates({ redis, sessions, users, ended, seen, log })
  const accessTokens = createAccessTokens({ ...config.tokens, random: Math.random })
  await followKeys({ config, mongo, audit, accessTokens, log, lifecycle })
  const refreshTokens = createRefreshTokens(deriveKey(config.secretKey, 'refresh-token'))
  const grant = createGrantTokens({ accessTokens, refreshTokens })

  const durations = metrics.histogram({ name: 'wallet_session_duration_seconds', help: 'Life of closed sessions', buckets: [60, 300, 3_600, 86_400] })
  const ending = {
    sessions, states, audit,
    inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => inTransaction(mongo, work),
    ended: (createdAt: Date) => { durations.observe((clock.now().getTime() - createdAt.getTime()) / 1000) }
  }
  const close = createCloseSession(ending)
  const writeMail = createWriteMail({ outbox, sealKey: keyFromText(config.mailSealKey), now: () => clock.now() })
  const closeReused = createReportReuse({ users, close, writeMail, dispatch: (row) => dispatcher.dispatch(row), now: () => clock.now() })
  const secrets = createSessionSecrets(deriveKey(config.secretKey, 'session-secret'), () => randomToken(32))
  const cookies = createSessionCookies(config.cookies)
  const checkOrigin = createOriginCheck(config.cookies.origins)
  await app.register(fastifyCookie)
  deliverTokens(app, { cookies, checkOrigin })
  announceExpiry(app, () => clock.now())
  const devices = createNoteDevice({ devices: createDeviceRepository(mongo), sessions, deviceOf, key: deriveKey(config.secretKey, 'device'), inTransaction: ending.inTransaction, writeMail, now: () => clock.now() })
  const dispatch = (row: OutboxRow): Promise<void> => dispatcher.dispatch(row)
  const store = createStoreSession({ ...ending, storeOpening: createStoreOpening(ending), close, devices, dispatch, newId: () => newId('ses') })
  const holderOf = createSecretHolders({ secrets, sessions })
  watchOver({ config, sessions, redis, log, metrics, lifecycle })

  return {
    repository: sessions,
    epochs,
    writeMail,
    tellUser: createTellUser({ writeMail, dispatch: (row) => dispatcher.dispatch(row), now: () => clock.now() }),
    states,
    stillOpen: sessions.stillOpen,
    isFresh: (sessionId: string) => sessions.provedWithin(sessionId, freshProofSeconds),
    jwks: () => accessTokens.jwks(),
    guard: createSessionGuard({ accessTokens, holderOf, cookies, checkOrigin, states }),
    cookies,
    checkOrigin,
    open: createOpenSession({ store, grant, ttlSeconds: config.sessions.ttlSeconds }),
    /** For callers of the earlier API: a session with a secret in place of tokens. */
    openWithSecret: createOpenWithSecret({ store, secrets, hours: config.sessions.hours }),
    refresh: createRefreshSession({ sessions, users, refreshTokens, grant, closeReused }),
    introspect: createIntrospectToken({ accessTokens, refreshTokens, holderOf, sessions, states, issuer: config.tokens.issuer }),
    revokeToken: createRevokeToken({ accessTokens, refreshTokens, holderOf, close }),
    close,
    closeOwn: createCloseOwnSession({ sessions, close }),
    revocations: createRevocations({ ...ending, epochs }),
    list: createListSessions({ sessions, epochs, cursors: createCursors(deriveKey(config.secretKey, 'session-cursor')), deviceOf })
  }
}

async function followKeys ({ config: { secretKey, tokens }, mongo, audit, accessTokens, log, lifecycle }: Pick<ComposeSessionsOptions, 'config' | 'log' | 'lifecycle'> & { mongo: Mongo, audit: Audit, accessTokens: AccessTokens }): Promise<void> {
  const keys = createSigningKeyRepository(mongo)
  const keySeal = createKeySeal(deriveKey(secretKey, 'signing-key'))
  const rotation = createSigningKeyRotation({ keys, keySeal, audit, tokenSeconds: tokens.ttlSeconds, inTransaction: (work) => inTransaction(mongo, work) })
  const watch = await watchSigningKeys({ keys, rotation, keySeal, accessTokens, ownKey: tokens.privateJwk, previousKeys: tokens.previousJwks?.keys ?? [], log })
  lifecycle.onStop('signing keys', () => watch.close())
}

function watchOver ({ config, sessions, redis, log, metrics, lifecycle }: Pick<ComposeSessionsOptions, 'config' | 'log' | 'metrics' | 'lifecycle'> & { sessions: SessionRepository, redis: Stores['redis'] }): void {
  const active = metrics.gauge({ name: 'wallet_sessions_active', help: 'Open sessions at the last cleanup', labels: ['network'] })
  const cleanup = startSessionCleanup({
    sessions, log, intervalMs: config.sessions.cleanupIntervalMs,
    setActive: (counts) => {
      active.reset()
      for (const [network, count] of counts) active.set({ network }, count)
    },
    alone: async (work) => (await withLock({ redis, log }, 'gw:lock:session-cleanup', 60_000, work)).held
  })
  lifecycle.onStop('session cleanup', () => cleanup.close())
}
