/** The earlier wallet system's paths, each handed to the use case behind it. */
import {
  authenticateWallet, connectWallet, disconnectAddress, disconnectWallet, logOutWallet, Problem, problems, readAllWallets, readConnectedWallet, readGatewayStatus, readWalletHealth, readWalletOf,
  requestConnection, updateWalletProfile, verifyWalletSession, type Profile
} from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { NetworkOptions } from '@countersign/wallets'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuthenticateWallet } from '../earlier/wallet-connection/authenticate-wallet.ts'
import type { ConnectWallet } from '../earlier/wallet-connection/connect-wallet.ts'
import type { ConnectionCookie } from '../earlier/wallet-connection/connection-cookie.ts'
import type { Disconnection, DisconnectWallet } from '../earlier/wallet-connection/disconnect-wallet.ts'
import { networkOfRequest } from '../earlier/wallet-connection/network-of-request.ts'
import { profileView, type ReadConnections } from '../earlier/wallet-connection/read-connections.ts'
import type { RequestConnection } from '../earlier/wallet-connection/request-connection.ts'
import type { WalletHealth } from '../earlier/wallet-connection/wallet-health.ts'
import type { Closing } from '../sessions/close-session.ts'
import type { OriginCheck } from '../sessions/origin-check.ts'
import type { SessionCookies } from '../sessions/session-cookies.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import { userView } from '../users/user-view.ts'
import type { IdentityRoutesDeps } from './identities.ts'
import { tellHealth } from './open-pages.ts'
import { clientOf } from './wallet-sign-in.ts'

export interface WalletConnectionRoutesDeps extends Pick<IdentityRoutesDeps, 'updateUser'> {
  readonly walletConnection: {
    readonly request: RequestConnection
    readonly connect: ConnectWallet
    readonly authenticate: AuthenticateWallet
    readonly disconnect: DisconnectWallet
    readonly read: ReadConnections
    readonly health: () => Promise<WalletHealth>
    readonly networks: NetworkOptions
    readonly cookie: ConnectionCookie
    readonly now: () => Date
  }
  readonly close: (closing: Closing) => Promise<boolean>
  readonly cookies: Pick<SessionCookies, 'setSecret' | 'forget'>
  readonly checkOrigin: OriginCheck
  /** @throws Problem unauthorized */
  readonly sessionOf: (request: FastifyRequest) => Promise<OpenSession>
}

const answer = <Data>(data: Data, message: string) => ({ success: true as const, data, message })
const done = (message: string) => answer({ success: true as const, message }, message)

export function walletConnectionRoutes (app: FastifyInstance, deps: WalletConnectionRoutesDeps): void {
  const { walletConnection: { networks, health, now } } = deps
  void app.register(async (wallet) => {
    takeEmptyBodies(wallet)
    wallet.addHook('preValidation', async (request) => {
      request.body ??= {}
      networkOfRequest(request, networks)
    })
    signingRoutes(wallet, deps)
    ownerRoutes(wallet, deps)
    openRoutes(wallet, deps)
  })

  addRoute(app, readWalletHealth, async ({ reply }) => tellHealth(reply, await health()))
  addRoute(app, readGatewayStatus, () => Promise.resolve(answer({ status: 'ok' as const, timestamp: now().toISOString() }, 'The gateway is up')))
}

/** Earlier callers say application/json and send nothing, where there is nothing to say. */
function takeEmptyBodies (wallet: FastifyInstance): void {
  const parse = wallet.getDefaultJsonParser('error', 'error')
  wallet.removeContentTypeParser('application/json')
  wallet.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, parsed) => {
    if (body === '') parsed(null, {})
    else void parse(request, body as string, parsed)
  })
}

function signingRoutes (wallet: FastifyInstance, { walletConnection: { request: issue, connect, authenticate, networks, cookie }, cookies, checkOrigin }: WalletConnectionRoutesDeps): void {
  addRoute(wallet, requestConnection, async ({ body: { address }, request }) => {
    const network = networkOfRequest(request, networks)
    const { nonce, issuedAt, expiresAt, message } = await issue({ network, ...address !== undefined && { address } })
    return answer({ nonce, timestamp: issuedAt.getTime(), message, network, expiresAt: expiresAt.toISOString() }, 'Sign the message to connect your wallet')
  })

  addRoute(wallet, connectWallet, async ({ body: { walletType, address, publicKey, signature, nonce }, request, reply }) => {
    refuseForeignPages(request)
    const { connection, token, tokenSeconds } = await connect({ walletType, address, signature, nonce, requestId: request.id, ...publicKey !== undefined && { publicKey } })
    request.log.info({ user_id: connection.userId, wallet_type: walletType, network: connection.network }, 'Wallet connected')
    cookie.set(reply, token, tokenSeconds)
    secretAnswer(reply)
    const message = 'Wallet connected'
    return answer({
      success: true, address: connection.address, walletType, network: connection.network, connectedAt: connection.connectedAt.toISOString(), message,
      connectionToken: token, connectionTokenExpiresIn: tokenSeconds
    } as const, message)
  })

  addRoute(wallet, authenticateWallet, async ({ body: { address, walletType, publicKey, sessionDurationHours, connectionToken }, request, reply }) => {
    refuseForeignPages(request)
    if (connectionToken === undefined && cookie.tokenIn(request) !== undefined) checkOrigin(request)
    const { secret, session, ttlSeconds, connection } = await authenticate({
      address, walletType, token: connectionToken ?? cookie.tokenIn(request),
      ...publicKey !== undefined && { publicKey }, ...sessionDurationHours !== undefined && { durationHours: sessionDurationHours }
    }, clientOf(request))
    cookie.forget(request, reply)
    cookies.setSecret(reply, secret, session.expiresAt)
    secretAnswer(reply)
    const message = 'Session opened'
    return answer({
      sessionId: secret, sessionHandle: session.id, address: connection.address, walletType, expiresAt: session.expiresAt.toISOString(), expiresIn: ttlSeconds, message
    }, message)
  })

  /** Both set a cookie. Programs name no page and pass; a browser always does. */
  function refuseForeignPages (request: FastifyRequest): void {
    if (request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined) checkOrigin(request)
  }
}

const secretAnswer = (reply: FastifyReply): void => { void reply.header('cache-control', 'no-store') }

function ownerRoutes (wallet: FastifyInstance, { walletConnection: { read, disconnect }, close, cookies, updateUser }: WalletConnectionRoutesDeps): void {
  addRoute<typeof readConnectedWallet, OpenSession>(wallet, readConnectedWallet, async ({ session }) => {
    const found = await read.ofSession(session, session.user)
    if (found === undefined) throw new Problem(problems.notFound)
    return answer(found, 'The connected wallet')
  })

  addRoute<typeof readAllWallets, OpenSession>(wallet, readAllWallets, async ({ session }) => {
    const [own, connectedWallets] = await Promise.all([read.ofSession(session, session.user), read.ofUser(session.user)])
    return answer({ address: own?.address ?? null, connectedWallets, totalConnected: connectedWallets.length }, 'The connected wallets of this account')
  })

  addRoute<typeof disconnectWallet, OpenSession>(wallet, disconnectWallet, async ({ body: { address, walletType, reason }, session, request, reply }) =>
    await disconnectFor({ address, walletType, ...reason !== undefined && { reason } }, session, request, reply))

  addRoute<typeof disconnectAddress, OpenSession>(wallet, disconnectAddress, async ({ params: { address }, body: { reason }, session, request, reply }) =>
    await disconnectFor({ address, ...reason !== undefined && { reason } }, session, request, reply))

  addRoute<typeof logOutWallet, OpenSession>(wallet, logOutWallet, async ({ session, request, reply }) => {
    await close({ sessionId: session.id, reason: 'logout', requestId: request.id })
    cookies.forget(request, reply)
    return done('Logged out')
  })

  addRoute<typeof updateWalletProfile, OpenSession>(wallet, updateWalletProfile, async ({ body: { displayName, avatar, username, bio }, session }) => {
    const profile: Profile = { ...displayName !== undefined && { display_name: displayName }, ...avatar !== undefined && { avatar }, ...bio !== undefined && { bio } }
    const user = await updateUser(session.userId, session.id, { profile, ...username !== undefined && { username } })
    if (user === undefined) throw new Problem(problems.unauthorized)
    if (user === 'username taken') throw new Problem(problems.usernameTaken)
    return answer(profileView(userView(user)), 'Profile changed')
  })

  async function disconnectFor (given: Disconnection, { userId, id: sessionId }: OpenSession, request: FastifyRequest, reply: FastifyReply) {
    const { ownSessionEnded } = await disconnect(given, { userId, sessionId, requestId: request.id })
    if (ownSessionEnded) cookies.forget(request, reply)
    return done('Wallet disconnected')
  }
}

function openRoutes (wallet: FastifyInstance, { walletConnection: { read }, sessionOf }: WalletConnectionRoutesDeps): void {
  addRoute(wallet, readWalletOf, async ({ params: { address }, query: { walletType }, request }) => {
    const found = await read.ofAddress(address, walletType, await viewerOf(request))
    if (found === undefined) throw new Problem(problems.notFound)
    return answer(found, 'Wallet found')
  })

  addRoute(wallet, verifyWalletSession, async ({ params: { sessionId } }) => {
    const open = await read.openSession(sessionId)
    if (open === undefined) return answer({ valid: false, reason: 'no open session has this handle' }, 'The session is not open')
    const { connection: { address, walletType }, expiresAt } = open
    return answer({ valid: true, address, walletType, expiresAt: expiresAt.toISOString() }, 'The session is open')
  })

  /** A credential that is no good means a stranger here. */
  async function viewerOf (request: FastifyRequest): Promise<string | undefined> {
    try {
      return (await sessionOf(request)).userId
    } catch (error) {
      if (error instanceof Problem && error.kind === problems.unauthorized) return undefined
      throw error
    }
  }
}
