import { answerStepUpByWallet, askWallet, askWalletOfStepUp, postStepUp, readFactors as factorsRoute, sendStepUp, sendStepUpCode, stepUpSeconds, verifyStepUpProof } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { CommandClient } from '@countersign/redis'
import type { FastifyInstance } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import type { AnswerStepUp } from '../step-ups/answer-step-up.ts'
import type { AskStepUp, ReadFactors } from '../step-ups/ask-step-up.ts'
import { askerOf } from './asker-of.ts'

export interface StepUpRoutesDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly askStepUp: AskStepUp
  readonly answerStepUp: AnswerStepUp
  readonly readFactors: ReadFactors
}

export function stepUpRoutes (app: FastifyInstance, { commands, askStepUp, answerStepUp, readFactors }: StepUpRoutesDeps): void {
  addRoute<typeof factorsRoute, OpenSession>(app, factorsRoute, async ({ session, request }) => await readFactors(askerOf(session, request)))

  addRoute<typeof postStepUp, OpenSession>(app, postStepUp, async ({ body, session, request }) => {
    const { challenge_id: id, ...asked } = await askStepUp(askerOf(session, request), body.action)
    return { id, ...asked }
  })

  addRoute<typeof sendStepUpCode, OpenSession>(app, sendStepUpCode, async ({ params, body, session, request }) => {
    const { sent_to, expires_at, attempts_left } = await commands.call(sendStepUp, {
      user_id: session.userId, session_id: session.id, challenge_id: params.id, factor_id: body.factor_id
    }, { requestId: request.id, actor: session.userId })
    return { sent_to, expires_at, attempts_left }
  })

  addRoute<typeof verifyStepUpProof, OpenSession>(app, verifyStepUpProof, async ({ params: { id }, body, session, request }) => {
    return viewOf(id, await answerStepUp(askerOf(session, request), { challengeId: id, factorId: body.factor_id, code: body.code }))
  })

  addRoute<typeof askWalletOfStepUp, OpenSession>(app, askWalletOfStepUp, async ({ params, body, session, request }) => await commands.call(askWallet, {
    user_id: session.userId, session_id: session.id, challenge_id: params.id, factor_id: body.factor_id
  }, { requestId: request.id, actor: session.userId }))

  addRoute<typeof answerStepUpByWallet, OpenSession>(app, answerStepUpByWallet, async ({ params: { id }, body, session, request }) => {
    const { factor_id: factorId, signature, public_key: publicKey } = body
    return viewOf(id, await answerStepUp(askerOf(session, request), { challengeId: id, factorId, signature, ...publicKey !== undefined && { publicKey } }))
  })
}

const viewOf = (id: string, { factorKind, verifiedAt }: Awaited<ReturnType<AnswerStepUp>>) =>
  ({ id, factor_kind: factorKind, verified_at: verifiedAt.toISOString(), usable_until: new Date(verifiedAt.getTime() + stepUpSeconds * 1_000).toISOString() })
