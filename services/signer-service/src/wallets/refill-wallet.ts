/**
 * Fills a wallet that holds less than it should keep out of a treasury wallet, where the operator said so: by a transaction like any other,
 * asked for by a principal of its own, decided by the policy, approved by whomever that wants. One at a time.
 */
import { transactionMoves } from '@countersign/contracts'
import type { CreateGiven, Created } from '../transactions/create-transaction.ts'
import type { Asking } from '../transactions/asking.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { LaneRepository } from '../lanes/lane-repository.ts'
import type { Wallet } from './wallet.ts'

export interface RefillDeps {
  readonly lanes: Pick<LaneRepository, 'refill' | 'noteRefill'>
  readonly transactions: Pick<TransactionRepository, 'find' | 'findByKey'>
  readonly create: (given: CreateGiven, asking: Asking) => Promise<Created>
  readonly newRequestId: () => string
}

/** Idempotency keys that nobody else may use: whoever had one would be taken for the refill. */
export const refillKeys = 'refill:'

/** As of a final block. */
export interface Held { readonly balance: bigint, readonly height: number }

/**
 * @returns the transaction that fills it; undefined where there is no rule, or nothing is to be done now.
 * @throws Problem when the policy, or what the principal may, refuses it
 */
export type RefillWallet = (wallet: Pick<Wallet, 'id' | 'address'>, chainId: number, held: Held) => Promise<string | undefined>

export const createRefillWallet = ({ lanes, transactions, create, newRequestId }: RefillDeps): RefillWallet => async (wallet, chainId, { balance, height }) => {
  const lane = { chainId, walletId: wallet.id }
  const rule = await lanes.refill(lane)
  if (rule === undefined || BigInt(rule.upTo) <= balance) return undefined
  // Named by the one before, so that processes that look at the same time, or one that died, ask for the same.
  const idempotencyKey = `${refillKeys}${wallet.id}:${chainId}:${rule.last ?? 'first'}`
  const begun = await transactions.findByKey(rule.as, idempotencyKey)
  // What is under that key and fills nothing was not asked for here.
  if (begun !== undefined && begun.walletId === rule.from && begun.to === wallet.address && begun.metadata['refill'] === wallet.id) {
    await lanes.noteRefill(lane, begun.id)
    return undefined
  }
  const before = rule.last === undefined ? undefined : await transactions.find(rule.last)
  // What was mined above that block is not in the balance yet.
  if (before !== undefined && (transactionMoves[before.state].length > 0 || (before.mined?.blockNumber ?? 0) > height)) return undefined
  const value = (BigInt(rule.upTo) - balance).toString()
  const requestId = newRequestId()
  const { transaction } = await create(
    { idempotencyKey, transfer: { wallet_id: rule.from, chain_id: chainId, to: wallet.address, value, metadata: { refill: wallet.id } }, intent: undefined },
    { userId: rule.as, sessionId: '', requestId, commandId: requestId }
  )
  await lanes.noteRefill(lane, transaction.id)
  return transaction.id
}
