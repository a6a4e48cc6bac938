/** The whole gateway, joined: stores, adapters, use cases, server. */
import { countMoves, mailHeartbeatKey, Problem, problems } from '@countersign/contracts'
import { createServer, listenOn, startOpsServer } from '@countersign/http'
import { createAudit, inTransaction } from '@countersign/mongo'
import { clockFrom, createMetrics, newId, type Clock, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { createReceiptVerifier, deriveKey } from '@countersign/secrets'
import { secp256k1Backend } from '@countersign/wallet-proofs'
import type { FastifyRequest } from 'fastify'
import { serve } from './app.ts'
import { composeAccount } from './compose-account.ts'
import { composeAccess } from './compose-access.ts'
import { composeEmail } from './compose-email.ts'
import { composeLimits } from './compose-limits.ts'
import { composePasskeys } from './compose-passkeys.ts'
import { composeSessions } from './compose-sessions.ts'
import { composeStepUps } from './compose-step-ups.ts'
import { composeWalletConnection } from './compose-wallet-connection.ts'
import { composeWalletOtp } from './compose-wallet-otp.ts'
import { composeWallets } from './compose-wallets.ts'
import type { GatewayConfig } from './config.ts'
import { createAskConfirmation } from './email/ask-confirmation.ts'
import { createConfirmEmail } from './email/confirm-email.ts'
import { isOutage } from './health/outage.ts'
import { createPublicHealth } from './health/public-health.ts'
import { createPasswordRepository } from './passwords/password-repository.ts'
import { createSignInReport } from './sign-in/report-sign-in.ts'
import { createTellFactorAdded } from './step-ups/tell-factor-added.ts'
import { createTellFirstFactor } from './step-ups/tell-first-factor.ts'
import { openStores, type Stores } from './stores.ts'
import { createMoveWatch } from './transactions/move-watch.ts'
import { createIdentityRepository } from './users/identity-repository.ts'
import { createUserRepository } from './users/user-repository.ts'

const service = 'auth-gateway'

export interface Gateway {
  /** Of the public port. */
  readonly url: string
  readonly opsUrl: string
}

export async function compose (config: GatewayConfig, log: Logger, lifecycle: Lifecycle): Promise<Gateway> {
  sayBackend(log)
  const clock = clockFrom(config.clockOffsetMs)
  const metrics = createMetrics({ service, sha: config.log.sha, environment: config.label })
  const stores = await openStores({ config, log, metrics, lifecycle })
  const audit = createAudit(stores.mongo.db)
  const users = createUserRepository({ mongo: stores.mongo, audit, now: () => clock.now(), newId: () => newId('usr') })
  const identities = createIdentityRepository({ mongo: stores.mongo, now: () => clock.now() })
  const passwords = createPasswordRepository(stores.mongo)

  // The server takes its guard when it is made, and the guard's tokens are made by the server's plugin.
  let guard: (request: FastifyRequest) => Promise<unknown> = () => Promise.reject(new Problem(problems.unavailable))
  const app = await createServer({
    service, log, metrics,
    trustedHops: config.http.trustedHops,
    corsOrigins: config.http.corsOrigins,
    accessLog: config.http.accessLog,
    rateLimit: { ...config.rateLimit, redis: stores.redis },
    sessionGuard: (request) => guard(request),
    isOutage
  })
  const { remembering } = composeLimits({ config, redis: stores.redis, app, log })
  const sessions = await composeSessions({ config, stores, app, users, clock, log, metrics, lifecycle })
  const { guard: access, revokeKeysMadeBy, ...operations } = composeAccess({ config, stores, users, audit, sessions, log })
  guard = access

  const { commands } = stores
  const receipts = createReceiptVerifier(config.receiptKeys)
  const report = createSignInReport({ audit, metrics, log })
  const tellFactorAdded = createTellFactorAdded({
    writeMail: sessions.writeMail, dispatch: (row) => stores.dispatcher.dispatch(row), inTransaction: (work) => inTransaction(stores.mongo, work), now: () => clock.now(), log
  })
  const tellFirstFactor = createTellFirstFactor({ commands, users, tell: tellFactorAdded })
  const wallets = composeWallets({ config, redis: stores.redis, users, identities, passwords, audit, report, sessions, revokeKeysMadeBy, log, metrics, lifecycle })
  await serve(app, {
    jwks: sessions.jwks,
    passkeyOrigins: config.cookies.origins,
    health: composeHealth(config, stores, clock),
    ...wallets,
    walletConnection: composeWalletConnection({ config, stores, users, audit, report, wallets, sessions: { ...sessions, openWithSecret: remembering(sessions.openWithSecret) }, clock, log }),
    ...composeEmail({ config, stores, users, identities, passwords, audit, report, sessions, revokeKeysMadeBy, receipts, clock, log, lifecycle }),
    walletOtp: composeWalletOtp(stores, metrics),
    ...operations,
    ...composeAccount({ config, stores, users, passwords, audit, sessions, verifyReceipt: (jws) => receipts.verify(jws), clock, log, metrics, lifecycle }),
    openSession: remembering(sessions.open),
    sessionOf: sessions.guard,
    updateUser: async (id, sessionId, changes) => {
      const user = await users.update(id, changes)
      if (typeof user === 'object') await sessions.states.userChanged(user, sessionId)
      return user
    },
    refresh: sessions.refresh,
    close: sessions.close,
    closeOwn: sessions.closeOwn,
    revokeSessions: sessions.revocations.revoke,
    listSessions: sessions.list,
    cookies: sessions.cookies,
    checkOrigin: sessions.checkOrigin,
    introspect: sessions.introspect,
    revokeToken: sessions.revokeToken,
    commands,
    moveWatch: createMoveWatch({ log, countMoves: async (ids) => (await commands.call(countMoves, { ids: [...ids] }, { requestId: newId('req') })).moves }),
    ...composeStepUps({ config, stores, users, audit, verifyReceipt: (jws) => receipts.verify(jws), unlink: wallets.unlink, tellFirstFactor }),
    ...composePasskeys({ config, stores, users, identities, audit, report, sessions, verifyReceipt: (jws) => receipts.verify(jws), tellFirstFactor }),
    confirmEmail: createConfirmEmail({
      ask: createAskConfirmation({ commands, commandKey: deriveKey(config.secretKey, 'command-id') }),
      verifyReceipt: (jws) => receipts.verify(jws),
      users,
      tellFactorAdded,
      states: sessions.states,
      audit
    })
  })

  const opsUrl = await startOperations(config, stores, { log, metrics, lifecycle })
  const { host, port: wanted, compatibilityPorts } = config.http
  lifecycle.onStop('public port', () => app.close())
  // The ports of the earlier systems serve the same application.
  const [port] = await listenOn(app, { host, ports: [wanted, ...compatibilityPorts.filter((other) => other !== wanted)] })
  const url = `http://${host}:${port}`
  log.info({ url, ops: opsUrl }, 'gateway listens')
  return { url, opsUrl }
}

function sayBackend (log: Logger): void {
  const secp256k1 = secp256k1Backend()
  if (secp256k1 === 'native') log.info({ secp256k1 }, 'signatures are checked by the native library')
  else log.warn({ secp256k1 }, 'the native secp256k1 library did not load: signatures are checked in JavaScript, about 10 times slower')
}

const composeHealth = (config: GatewayConfig, { mongo, redis }: Stores, clock: Clock) => createPublicHealth({
  environment: config.label,
  pingDatabase: () => mongo.ping(),
  pingRedis: async () => await redis.ping() === 'PONG',
  mailHeartbeat: async () => await redis.exists(mailHeartbeatKey) === 1,
  now: () => clock.now()
})

async function startOperations (config: GatewayConfig, { mongo, redis }: Stores, { log, metrics, lifecycle }: { log: Logger, metrics: Metrics, lifecycle: Lifecycle }): Promise<string> {
  const missing = async (): Promise<string[]> => {
    const [database, cache] = await Promise.all([mongo.ping(), redis.ping().then(() => true, () => false)])
    return [...database ? [] : ['MongoDB does not answer'], ...cache ? [] : ['Redis does not answer']]
  }
  const ops = await startOpsServer({
    ...config.ops, log, metrics,
    health: async () => {
      const healthy = (await missing()).length === 0
      return { healthy, body: { status: healthy ? 'healthy' : 'unhealthy' } }
    },
    ready: async () => {
      const reasons = await missing()
      return { ready: reasons.length === 0, reasons }
    }
  })
  lifecycle.onStop('operations port', () => ops.close())
  return ops.url
}
