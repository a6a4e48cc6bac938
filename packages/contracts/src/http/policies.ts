/** The policy over HTTP. It changes only by an administrator's signature, which the signer checks; the first version comes from the command line. */
import { Type, type TSchema } from 'typebox'
import { PolicyChange, PolicyDraft, PolicyVersions } from '../commands/policies.ts'
import { DryRunTransaction, Explanation, policyChangeData, PolicyDocument, PolicyView } from '../policies.ts'
import { PolicyId } from '../primitives.ts'
import { defineRoute } from '../route.ts'
import { DryRunSignature } from '../signatures.ts'
import { ada } from './examples.ts'

const document: PolicyDocument = {
  rules: [
    { name: 'small payments', effect: 'allow', wallets: [ada.walletId], destinations: [ada.payee], max_value: '1000000000000000000', require: { shown_proof: true } },
    { name: 'a day', effect: 'limit', windows: [{ per: 'wallet', seconds: 86_400, max_sum: '5000000000000000000' }] }
  ]
}
const [sha256, previousSha256] = ['8d'.repeat(32), '1f'.repeat(32)]
// 2026-03-01T11:00:00Z
const validUntil = 1_772_362_800
const view = { id: ada.policyId, version: 4, sha256, created_at: '2026-03-01T10:00:00.000Z', document }
const sign = policyChangeData({ deployment: 'production', policy: ada.policyId, version: 4, document, sha256, previousSha256, validUntil })
const withExample = <S extends TSchema>(schema: S, example: unknown): S => ({ ...schema, examples: [example] })

export const getPolicies = defineRoute({
  method: 'GET',
  path: '/api/v1/policies',
  operationId: 'readPolicies',
  tag: 'Policies',
  summary: 'The policy in force, and its versions',
  description: 'For principals.',
  caller: 'session',
  limit: 'general',
  status: 200,
  reply: withExample(PolicyVersions, { current: view, versions: [{ version: 4, sha256, created_at: view.created_at, set_by: ada.userId }] }),
  problems: ['unauthorized', 'notPermitted', 'rateLimited', 'unavailable']
})

export const postPolicy = defineRoute({
  method: 'POST',
  path: '/api/v1/policies',
  operationId: 'draftPolicy',
  tag: 'Policies',
  summary: 'Validate a document and get what an administrator signs to make it the policy',
  description: 'Nothing is kept. `document` comes back in the form that is hashed.',
  caller: 'session',
  limit: 'general',
  body: Type.Object({ document: PolicyDocument }, { additionalProperties: false, examples: [{ document }] }),
  status: 200,
  reply: withExample(PolicyDraft, { policy_id: ada.policyId, version: 4, sha256, previous_sha256: previousSha256, valid_until: validUntil, document, sign }),
  problems: ['malformedRequest', 'unauthorized', 'notPermitted', 'stateConflict', 'payloadTooLarge', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const putPolicy = defineRoute({
  method: 'PUT',
  path: '/api/v1/policies/:id',
  operationId: 'changePolicy',
  tag: 'Policies',
  summary: 'Make this the next version, with an administrator\'s signature',
  description: 'The EIP-712 signature is over policy, version, every rule in full, hash, previous hash and an end of at most a day. Of two changes of one version one wins; the other is 409.',
  caller: 'session',
  limit: 'general',
  params: Type.Object({ id: PolicyId }),
  body: withExample(PolicyChange, { version: 4, previous_sha256: previousSha256, valid_until: validUntil, document, signature: `0x${'5c'.repeat(64)}1b` }),
  status: 200,
  reply: withExample(PolicyView, view),
  problems: ['malformedRequest', 'unauthorized', 'proofRejected', 'notPermitted', 'notFound', 'stateConflict', 'payloadTooLarge', 'schemaViolation', 'rateLimited', 'unavailable']
})

export const postDryRun = defineRoute({
  method: 'POST',
  path: '/api/v1/policies/dry-run',
  operationId: 'dryRunPolicy',
  tag: 'Policies',
  summary: 'Which rule would decide a transaction or a signature, and why',
  description: 'One of `transaction` and `signature`; by the policy in force, or by a document that is sent along. Nothing is kept and nothing reserved.',
  caller: 'session',
  limit: 'general',
  body: Type.Object({ transaction: Type.Optional(DryRunTransaction), signature: Type.Optional(DryRunSignature), document: Type.Optional(PolicyDocument) }, {
    additionalProperties: false,
    examples: [{ transaction: { initiator: ada.userId, wallet_id: ada.walletId, chain_id: 1, to: ada.payee, value: '250000000000000000' } }, { signature: { initiator: ada.userId, wallet_id: ada.walletId, text: 'I am the treasury of Example Ltd.' } }]
  }),
  status: 200,
  reply: withExample(Explanation, {
    policy_version: 4, allowed: true, rule: 'small payments',
    requirements: { factor_kinds: ['email_code'], unshown_factor_kinds: [], least_factor_age_seconds: 0, approvals: [], delay_seconds: 0 },
    windows: [{ window: `a day|wallet|86400|native|${ada.walletId}`, holds: '0', takes: '250000000000000000' }],
    rules: [{ name: 'small payments', effect: 'allow', call: 1, says: 'allows it' }, { name: 'a day', effect: 'limit', call: 1, says: 'has room for it' }]
  }),
  problems: ['malformedRequest', 'unauthorized', 'notPermitted', 'payloadTooLarge', 'schemaViolation', 'rateLimited', 'unavailable']
})
