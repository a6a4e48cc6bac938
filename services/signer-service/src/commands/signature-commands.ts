/** Commands of the gateway about signatures: contract in, use case, contract out. */
import { challengeSignature, confirmSignature, createSignature, getSignature, listSignatures, type SignatureView } from '@countersign/contracts'
import { handle, type CommandContext, type CommandHandler } from '@countersign/redis'
import type { createCreateSignature } from '../signatures/create-signature.ts'
import type { createGetSignature, createListSignatures } from '../signatures/read-signatures.ts'
import type { Signature } from '../signatures/signature.ts'
import type { Asking } from '../transactions/asking.ts'
import type { createChallengeTransaction } from '../transactions/challenge-transaction.ts'
import type { createConfirmTransaction } from '../transactions/confirm-transaction.ts'

export interface SignatureUseCases {
  readonly create: ReturnType<typeof createCreateSignature>
  readonly get: ReturnType<typeof createGetSignature>
  readonly list: ReturnType<typeof createListSignatures>
  readonly confirm: ReturnType<typeof createConfirmTransaction<Signature, SignatureView>>
  readonly challenge: ReturnType<typeof createChallengeTransaction>
}

const asking = ({ user_id: userId, session_id: sessionId }: { readonly user_id: string, readonly session_id: string }, { requestId, commandId }: CommandContext): Asking =>
  ({ userId, sessionId, requestId, commandId })

export const signatureCommands = ({ create, get, list, confirm, challenge }: SignatureUseCases): CommandHandler[] => [
  handle(createSignature, async (request, context) =>
    await create({ idempotencyKey: request.idempotency_key, request: request.message, intent: request.intent }, asking(request, context))),

  handle(getSignature, async ({ id, user_id: userId }) => await get(id, userId)),

  handle(listSignatures, async ({ limit, cursor, user_id: userId }) => await list({ limit, cursor }, userId)),

  handle(confirmSignature, async (request, context) => await confirm({ id: request.id, proof: request.proof }, asking(request, context))),

  handle(challengeSignature, async (request, context) => await challenge({ id: request.id, factorId: request.factor_id }, asking(request, context)))
]
