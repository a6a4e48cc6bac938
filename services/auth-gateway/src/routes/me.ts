import { beginEmail, beginEmailFactor, confirmEmail, readMe } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { CommandClient } from '@countersign/redis'
import type { FastifyInstance } from 'fastify'
import type { ConfirmEmail } from '../email/confirm-email.ts'
import { placeOf } from '../limits/limit-sign-in.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import { stepUpOf } from './factors.ts'

export interface MeRoutesDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly confirmEmail: ConfirmEmail
}

export function meRoutes (app: FastifyInstance, { commands, confirmEmail: confirm }: MeRoutesDeps): void {
  addRoute<typeof readMe, OpenSession>(app, readMe, async ({ session }) => session.user)

  addRoute<typeof beginEmail, OpenSession>(app, beginEmail, async ({ body, session, request }) => {
    const stepUp = stepUpOf(request)
    return await commands.call(beginEmailFactor, {
      user_id: session.userId, session_id: session.id, email: body.email, place: placeOf(request), ...stepUp !== undefined && { step_up: stepUp }
    }, { requestId: request.id, actor: session.userId })
  })

  addRoute<typeof confirmEmail, OpenSession>(app, confirmEmail, async ({ body, session, request }) => {
    const { email, provedAt } = await confirm(
      { userId: session.userId, sessionId: session.id, requestId: request.id },
      { challengeId: body.challenge_id, code: body.code, existingCode: body.existing_code }
    )
    return { email, proved_at: provedAt }
  })
}
