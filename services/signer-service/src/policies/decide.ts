/** The decision over one parsed transfer. Pure: the same policy and transfer give the same answer. */
import type { FactorKind } from '@countersign/contracts'
import type { AllowRule, DenyRule, PolicyDocument } from './policy.ts'

export interface JudgedTransfer {
  readonly walletId: string
  readonly chainId: number
  /** EIP-55. */
  readonly to: string
  readonly value: bigint
  /** Already promised to whoever confirmed it; a rule with a lower cap does not allow it any more. */
  readonly maxFeeTotal?: bigint
}

export type Decision =
  | { readonly allowed: true, readonly rule: string, readonly factorKinds: readonly FactorKind[], readonly maxFeeTotal: bigint | undefined }
  | { readonly allowed: false, readonly rule: string, readonly detail: string }

export function decide ({ rules }: PolicyDocument, transfer: JudgedTransfer): Decision {
  const denying = rules.find((rule) => rule.effect === 'deny' && concerns(rule, transfer))
  if (denying !== undefined) return { allowed: false, rule: denying.name, detail: `The rule "${denying.name}" denies this transaction.` }
  const allowing = rules.find((rule): rule is AllowRule => rule.effect === 'allow' && allows(rule, transfer))
  if (allowing === undefined) return { allowed: false, rule: 'default', detail: 'No rule of the policy allows this transaction (default).' }
  return {
    allowed: true,
    rule: allowing.name,
    factorKinds: allowing.require.factor_kinds ?? ['email_code'],
    maxFeeTotal: allowing.max_fee_total === undefined ? undefined : BigInt(allowing.max_fee_total)
  }
}

/** Absent conditions concern everything. Destinations were checksummed when the policy was set. */
const concerns = ({ wallets, chain_ids: chainIds, destinations }: AllowRule | DenyRule, { walletId, chainId, to }: JudgedTransfer): boolean =>
  (wallets === undefined || wallets.includes(walletId)) &&
  (chainIds === undefined || chainIds.includes(chainId)) &&
  (destinations === undefined || destinations.includes(to))

const allows = (rule: AllowRule, transfer: JudgedTransfer): boolean =>
  concerns(rule, transfer) &&
  transfer.value <= BigInt(rule.max_value) &&
  (rule.max_fee_total === undefined || transfer.maxFeeTotal === undefined || transfer.maxFeeTotal <= BigInt(rule.max_fee_total))
