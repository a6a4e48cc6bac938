/** Signing in by mailed code as an earlier system has it. */
import { requestVerification, submitVerification, type TokenReply } from '@countersign/contracts'
import { addRoute, clientIp } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { EarlierCodes } from '../email-sign-in/earlier-codes.ts'
import { placeOf } from '../limits/limit-sign-in.ts'
import type { ClientDescription } from '../sessions/open-session.ts'
import type { SignedIn } from '../sign-in/sign-in-with-wallet.ts'
import { clientOf } from './wallet-sign-in.ts'

export interface EarlierEmailRoutesDeps {
  readonly earlierCodes: EarlierCodes
  readonly openSession: (signedIn: SignedIn, client: ClientDescription) => Promise<TokenReply>
}

export function earlierEmailRoutes (app: FastifyInstance, { earlierCodes, openSession }: EarlierEmailRoutesDeps): void {
  addRoute<typeof requestVerification>(app, requestVerification, async ({ body: { identifier: email }, request }) => {
    await earlierCodes.ask({ email, ip: clientIp(request), place: placeOf(request), requestId: request.id })
    return { success: true, message: 'Verification code sent' }
  })

  addRoute<typeof submitVerification>(app, submitVerification, async ({ body: { identifier: email, code }, request }) => {
    const signedIn = await earlierCodes.submit({ email, ip: clientIp(request), requestId: request.id }, code)
    const { access_token: token, expires_in, refresh_token } = await openSession(signedIn, clientOf(request))
    return { success: true, token, expires_in, ...refresh_token !== undefined && { refresh_token } }
  })
}
