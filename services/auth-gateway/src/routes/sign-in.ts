import { challengeEvm, logout, refreshSession, verifyEvm, type TokenReply } from '@countersign/contracts'
import { addRoute, clientIp } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { IssuedChallenge } from '../challenges/issue-challenge.ts'
import type { Closing } from '../sessions/close-session.ts'
import type { ClientDescription } from '../sessions/open-session.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import type { SignInRequest } from '../sign-in/sign-in-evm.ts'
import type { User } from '../users/user.ts'

export interface SignInRoutesDeps {
  readonly issueChallenge: (given: { address: string, chainId?: number }) => Promise<IssuedChallenge>
  readonly signInEvm: (request: SignInRequest) => Promise<User>
  readonly openSession: (user: User, client: ClientDescription) => Promise<TokenReply>
  readonly refresh: (token: string, requestId: string) => Promise<TokenReply>
  readonly close: (closing: Closing) => Promise<boolean>
}

export function signInRoutes (app: FastifyInstance, { issueChallenge, signInEvm, openSession, refresh, close }: SignInRoutesDeps): void {
  addRoute(app, challengeEvm, async ({ body }) => {
    const { challengeId, message, nonce, expiresAt } = await issueChallenge({ address: body.address, chainId: body.chain_id })
    return { challenge_id: challengeId, message, nonce, expires_at: expiresAt.toISOString() }
  })

  addRoute(app, verifyEvm, async ({ body, request }) => {
    const user = await signInEvm({
      address: body.address,
      signedMessage: body.signed_message,
      signature: body.signature,
      challengeId: body.challenge_id,
      username: body.username
    })
    request.log.info({ user_id: user.id }, 'Wallet connected')
    return await openSession(user, { ip: clientIp(request), userAgent: (request.headers['user-agent'] ?? '').slice(0, 256), requestId: request.id })
  })

  addRoute(app, refreshSession, async ({ body, request }) => await refresh(body.refresh_token, request.id))

  addRoute<typeof logout, OpenSession>(app, logout, async ({ session, request }) => {
    await close({ sessionId: session.id, reason: 'logout', requestId: request.id })
    return undefined
  })
}
