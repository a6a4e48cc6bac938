/**
 * What somebody wants of a transaction that is on its way: cancelled, by a transfer of nothing that outbids it at its nonce, or faster, by
 * itself with higher fees. Either is one more attempt; what is mined decides what became of it.
 */
import type { Attempt } from '../attempts/attempt.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'
import { atSpeed, feesOf, noopGas, noopLimit, payloadLimit, replacementFees } from './fees.ts'
import type { LaneRound, OpenWork } from './lane-round.ts'
import type { SendAttempts } from './send-attempts.ts'
import type { Payload, SignAttempts } from './sign-attempt.ts'

export interface WishDeps {
  readonly signAttempts: SignAttempts
  readonly sendAttempts: SendAttempts
  readonly crashPoint: CrashPoint
}

export type AnswerWishes = (round: LaneRound, work: OpenWork) => Promise<'healthy' | 'trouble'>

export const createAnswerWishes = ({ signAttempts, sendAttempts, crashPoint }: WishDeps): AnswerWishes => async (round, work) => {
  const wished = work.rows.flatMap((row) => {
    const newest = work.attempts.get(row.nonce ?? -1)?.at(-1)
    // A used nonce is past wishing; a no-op that has it already is all that can be done.
    if ((row.state !== 'signed' && row.state !== 'broadcast') || newest === undefined || newest.nonce < round.latest || newest.kind === 'noop') return []
    return (row.cancellation !== null ? cancelling(round, row, newest) : row.speedUp?.over === newest.hash ? faster(round, row, newest) : undefined) ?? []
  })
  if (wished.length === 0) return 'healthy'
  await crashPoint('lane.wished')
  const { trouble } = await sendAttempts(round, await signAttempts(round, wished))
  await crashPoint('lane.answered')
  return trouble ? 'trouble' : 'healthy'
}

/** Within what was confirmed for the transaction itself, wherever that is enough. */
function cancelling ({ market, chain, log }: LaneRound, row: MovingTransaction, newest: Attempt): Payload | undefined {
  const fees = replacementFees(feesOf(newest), market, noopGas, BigInt(row.maxFeeTotal)) ?? replacementFees(feesOf(newest), market, noopGas, noopLimit(chain, row))
  if (fees === undefined) {
    log.warn({ transaction: row.id, nonce: newest.nonce }, 'to be cancelled, and a no-op that outbids it would cost more than max_fee_total of the chain: waiting')
    return undefined
  }
  return { row, nonce: newest.nonce, sequence: newest.sequence + 1, kind: 'noop', because: 'cancel', gas: noopGas, fees }
}

function faster ({ market, chain }: LaneRound, row: MovingTransaction, newest: Attempt): Payload | undefined {
  const gas = BigInt(newest.gas)
  const fees = replacementFees(feesOf(newest), atSpeed(market, 'fast'), gas, payloadLimit(row, gas, chain))
  return fees && { row, nonce: newest.nonce, sequence: newest.sequence + 1, kind: 'replacement', gas, fees }
}
