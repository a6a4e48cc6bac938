/** The earlier wallet system's API, joined: the same families, users and sessions, with connections of its own. */
import type { Audit } from '@countersign/mongo'
import { inTransaction } from '@countersign/mongo'
import { redisTime } from '@countersign/redis'
import type { Clock, Logger } from '@countersign/runtime'
import { deriveKey, randomHex, randomToken } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import type { composeSessions } from './compose-sessions.ts'
import type { composeWallets } from './compose-wallets.ts'
import type { GatewayConfig } from './config.ts'
import { createAuthenticateWallet } from './earlier/wallet-connection/authenticate-wallet.ts'
import { createConnectWallet } from './earlier/wallet-connection/connect-wallet.ts'
import { createConnectionCache } from './earlier/wallet-connection/connection-cache.ts'
import { createConnectionCookie } from './earlier/wallet-connection/connection-cookie.ts'
import { createConnectionRepository } from './earlier/wallet-connection/connection-repository.ts'
import { createDisconnectWallet } from './earlier/wallet-connection/disconnect-wallet.ts'
import { createPendingConnections } from './earlier/wallet-connection/pending-connections.ts'
import { createProveConnection } from './earlier/wallet-connection/prove-connection.ts'
import { createReadConnections } from './earlier/wallet-connection/read-connections.ts'
import { createRequestConnection } from './earlier/wallet-connection/request-connection.ts'
import { createWalletHealth } from './earlier/wallet-connection/wallet-health.ts'
import type { WalletConnectionRoutesDeps } from './routes/earlier-wallet-connection.ts'
import type { SignInReport } from './sign-in/report-sign-in.ts'
import type { Stores } from './stores.ts'
import type { UserRepository } from './users/user-repository.ts'

export interface ComposeWalletConnectionOptions {
  readonly config: GatewayConfig
  readonly stores: Pick<Stores, 'mongo' | 'redis'>
  readonly users: UserRepository
  readonly audit: Audit
  readonly report: SignInReport
  readonly wallets: Pick<ReturnType<typeof composeWallets>, 'families' | 'userOf'>
  readonly sessions: Pick<Awaited<ReturnType<typeof composeSessions>>, 'openWithSecret' | 'close' | 'repository' | 'epochs'>
  readonly clock: Clock
  readonly log: Logger
}

export function composeWalletConnection ({ config, stores: { mongo, redis }, users, audit, report, wallets: { families, userOf }, sessions: { openWithSecret, close, repository: sessions, epochs }, clock, log }: ComposeWalletConnectionOptions): WalletConnectionRoutesDeps['walletConnection'] {
  const connections = createConnectionRepository(mongo)
  const cache = createConnectionCache({ redis, load: connections.ofAddress, log })
  const pending = createPendingConnections({ redis, key: deriveKey(config.secretKey, 'wallet-connection-token'), ttlSeconds: config.signIn.ttlSeconds, newToken: () => randomToken(32) })
  const shared = { audit, cache, connections, close, inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => inTransaction(mongo, work) }
  const connect = createConnectWallet({
    ...shared, userOf, users, pending,
    prove: createProveConnection({ families, pending, users, report })
  })

  return {
    request: createRequestConnection({
      families, pending, ...config.signIn,
      now: async () => new Date(await redisTime(redis)),
      newNonce: () => randomHex(32)
    }),
    async connect (proof) {
      const connected = await connect(proof)
      report.succeeded(proof.walletType)
      return connected
    },
    authenticate: createAuthenticateWallet({ ...shared, users, pending, open: openWithSecret }),
    disconnect: createDisconnectWallet({ ...shared, sessions }),
    read: createReadConnections({ connections, cache, users, sessions, epochs }),
    health: createWalletHealth({ countConnections: connections.count, countActiveSessions: sessions.countActive, heapUsedBytes: () => process.memoryUsage().heapUsed, now: () => clock.now() }),
    networks: config.wallets.networks,
    cookie: createConnectionCookie(config.cookies),
    now: () => clock.now()
  }
}
