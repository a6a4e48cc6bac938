import { Type, type Static } from 'typebox'
import { defineCommand } from '../command.ts'
import { Approvals, KeySignature, PrincipalId, SignableData } from '../policies.ts'
import { CountersignedId, EvmAddress, Hash32, Timestamp, UserId } from '../primitives.ts'
import { TransactionStateSchema } from '../transactions.ts'

const Decision = Type.Union([Type.Literal('approve'), Type.Literal('reject')])

/** What approvers see of a transaction, and what they said; each signature can be checked by anybody against the typed data. */
export const ApprovalsView = Type.Object({
  transaction_id: CountersignedId,
  state: TransactionStateSchema,
  initiator: PrincipalId,
  text: Type.String({ description: 'What it does, in the words of every mail about it' }),
  digest: Hash32,
  missing: Type.Array(Type.String({ description: 'proof, approvals, delay' })),
  wanted: Type.Array(Approvals),
  given: Type.Array(Type.Object({
    principal_id: PrincipalId, decision: Decision, key: EvmAddress, digest: Hash32, signature: KeySignature, created_at: Timestamp
  }, { additionalProperties: false })),
  approve: SignableData,
  reject: SignableData,
  valid_until: Timestamp
}, { additionalProperties: false })
export type ApprovalsView = Static<typeof ApprovalsView>

const served = { callee: 'signer-service', callers: ['auth-gateway'] } as const

export const readApprovals = defineCommand({
  ...served,
  name: 'approvals.read',
  summary: 'What an approver signs, and who has signed',
  deadlineMs: 3_000,
  request: Type.Object({ user_id: UserId, id: CountersignedId }, { additionalProperties: false }),
  reply: ApprovalsView
})

/** Who it is, the signature says; the claimed user only tells apart principals that have one key. */
export const giveApproval = defineCommand({
  ...served,
  name: 'approvals.give',
  summary: 'Approve or reject a transaction by a signature of an approver key',
  deadlineMs: 8_000,
  request: Type.Object({ user_id: UserId, id: CountersignedId, decision: Decision, signature: KeySignature }, { additionalProperties: false }),
  reply: ApprovalsView
})
