/** Commands of the gateway about approvals and the policy: contract in, use case, contract out. */
import { changePolicy, draftPolicy, explainPolicy, giveApproval, Problem, problems, readApprovals, readPolicies } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { createGiveApproval } from '../approvals/give-approval.ts'
import type { createReadApprovals } from '../approvals/read-approvals.ts'
import type { createChangePolicy, createDraftPolicy, createReadPolicies } from '../policies/change-policy.ts'
import type { ExplainPolicy } from '../policies/explain-policy.ts'

export interface PolicyUseCases {
  readonly readApprovals: ReturnType<typeof createReadApprovals>
  readonly giveApproval: ReturnType<typeof createGiveApproval>
  readonly readPolicies: ReturnType<typeof createReadPolicies>
  readonly draft: ReturnType<typeof createDraftPolicy>
  readonly change: ReturnType<typeof createChangePolicy>
  readonly explain: ExplainPolicy
  readonly isPrincipal: (id: string) => Promise<boolean>
}

export const policyCommands = (use: PolicyUseCases): CommandHandler[] => [
  handle(readApprovals, async ({ id, user_id: userId }) => await use.readApprovals(id, userId)),
  handle(giveApproval, async ({ user_id: userId, id, decision, signature }, { requestId }) => await use.giveApproval({ id, decision, signature }, { userId, requestId })),
  handle(readPolicies, async ({ user_id: userId }) => await use.readPolicies(userId)),
  handle(draftPolicy, async ({ user_id: userId, document }) => await use.draft(document, { userId })),
  handle(changePolicy, async ({ user_id: userId, policy_id: policyId, version, previous_sha256: previousSha256, valid_until: validUntil, document, signature }, { requestId }) =>
    await use.change({ policyId, version, previousSha256, validUntil, document, signature }, { userId, requestId })),
  handle(explainPolicy, async ({ user_id: userId, transaction, signature, document }) => {
    if (!await use.isPrincipal(userId)) throw new Problem(problems.notPermitted)
    return await use.explain({ ...transaction !== undefined && { transaction }, ...signature !== undefined && { signature }, ...document !== undefined && { document } })
  })
]
