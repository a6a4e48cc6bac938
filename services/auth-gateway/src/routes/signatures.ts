/** The gateway hands signatures over to signer-service, and is believed for nothing there. */
import {
  approveSignature, cancelSignature, challengeSignature, confirmSignature, createSignature, getSignature, getSignatureApprovals, giveApproval, listSignatures, postSignature, postSignatureCancellation, postSignatureChallenge,
  postSignatureConfirmation, readApprovals, readSignature, readSignatures, rejectSignature, signatureMoves
} from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import { askedOnce, claim, options, readNextMove, tellReplayed } from './signer-requests.ts'
import { proofOf } from './transaction-proof.ts'
import type { TransactionRoutesDeps } from './transactions.ts'

export function signatureRoutes (app: FastifyInstance, { commands, moveWatch }: TransactionRoutesDeps): void {
  addRoute<typeof postSignature, OpenSession>(app, postSignature, async ({ headers, body, session, request, reply }) => {
    const { signature, replayed } = await commands.call(createSignature, { ...claim(session), ...askedOnce(headers), message: body }, options(request, session))
    tellReplayed(reply, replayed)
    return signature
  })

  addRoute<typeof readSignatures, OpenSession>(app, readSignatures, async ({ query, session, request }) =>
    await commands.call(listSignatures, { ...claim(session), limit: query.limit ?? 20, cursor: query.cursor }, options(request, session)))

  addRoute<typeof readSignature, OpenSession>(app, readSignature, async ({ params: { id }, query, session, request, reply }) => await readNextMove(moveWatch, {
    id, query, reply, isOver: ({ state }) => signatureMoves[state].length === 0, read: async () => await commands.call(getSignature, { ...claim(session), id }, options(request, session))
  }))

  addRoute<typeof postSignatureConfirmation, OpenSession>(app, postSignatureConfirmation, async ({ params, body, session, request }) =>
    await commands.call(confirmSignature, { ...claim(session), id: params.id, proof: proofOf(body) }, options(request, session)))

  addRoute<typeof postSignatureChallenge, OpenSession>(app, postSignatureChallenge, async ({ params, body, session, request }) =>
    await commands.call(challengeSignature, { ...claim(session), id: params.id, ...body.factor_id !== undefined && { factor_id: body.factor_id } }, options(request, session)))

  addRoute<typeof postSignatureCancellation, OpenSession>(app, postSignatureCancellation, async ({ params, session, request }) =>
    await commands.call(cancelSignature, { ...claim(session), id: params.id }, options(request, session)))

  addRoute<typeof getSignatureApprovals, OpenSession>(app, getSignatureApprovals, async ({ params, session, request }) =>
    await commands.call(readApprovals, { user_id: session.userId, id: params.id }, options(request, session)))

  for (const [route, decision] of [[approveSignature, 'approve'], [rejectSignature, 'reject']] as const) {
    addRoute<typeof approveSignature, OpenSession>(app, route as typeof approveSignature, async ({ params, body, session, request }) =>
      await commands.call(giveApproval, { user_id: session.userId, id: params.id, decision, signature: body.signature }, options(request, session)))
  }
}
