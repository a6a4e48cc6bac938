/** The gateway hands transactions over to signer-service, and is believed for nothing there. */
import {
  cancelTransaction, challengeTransaction, confirmTransaction, createTransaction, getTransaction, listTransactions,
  postCancellation, postChallenge, postConfirmation, postSpeedUp, postTransaction, readTransaction, readTransactions, speedUpTransaction, transactionMoves
} from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { CommandClient } from '@countersign/redis'
import type { FastifyInstance } from 'fastify'
import type { OpenSession } from '../sessions/session-state.ts'
import type { MoveWatch } from '../transactions/move-watch.ts'
import { askedOnce, claim, options, readNextMove, tellReplayed } from './signer-requests.ts'
import { proofOf } from './transaction-proof.ts'

export interface TransactionRoutesDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly moveWatch: Pick<MoveWatch, 'next' | 'close'>
}

export function transactionRoutes (app: FastifyInstance, { commands, moveWatch }: TransactionRoutesDeps): void {
  addRoute<typeof postTransaction, OpenSession>(app, postTransaction, async ({ headers, body, session, request, reply }) => {
    const { transaction, replayed } = await commands.call(createTransaction, { ...claim(session), ...askedOnce(headers), transfer: body }, options(request, session))
    tellReplayed(reply, replayed)
    return transaction
  })

  addRoute<typeof readTransactions, OpenSession>(app, readTransactions, async ({ query, session, request }) =>
    await commands.call(listTransactions, { ...claim(session), ...query, limit: query.limit ?? 20 }, options(request, session)))

  // Else a process that stops would wait for whoever waits.
  app.addHook('preClose', async () => { moveWatch.close() })

  addRoute<typeof readTransaction, OpenSession>(app, readTransaction, async ({ params: { id }, query, session, request, reply }) => await readNextMove(moveWatch, {
    id, query, reply, isOver: ({ state }) => transactionMoves[state].length === 0, read: async () => await commands.call(getTransaction, { ...claim(session), id }, options(request, session))
  }))

  addRoute<typeof postConfirmation, OpenSession>(app, postConfirmation, async ({ params, body, session, request }) =>
    await commands.call(confirmTransaction, { ...claim(session), id: params.id, proof: proofOf(body) }, options(request, session)))

  addRoute<typeof postChallenge, OpenSession>(app, postChallenge, async ({ params, body, session, request }) =>
    await commands.call(challengeTransaction, { ...claim(session), id: params.id, ...body.factor_id !== undefined && { factor_id: body.factor_id } }, options(request, session)))

  addRoute<typeof postCancellation, OpenSession>(app, postCancellation, async ({ params, session, request }) =>
    await commands.call(cancelTransaction, { ...claim(session), id: params.id }, options(request, session)))

  addRoute<typeof postSpeedUp, OpenSession>(app, postSpeedUp, async ({ params, body, session, request }) =>
    await commands.call(speedUpTransaction, { ...claim(session), id: params.id, ...body.over !== undefined && { over: body.over } }, options(request, session)))
}
