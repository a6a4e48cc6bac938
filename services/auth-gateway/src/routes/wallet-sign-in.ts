import { Problem, problems, walletFamilies, walletRoutes, type TokenReply, type WalletFamily } from '@countersign/contracts'
import { addRoute, clientIp } from '@countersign/http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ChallengeRequest, IssueChallenge } from '../challenges/issue-challenge.ts'
import type { ClientDescription } from '../sessions/open-session.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import type { GivenProof } from '../sign-in/check-wallet-proof.ts'
import type { LinkWallet } from '../sign-in/link-wallet.ts'
import type { SignedIn, SignInWithWallet } from '../sign-in/sign-in-with-wallet.ts'
import { identityView } from '../users/user-view.ts'

export interface WalletRoutesDeps {
  readonly issueChallenge: IssueChallenge
  readonly signInWithWallet: SignInWithWallet
  readonly linkWallet: LinkWallet
  readonly openSession: (signedIn: SignedIn, client: ClientDescription) => Promise<TokenReply>
  /** @throws Problem unauthorized */
  readonly sessionOf: (request: FastifyRequest) => Promise<OpenSession>
}

/** The bodies of all families, by the contract of each. */
interface ChallengeBody { readonly address: string, readonly network?: string, readonly chain_id?: number, readonly purpose?: 'login' | 'link' }
interface ProofBody {
  readonly address: string
  readonly signed_message: string
  readonly signature: string
  readonly public_key?: string
  readonly challenge_id?: string
  readonly username?: string
}

export function walletSignInRoutes (app: FastifyInstance, deps: WalletRoutesDeps): void {
  for (const family of walletFamilies) routesOf(app, family, deps)
}

function routesOf (app: FastifyInstance, family: WalletFamily, { issueChallenge, signInWithWallet, linkWallet, openSession, sessionOf }: WalletRoutesDeps): void {
  const { challenge, verify, link } = walletRoutes[family]

  addRoute(app, challenge, async ({ body, request }) => {
    const { address, network, chain_id: chainId, purpose } = body as ChallengeBody
    const asker = await askerOf(request, purpose)
    const given: ChallengeRequest = { address, ...network !== undefined && { network }, ...chainId !== undefined && { chainId }, ...asker && { asker } }
    const { challengeId, message, nonce, expiresAt } = await issueChallenge(family, given)
    return { challenge_id: challengeId, message, nonce, expires_at: expiresAt.toISOString() }
  })

  addRoute(app, verify, async ({ body, request }) => {
    const { username } = body as ProofBody
    const signedIn = await signInWithWallet(family, { ...proofIn(body as ProofBody, request.id), ...username !== undefined && { username } })
    request.log.info({ user_id: signedIn.user.id, wallet_type: family }, 'Wallet connected')
    return await openSession(signedIn, clientOf(request))
  })

  addRoute<typeof link, OpenSession>(app, link, async ({ body, session, request }) => {
    const linked = await linkWallet(family, proofIn(body as ProofBody, request.id), { userId: session.userId, sessionId: session.id, requestId: request.id })
    return { message: 'Wallet linked', identity: identityView(linked) }
  })

  /** A token without a purpose means `link`, as callers of the earlier system expect; a token that is no good means nothing there. */
  async function askerOf (request: FastifyRequest, purpose: ChallengeBody['purpose']): Promise<ChallengeRequest['asker']> {
    if (purpose === 'login' || (purpose === undefined && request.headers.authorization === undefined)) return undefined
    try {
      const { userId, id: sessionId } = await sessionOf(request)
      return { userId, sessionId }
    } catch (error) {
      if (purpose === 'link' || !(error instanceof Problem) || error.kind !== problems.unauthorized) throw error
      return undefined
    }
  }
}

const proofIn = ({ address, signed_message: signedMessage, signature, public_key: publicKey, challenge_id: challengeId }: ProofBody, requestId: string): GivenProof =>
  ({ address, signedMessage, signature, requestId, ...publicKey !== undefined && { publicKey }, ...challengeId !== undefined && { challengeId } })

export const clientOf = (request: FastifyRequest): ClientDescription =>
  ({ ip: clientIp(request), userAgent: (request.headers['user-agent'] ?? '').slice(0, 256), requestId: request.id })
