/** Commands of the gateway about signatures: contract in, use case, contract out. */
import { cancelSignature, challengeSignature, confirmSignature, createSignature, getSignature, listSignatures, type SignatureView } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { createCreateSignature } from '../signatures/create-signature.ts'
import type { createGetSignature, createListSignatures } from '../signatures/read-signatures.ts'
import type { Signature } from '../signatures/signature.ts'
import { askingOf } from '../transactions/asking.ts'
import type { createCancelTransaction } from '../transactions/cancel-transaction.ts'
import type { createChallengeTransaction } from '../transactions/challenge-transaction.ts'
import type { createConfirmTransaction } from '../transactions/confirm-transaction.ts'

export interface SignatureUseCases {
  readonly create: ReturnType<typeof createCreateSignature>
  readonly get: ReturnType<typeof createGetSignature>
  readonly list: ReturnType<typeof createListSignatures>
  readonly confirm: ReturnType<typeof createConfirmTransaction<Signature, SignatureView>>
  readonly challenge: ReturnType<typeof createChallengeTransaction>
  readonly cancel: ReturnType<typeof createCancelTransaction<Signature, SignatureView>>
}

export const signatureCommands = ({ create, get, list, confirm, challenge, cancel }: SignatureUseCases): CommandHandler[] => [
  handle(createSignature, async (request, context) =>
    await create({ idempotencyKey: request.idempotency_key, request: request.message, intent: request.intent }, askingOf(request, context))),

  handle(getSignature, async ({ id, user_id: userId }) => await get(id, userId)),

  handle(listSignatures, async ({ limit, cursor, user_id: userId }) => await list({ limit, cursor }, userId)),

  handle(confirmSignature, async (request, context) => await confirm({ id: request.id, proof: request.proof }, askingOf(request, context))),

  handle(challengeSignature, async (request, context) => await challenge({ id: request.id, factorId: request.factor_id }, askingOf(request, context))),

  handle(cancelSignature, async (request, context) => await cancel(request.id, askingOf(request, context)))
]
