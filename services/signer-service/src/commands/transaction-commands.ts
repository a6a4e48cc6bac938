/** Commands of the gateway: contract in, use case, contract out. */
import { challengeTransaction, confirmTransaction, createTransaction, getTransaction, listTransactions } from '@countersign/contracts'
import { handle, type CommandContext, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../transactions/asking.ts'
import type { createChallengeTransaction } from '../transactions/challenge-transaction.ts'
import type { createConfirmTransaction } from '../transactions/confirm-transaction.ts'
import type { createCreateTransaction } from '../transactions/create-transaction.ts'
import type { createGetTransaction, createListTransactions } from '../transactions/read-transactions.ts'

export interface TransactionUseCases {
  readonly create: ReturnType<typeof createCreateTransaction>
  readonly get: ReturnType<typeof createGetTransaction>
  readonly list: ReturnType<typeof createListTransactions>
  readonly confirm: ReturnType<typeof createConfirmTransaction>
  readonly challenge: ReturnType<typeof createChallengeTransaction>
}

const asking = ({ user_id: userId, session_id: sessionId }: { readonly user_id: string, readonly session_id: string }, { requestId, commandId }: CommandContext): Asking =>
  ({ userId, sessionId, requestId, commandId })

export const transactionCommands = ({ create, get, list, confirm, challenge }: TransactionUseCases): CommandHandler[] => [
  handle(createTransaction, async (request, context) =>
    await create({ idempotencyKey: request.idempotency_key, transfer: request.transfer, intent: request.intent }, asking(request, context))),

  handle(getTransaction, async ({ id, user_id: userId }) => await get(id, userId)),

  handle(listTransactions, async ({ limit, cursor, state, user_id: userId }) => await list({ limit, cursor, state }, userId)),

  handle(confirmTransaction, async (request, context) => await confirm({ id: request.id, proof: request.proof }, asking(request, context))),

  handle(challengeTransaction, async (request, context) => await challenge({ id: request.id, factorId: request.factor_id }, asking(request, context)))
]
