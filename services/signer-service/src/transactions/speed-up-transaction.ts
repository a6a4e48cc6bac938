/** The fees of a user's own transaction shall be raised: refused here when what was confirmed does not allow that, and left to its lane else. */
import { Problem, problems, type TransactionView } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { Attempt } from '../attempts/attempt.ts'
import type { CrashPoint } from '../crash-points.ts'
import { feesOf, payloadLimit, raised, replacementFees } from '../lanes/fees.ts'
import type { Transact } from '../unit.ts'
import type { Asking } from './asking.ts'
import { findOwn } from './find-own.ts'
import type { ViewTransaction } from './read-transactions.ts'
import type { Transaction } from './transaction.ts'
import type { LaneKey, TransactionRepository } from './transaction-repository.ts'

export interface SpeedUpDeps {
  readonly transactions: Pick<TransactionRepository, 'find' | 'askSpeedUp'>
  readonly attempts: Pick<AttemptRepository, 'ofTransaction'>
  readonly chain: (chainId: number) => { readonly maxFeeTotal: string } | undefined
  readonly audit: Pick<Audit, 'append'>
  readonly view: ViewTransaction
  readonly transact: Transact
  readonly nudge: (lane: LaneKey) => void
  readonly crashPoint: CrashPoint
}

export interface SpeedUpGiven {
  readonly id: string
  /** Hash of the attempt that is to be outbid; undefined: the newest. */
  readonly over: string | undefined
}

/** @throws Problem notFound, stateConflict, feeLimitReached */
export const createSpeedUpTransaction = ({ transactions, attempts, chain, audit, view, transact, nudge, crashPoint }: SpeedUpDeps) =>
  async ({ id, over }: SpeedUpGiven, { userId, requestId }: Pick<Asking, 'userId' | 'requestId'>): Promise<TransactionView> => {
    const own = await findOwn(transactions, id, userId)
    if (own.state === 'mined' || own.state === 'confirmed') return await view(own)
    const all = await attempts.ofTransaction(id)
    const newest = newestOf(own, all)
    if (over !== undefined && !all.some(({ hash }) => hash === over)) throw conflict('`over` is no attempt of this transaction.')
    // What was to be outbid is, or shall be.
    if ((over !== undefined && over !== newest.hash) || own.speedUp?.over === newest.hash) return await view(own)
    refuseAboveLimit(own, newest, chain(own.chainId) ?? own)

    const asked = await transact(async (unit) => {
      const row = await transactions.askSpeedUp(id, newest.hash, userId, unit)
      if (row === undefined) return undefined
      await audit.append({ event: 'transaction.speed_up_asked', subject: id, walletId: own.walletId, actor: userId, requestId, facts: { over: newest.hash, nonce: newest.nonce } }, unit.session)
      unit.afterCommit(() => { nudge({ chainId: own.chainId, walletId: own.walletId }) })
      await crashPoint('speed.asking')
      return row
    })
    await crashPoint('speed.asked')
    return await view(asked ?? await findOwn(transactions, id, userId))
  }

const conflict = (detail: string): Problem => new Problem(problems.stateConflict, { detail })

function newestOf ({ state, nonce, cancellation }: Transaction, all: readonly Attempt[]): Attempt {
  const newest = all.filter((attempt) => attempt.nonce === nonce && (attempt.state === 'stored' || attempt.state === 'sent')).at(-1)
  if (newest === undefined || (state !== 'signed' && state !== 'broadcast')) throw conflict('Nothing of it is on its way to a block.')
  if (cancellation !== null || newest.kind === 'noop') throw conflict('It is to be cancelled, or its nonce is being taken.')
  return newest
}

/** Whatever the market offers: no more than the least raise is wanted of it here. */
function refuseAboveLimit (row: Transaction, newest: Attempt, chain: { readonly maxFeeTotal: string }): void {
  const [gas, old] = [BigInt(newest.gas), feesOf(newest)]
  const limit = payloadLimit(row, gas, chain)
  if (replacementFees(old, { baseFee: 0n, tip: 0n }, gas, limit) !== undefined) return
  throw new Problem(problems.feeLimitReached, { detail: `It offers ${old.maxFeePerGas} wei per gas and would have to offer ${raised(old.maxFeePerGas)}; its max_fee_total allows ${limit / gas}. It can be cancelled.` })
}
