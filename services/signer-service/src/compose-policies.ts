/** Approvals and the policy over commands: their half of the composition. */
import type { Audit } from '@countersign/mongo'
import { createGiveApproval, type GiveApprovalDeps } from './approvals/give-approval.ts'
import { createReadApprovals } from './approvals/read-approvals.ts'
import { checksummed } from './chain/address.ts'
import { signerOf } from './chain/typed-data.ts'
import type { PolicyUseCases } from './commands/policy-commands.ts'
import { createChangePolicy, createDraftPolicy, createReadPolicies } from './policies/change-policy.ts'
import { createExplainPolicy, type ExplainDeps } from './policies/explain-policy.ts'
import { askedInVain } from './signatures/message.ts'
import type { PolicyRepository } from './policies/policy-repository.ts'
import type { PrincipalRepository } from './principals/principal-repository.ts'
import type { Transact } from './unit.ts'
import type { WalletRepository } from './wallets/wallet-repository.ts'

export interface PolicyParts extends Omit<GiveApprovalDeps, 'signerOf' | 'principals'>, Pick<ExplainDeps, 'windows' | 'callsOf'> {
  /** What approvers say of signatures. */
  readonly signatures: Pick<PolicyUseCases, 'readApprovals' | 'giveApproval'>
  readonly policies: PolicyRepository
  readonly principals: PrincipalRepository
  readonly wallets: WalletRepository
  readonly audit: Audit
  readonly transact: Transact
}

export function createPolicyUseCases (parts: PolicyParts): PolicyUseCases {
  const { policies, principals, signatures } = parts
  const readApprovals = createReadApprovals(parts)
  const giveApproval = createGiveApproval({ ...parts, signerOf })
  const changing = { ...parts, checksummed, signerOf }
  return {
    readApprovals: async (id, userId) => await (isSignature(id) ? signatures.readApprovals : readApprovals)(id, userId),
    giveApproval: async (given, asking) => await (isSignature(given.id) ? signatures.giveApproval : giveApproval)(given, asking),
    readPolicies: createReadPolicies({ policies, principals }),
    draft: createDraftPolicy(changing),
    change: createChangePolicy(changing),
    explain: createExplainPolicy({ ...parts, checksummed, aboutSignature: askedInVain }),
    isPrincipal: async (id) => await principals.find(id) !== undefined
  }
}

const isSignature = (id: string): boolean => id.startsWith('sig_')
