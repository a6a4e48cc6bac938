import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { DryRunTransaction, Explanation, KeySignature, PolicyDocument, PolicyView, SignableData } from '../policies.ts'
import { PolicyId, Timestamp, UserId } from '../primitives.ts'
import { DryRunSignature } from '../signatures.ts'

/** What the gateway says of who is asking: enough to read, never to change anything. */
const claim = { user_id: UserId }
const served = { callee: 'signer-service', callers: ['auth-gateway'] } as const
const ValidUntil = Type.Integer({ minimum: 0, maximum: 99_999_999_999, description: 'Seconds since the epoch, at most a day from now: until then the signature counts' })
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64 })

export const PolicyVersions = Type.Object({
  current: Type.Union([PolicyView, Type.Null()]),
  versions: Type.Array(Type.Object({
    version: Type.Integer({ minimum: 1 }), sha256: Sha256, created_at: Timestamp, set_by: Type.String({ description: 'Id of an administrator, or operator: the command line' })
  }, { additionalProperties: false }))
}, { additionalProperties: false })

export const PolicyDraft = Type.Object({
  policy_id: PolicyId,
  version: Type.Integer({ minimum: 2 }),
  sha256: Sha256,
  previous_sha256: Sha256,
  valid_until: ValidUntil,
  document: PolicyDocument,
  sign: SignableData
}, { additionalProperties: false })

export const PolicyChange = Type.Object({ version: Type.Integer({ minimum: 2 }), previous_sha256: Sha256, valid_until: ValidUntil, document: PolicyDocument, signature: KeySignature }, { additionalProperties: false })

export const readPolicies = defineCommand({
  ...served,
  name: 'policies.read',
  summary: 'The policy in force, and its versions',
  deadlineMs: 3_000,
  request: Type.Object(claim, { additionalProperties: false }),
  reply: PolicyVersions
})

export const draftPolicy = defineCommand({
  ...served,
  name: 'policies.draft',
  summary: 'What an administrator signs to make this the policy; nothing is kept',
  deadlineMs: 5_000,
  request: Type.Object({ ...claim, document: PolicyDocument }, { additionalProperties: false }),
  reply: PolicyDraft
})

/** The signature decides who it was, not the claim. */
export const changePolicy = defineCommand({
  ...served,
  name: 'policies.change',
  summary: 'Make this the next version of the policy, signed by an administrator',
  deadlineMs: 8_000,
  request: Type.Object({ ...claim, policy_id: PolicyId, ...PolicyChange.properties }, { additionalProperties: false }),
  reply: PolicyView
})

export const explainPolicy = defineCommand({
  ...served,
  name: 'policies.explain',
  summary: 'Which rule would decide a transaction or a signature, and why',
  deadlineMs: 5_000,
  request: Type.Object({ ...claim, transaction: Type.Optional(DryRunTransaction), signature: Type.Optional(DryRunSignature), document: Type.Optional(PolicyDocument) }, { additionalProperties: false }),
  reply: Explanation
})
