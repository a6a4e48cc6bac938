import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { CallerHandle, CountersignedId, Hash32, TransactionId, UserId } from '../primitives.ts'
import { TransactionView } from '../transactions.ts'

const served = { callee: 'signer-service', callers: ['auth-gateway'], deadlineMs: 8_000 } as const
const claim = { user_id: UserId, session_id: CallerHandle, id: TransactionId }

/** Costs at most what was confirmed, or the chain's own limit where that is not enough: the gateway's word will do. */
export const cancelTransaction = defineCommand({
  ...served,
  name: 'transactions.cancel',
  summary: 'Cancel a transaction of this user; what is mined decides, once it was signed',
  request: Type.Object(claim, { additionalProperties: false }),
  reply: TransactionView
})

export const speedUpTransaction = defineCommand({
  ...served,
  name: 'transactions.speed_up',
  summary: 'Raise the fees of a transaction of this user, within what was confirmed',
  request: Type.Object({ ...claim, over: Type.Optional(Hash32) }, { additionalProperties: false }),
  reply: TransactionView
})

/** For all requests of a gateway process that wait for a next move at once. The ids are of transactions and signatures that it has shown before; unknown ones are left out. */
export const countMoves = defineCommand({
  ...served,
  name: 'transactions.moves',
  summary: 'How often each of these transactions and signatures has moved',
  deadlineMs: 3_000,
  request: Type.Object({ ids: Type.Array(CountersignedId, { minItems: 1, maxItems: 200 }) }, { additionalProperties: false }),
  reply: Type.Object({ moves: Type.Array(Type.Object({ id: CountersignedId, moves: Type.Integer() }, { additionalProperties: false })) }, { additionalProperties: false })
})
