/** The decision, once more, in the transaction that gives a nonce: what was allowed when it was confirmed may be frozen by now. */
import type { AuditFact } from '@countersign/mongo'
import type { AdmitTransfer } from '../transactions/admit-transfer.ts'
import type { Failure, Transaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'

export interface Refusal { readonly failure: Failure, readonly facts: Readonly<Record<string, AuditFact>> }

/** @returns why it may not go any more, or undefined. */
export async function askAgain (admit: AdmitTransfer, unit: Unit, { initiator, walletId, chainId, to, value, maxFeeTotal }: Transaction): Promise<Refusal | undefined> {
  const admission = await admit({ initiator, walletId, chainId, to, value: BigInt(value), maxFeeTotal: BigInt(maxFeeTotal), reserved: true }, unit)
  if (admission.admitted) return undefined
  return {
    failure: { code: 'policy_denied', detail: admission.detail },
    facts: { reason: admission.reason, policy_version: admission.policy?.version ?? 0, rule: admission.policy?.rule ?? 'default' }
  }
}
