/** Which approved transfers can go now, oldest first. One that cannot hides none of those behind it. */
import { ChainFault } from '../chain/chain-fault.ts'
import { revertFailure } from '../transactions/revert-failure.ts'
import type { Failure, MovingTransaction } from '../transactions/transaction.ts'
import { atSpeed, cappedFees, gasLimitFor, payloadLimit } from './fees.ts'
import type { LaneRound } from './lane-round.ts'
import { simulateTransaction } from './simulate-transaction.ts'

export interface Shortage { readonly balance: bigint, readonly needed: bigint }

export interface Judged {
  readonly ready: readonly { readonly row: MovingTransaction, readonly gas: bigint }[]
  readonly refused: readonly { readonly row: MovingTransaction, readonly failure: Failure }[]
  /** Of the oldest one that the wallet cannot pay for. */
  readonly shortage: Shortage | undefined
}

export interface Limits {
  /** Most that may be ready at once. */
  readonly ready: number
  /** Most that the node is asked about at a time. */
  readonly atOnce: number
  /** Told of those whose simulation went unanswered: each costs a round the node's whole patience. */
  readonly silent?: (rows: readonly MovingTransaction[]) => void
}

/** No round asks the node about more than so many; the rest has its turn once these are rejected, sent or over. */
const mostSimulated = 64
/** The least that any transfer takes. */
const leastGas = 21_000n

/**
 * @param candidates oldest first, read as far as they are needed.
 * @param balance wei that nothing on its way may still take.
 * @throws ChainFault when the node answers nothing at all.
 */
export async function judgeApproved (round: LaneRound, candidates: AsyncIterable<MovingTransaction>, balance: bigint, limits: Limits): Promise<Judged> {
  const { market, chain, log } = round
  const ready: { row: MovingTransaction, gas: bigint }[] = []
  const refused: { row: MovingTransaction, failure: Failure }[] = []
  let available = balance
  let shortage: Shortage | undefined
  let simulated = 0
  const short = (needed: bigint): void => { shortage ??= { balance: available, needed } }
  const waiting: string[] = []
  const waits = ({ id }: MovingTransaction): void => { waiting.push(id) }

  const settle = (row: MovingTransaction, estimate: Estimate): void => {
    const value = BigInt(row.value)
    if (available < value) return short(value)
    if (estimate instanceof ChainFault) {
      if (estimate.code === 'insufficient_funds') return short(value)
      if (estimate.code === 'reverted') refused.push({ row, failure: revertFailure('Would revert, and was not sent', estimate, row) })
      // About this row alone, and no verdict: its turn comes again.
      else log.warn({ transaction: row.id, err: estimate, fault: estimate.code }, 'not simulated: this transfer waits')
      return
    }
    if (typeof estimate === 'object') {
      refused.push({ row, failure: estimate })
      return
    }
    const gas = gasLimitFor(estimate)
    const fees = cappedFees(atSpeed(market, row.speed), gas, payloadLimit(row, gas, chain))
    if (fees === undefined) return waits(row)
    const cost = value + gas * fees.maxFeePerGas
    if (available < cost) return short(cost)
    available -= cost
    ready.push({ row, gas })
  }

  let batch: MovingTransaction[] = []
  const flush = async (): Promise<void> => {
    const estimates = await simulate(round, batch, limits.silent)
    for (const [index, row] of batch.entries()) settle(row, estimates[index] as Estimate)
    simulated += batch.length
    batch = []
  }
  for await (const row of candidates) {
    // First, and without the node: the simulation of a transfer that cannot be paid fails for that reason, in words that differ.
    if (available < BigInt(row.value)) short(BigInt(row.value))
    else if (cappedFees(atSpeed(market, row.speed), leastGas, payloadLimit(row, leastGas, chain)) === undefined) waits(row)
    else batch.push(row)
    // Never more than could be ready, so that none is simulated in vain.
    if (batch.length > 0 && (batch.length === limits.atOnce || ready.length + batch.length === limits.ready)) await flush()
    if (ready.length === limits.ready || simulated >= mostSimulated) break
  }
  if (batch.length > 0) await flush()
  if (waiting.length > 0) log.info({ transaction: waiting[0], transactions: waiting.length }, 'fees are above what was confirmed: waiting')
  return { ready, refused, shortage }
}

type Estimate = bigint | Failure | ChainFault

async function simulate ({ node, chain }: LaneRound, rows: readonly MovingTransaction[], tellSilent: Limits['silent']): Promise<Estimate[]> {
  const estimates = await Promise.all(rows.map(async (row): Promise<Estimate> => {
    try {
      return await simulateTransaction(node, chain, row)
    } catch (error) {
      if (error instanceof ChainFault) return error
      throw error
    }
  }))
  const isSilent = (one: Estimate | undefined): one is ChainFault => one instanceof ChainFault && !one.answered
  const silent = estimates.find(isSilent)
  if (silent !== undefined) tellSilent?.(rows.filter((_row, index) => isSilent(estimates[index])))
  if (silent !== undefined && estimates.every(isSilent)) throw silent
  return estimates
}
