/** What can be done about a transaction that is under way. Neither costs more than was confirmed for it, so neither asks for a proof. */
import { Type } from 'typebox'
import { Hash32, TransactionId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { TransactionView } from '../transactions.ts'
import { ada } from './examples.ts'

const params = Type.Object({ id: TransactionId })

export const postCancellation = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions/:id/cancel',
  operationId: 'cancelTransaction',
  tag: 'Transactions',
  summary: 'Cancel: at once before it is signed; later by a transfer of nothing at its nonce',
  description: 'Before anything is signed it is `cancelled` in the answer. Later the answer has `cancellation`, a transfer of nothing to the wallet itself competes for the nonce with higher fees, and what is mined decides: `cancelled`, or `confirmed` all the same. Idempotent: what is over already, or is to be cancelled, answers as it is. Approvers cancel by `reject`.',
  caller: 'session',
  scope: 'transactions:write',
  limit: 'general',
  params,
  status: 200,
  reply: TransactionView,
  problems: ['unauthorized', 'insufficientScope', 'notFound', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const postSpeedUp = defineRoute({
  method: 'POST',
  path: '/api/v1/transactions/:id/speed-up',
  operationId: 'speedUpTransaction',
  tag: 'Transactions',
  summary: 'Send it again with both fees raised, within what was confirmed',
  description: 'Raises both fees by a tenth and a wei at least, or to what a fast transaction offers now, and never above `max_fee_total`. With `over`, the hash of the attempt that is to be outbid, a repeated request raises once; without it each one does that finds no raise pending. What is in a block already answers as it is.',
  caller: 'session',
  scope: 'transactions:write',
  limit: 'general',
  params,
  body: Type.Object({ over: Type.Optional(Hash32) }, { additionalProperties: false, examples: [{ over: ada.digest }] }),
  status: 200,
  reply: TransactionView,
  problems: ['malformedRequest', 'unauthorized', 'insufficientScope', 'notFound', 'feeLimitReached', 'stateConflict', 'schemaViolation', 'rateLimited', 'unavailable']
})
