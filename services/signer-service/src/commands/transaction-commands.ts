/** Commands of the gateway: contract in, use case, contract out. */
import { cancelTransaction, challengeTransaction, confirmTransaction, countMoves, createTransaction, getTransaction, listTransactions, Problem, problems, speedUpTransaction, type TransactionView } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import { askingOf } from '../transactions/asking.ts'
import type { createCancelTransaction } from '../transactions/cancel-transaction.ts'
import type { createChallengeTransaction } from '../transactions/challenge-transaction.ts'
import type { createConfirmTransaction } from '../transactions/confirm-transaction.ts'
import type { createCreateTransaction } from '../transactions/create-transaction.ts'
import type { createCountMoves, createGetTransaction, createListTransactions } from '../transactions/read-transactions.ts'
import type { createSpeedUpTransaction } from '../transactions/speed-up-transaction.ts'
import type { Transaction } from '../transactions/transaction.ts'
import { refillKeys } from '../wallets/refill-wallet.ts'

export interface TransactionUseCases {
  readonly create: ReturnType<typeof createCreateTransaction>
  readonly get: ReturnType<typeof createGetTransaction>
  readonly list: ReturnType<typeof createListTransactions>
  readonly countMoves: ReturnType<typeof createCountMoves>
  readonly confirm: ReturnType<typeof createConfirmTransaction<Transaction, TransactionView>>
  readonly challenge: ReturnType<typeof createChallengeTransaction>
  readonly cancel: ReturnType<typeof createCancelTransaction<Transaction, TransactionView>>
  readonly speedUp: ReturnType<typeof createSpeedUpTransaction>
}

const dateOf = (text: string | undefined): Date | undefined => text === undefined ? undefined : new Date(text)

export const transactionCommands = ({ create, get, list, countMoves: count, confirm, challenge, cancel, speedUp }: TransactionUseCases): CommandHandler[] => [
  handle(createTransaction, async (request, context) => {
    if (request.idempotency_key.startsWith(refillKeys)) throw new Problem(problems.schemaViolation, { faults: [{ path: 'headers/idempotency-key', message: `begins with ${refillKeys}, as only refills do` }] })
    return await create({ idempotencyKey: request.idempotency_key, transfer: request.transfer, intent: request.intent }, askingOf(request, context))
  }),

  handle(getTransaction, async ({ id, user_id: userId }) => await get(id, userId)),

  handle(listTransactions, async ({ limit, cursor, state, wallet_id: walletId, chain_id: chainId, destination, since, until, user_id: userId }) =>
    await list({ limit, cursor, state, walletId, chainId, destination, since: dateOf(since), until: dateOf(until) }, userId)),

  handle(countMoves, async ({ ids }) => await count(ids)),

  handle(confirmTransaction, async (request, context) => await confirm({ id: request.id, proof: request.proof }, askingOf(request, context))),

  handle(challengeTransaction, async (request, context) => await challenge({ id: request.id, factorId: request.factor_id }, askingOf(request, context))),

  handle(cancelTransaction, async (request, context) => await cancel(request.id, askingOf(request, context))),

  handle(speedUpTransaction, async (request, context) => await speedUp({ id: request.id, over: request.over }, askingOf(request, context)))
]
