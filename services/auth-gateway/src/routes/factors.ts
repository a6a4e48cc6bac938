import { beginSmsFactor, beginTotpFactor, beginWalletFactor, ChallengeId, confirmSmsFactor, confirmTotpFactor, confirmWalletFactor, deleteFactor, objectToNewFactor, postRecoveryCodes, stepUpHeader, updateFactor } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Value } from 'typebox/value'
import { placeOf } from '../limits/limit-sign-in.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import type { ChangeFactors } from '../step-ups/change-factors.ts'
import { askerOf } from './asker-of.ts'

export interface FactorRoutesDeps {
  readonly changeFactors: ChangeFactors
  readonly totpLabel: (secret: string, user: OpenSession['user']) => { readonly uri: string, readonly svg: string }
}

export function factorRoutes (app: FastifyInstance, { changeFactors, totpLabel }: FactorRoutesDeps): void {
  addRoute<typeof beginTotpFactor, OpenSession>(app, beginTotpFactor, async ({ session, request }) => {
    const begun = await changeFactors.beginTotp(askerOf(session, request), stepUpOf(request))
    return { ...begun, ...totpLabel(begun.secret, session.user) }
  })

  addRoute<typeof confirmTotpFactor, OpenSession>(app, confirmTotpFactor, async ({ body, session, request }) => await changeFactors.confirmTotp(askerOf(session, request), body))

  addRoute<typeof beginWalletFactor, OpenSession>(app, beginWalletFactor, async ({ body, session, request }) => await changeFactors.beginWallet(askerOf(session, request), body, stepUpOf(request)))

  addRoute<typeof confirmWalletFactor, OpenSession>(app, confirmWalletFactor, async ({ body, session, request }) => await changeFactors.confirmWallet(askerOf(session, request), body))

  addRoute<typeof beginSmsFactor, OpenSession>(app, beginSmsFactor, async ({ body, session, request }) => await changeFactors.beginSms(askerOf(session, request), { ...body, place: placeOf(request) }, stepUpOf(request)))

  addRoute<typeof confirmSmsFactor, OpenSession>(app, confirmSmsFactor, async ({ body, session, request }) => await changeFactors.confirmSms(askerOf(session, request), body))

  addRoute<typeof postRecoveryCodes, OpenSession>(app, postRecoveryCodes, async ({ session, request }) => await changeFactors.makeRecoveryCodes(askerOf(session, request), stepUpOf(request)))

  addRoute<typeof deleteFactor, OpenSession>(app, deleteFactor, async ({ params, session, request }) => { await changeFactors.remove(askerOf(session, request), params.id, stepUpOf(request)) })

  addRoute<typeof objectToNewFactor>(app, objectToNewFactor, async ({ body, request }) => await changeFactors.object(body.token, request.id))

  addRoute<typeof updateFactor, OpenSession>(app, updateFactor, async ({ params, body, session, request }) => await changeFactors.rename(askerOf(session, request), params.id, body.name))
}

/** The step-up that the caller names; what is no id is none. */
export function stepUpOf ({ headers: { [stepUpHeader]: id } }: FastifyRequest): string | undefined {
  return typeof id === 'string' && Value.Check(ChallengeId, id) ? id : undefined
}
