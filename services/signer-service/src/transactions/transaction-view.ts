/** How a transaction is shown to its initiator. */
import { needOf, type TransactionConfirmation, type TransactionView } from '@countersign/contracts'
import type { ParsedCall } from '../calls/call.ts'
import type { GivenProof } from '../approvals/missing.ts'
import type { Attempt } from '../attempts/attempt.ts'
import type { Confirmation, Failure, Transaction } from './transaction.ts'

type AttemptView = TransactionView['attempts'][number]

const attemptView = ({ kind, because, state, nonce, hash, maxFeePerGas, maxPriorityFeePerGas, createdAt }: Attempt, explorerUrl: string | undefined): AttemptView => ({
  kind, ...because !== undefined && { because }, state, nonce, hash, ...explorerUrl !== undefined && { explorer_url: `${explorerUrl}/tx/${hash}` },
  max_fee_per_gas: maxFeePerGas, max_priority_fee_per_gas: maxPriorityFeePerGas, created_at: createdAt.toISOString()
})

/** @returns undefined until otp-service took the challenge. */
export const challengeView = ({ challengeId, asked }: Confirmation): TransactionConfirmation | undefined => asked === null
  ? undefined
  : {
    challenge_id: challengeId,
    ...asked.sentTo !== null && { sent_to: asked.sentTo },
    expires_at: asked.expiresAt,
    attempts_left: asked.attemptsLeft,
    factors: asked.factors.map((factor) => ({ ...factor, needs: needOf(factor.kind) }))
  }

export const proofView = ({ kind, shown, receiptId, ageSeconds }: GivenProof): NonNullable<TransactionView['proof']> => ({ kind, shown, receipt_id: receiptId, factor_age_seconds: Math.floor(ageSeconds) })

/** What a transaction does, read from its bytes. */
export type CallsOf = (transaction: Pick<Transaction, 'chainId' | 'from' | 'to' | 'value' | 'data'>) => readonly ParsedCall[]

const callView = ({ to, value, selector, movement }: ParsedCall): TransactionView['calls'][number] => ({
  to, value: value.toString(), ...selector !== null && { selector }, ...movement !== null && { movement: { ...movement, amount: movement.amount.toString() } }
})

const failureView = ({ code, detail, revert }: Failure): NonNullable<TransactionView['failure']> => ({
  code, detail, ...revert !== undefined && { revert: { data: revert.data, ...revert.error !== undefined && { error: revert.error, args: [...revert.args] } } }
})

/** @param explorerUrl of its chain, without a slash at the end. */
export function transactionView (transaction: Transaction, attempts: readonly Attempt[], calls: readonly ParsedCall[], explorerUrl?: string): TransactionView {
  const { mined, failure, confirmation, cancellation } = transaction
  const challenge = transaction.state === 'awaiting_confirmation' ? challengeView(confirmation) : undefined
  return {
    id: transaction.id,
    state: transaction.state,
    initiator: transaction.initiator,
    wallet_id: transaction.walletId,
    chain_id: transaction.chainId,
    from: transaction.from,
    kind: transaction.kind,
    to: transaction.to,
    value: transaction.value,
    ...transaction.data !== '0x' && { data: transaction.data },
    calls: calls.map(callView),
    max_fee_total: transaction.maxFeeTotal,
    speed: transaction.speed,
    priority: transaction.priority,
    metadata: { ...transaction.metadata },
    policy: { ...transaction.policy },
    digest: transaction.digest,
    ...challenge !== undefined && { confirmation: challenge },
    ...transaction.state === 'awaiting_confirmation' && { missing: [...transaction.missing] },
    ...transaction.proof !== null && { proof: proofView(transaction.proof) },
    ...cancellation !== null && { cancellation: { asked_by: cancellation.by, asked_at: cancellation.at.toISOString() } },
    attempts: attempts.map((attempt) => attemptView(attempt, explorerUrl)),
    ...mined !== null && {
      hash: mined.hash, block_number: mined.blockNumber, block_hash: mined.blockHash, confirmations: mined.confirmations, fee_paid: mined.feePaid,
      gas_used: mined.gasUsed, outcome: mined.outcome
    },
    ...failure !== null && { failure: failureView(failure) },
    history: transaction.history.map(({ state, at }) => ({ state, at: at.toISOString() })),
    created_at: transaction.createdAt.toISOString(),
    updated_at: transaction.updatedAt.toISOString(),
    valid_until: transaction.validUntil.toISOString()
  }
}
