/**
 * A nonce that the chain has passed while none of our hashes has a receipt. Only a transaction that is somebody else's, found in a block
 * at a safe depth, proves ours dead; a node that says nothing of them may simply not have indexed them yet.
 */
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { Attempt } from '../attempts/attempt.ts'
import { ChainFault } from '../chain/chain-fault.ts'
import { findNonceUser } from '../chain/nonce-user.ts'
import type { RecordMove } from '../transactions/record-move.ts'
import { revertFailure } from '../transactions/revert-failure.ts'
import type { Failure, MovingTransaction } from '../transactions/transaction.ts'
import type { AskAgain } from './ask-again.ts'
import type { AssignNonces } from './assign-nonces.ts'
import { atSpeed, cappedFees, gasLimitFor, payloadLimit } from './fees.ts'
import type { LaneRound } from './lane-round.ts'
import { simulateTransaction } from './simulate-transaction.ts'

export interface SettleLostDeps {
  readonly attempts: Pick<AttemptRepository, 'bury'>
  readonly askAgain: AskAgain
  readonly recordMove: RecordMove
  readonly assignNonces: AssignNonces
}

/** `waiting`: nothing is proven yet, or the new nonce has to wait. */
export type LostOutcome = 'settled' | 'waiting'
export type SettleLost = (round: LaneRound, row: MovingTransaction, attempts: readonly Attempt[]) => Promise<LostOutcome>

/** @throws ChainFault when the node cannot prove anything, for instance because it has thrown old state away. */
export const createSettleLost = (deps: SettleLostDeps): SettleLost => async (round, row, attempts) => {
  const { fenced, node, head, chain, wallet, log } = round
  const nonce = row.nonce ?? -1
  if (row.state === 'assigned') {
    // Nothing was signed for it, so nothing can have left: it queues again.
    await fenced(async (unit) => await deps.recordMove(unit, row, { from: 'assigned', to: 'approved', nonce, set: { nonce: null, gas: null } }, { facts: { lost_nonce: nonce } }))
    return 'settled'
  }
  const user = await findNonceUser(node, wallet.address, nonce, head.number)
  const foreign = user !== undefined && !attempts.some(({ hash }) => hash === user.hash)
  if (!foreign || user.block > head.number - chain.confirmations) return 'waiting'
  const outcome = await replace(deps, round, row, user.hash)
  if (outcome === 'settled') log.error({ transaction: row.id, nonce, usedBy: user.hash }, 'somebody else used this wallet\'s nonce: the transaction gets a new one, or ends')
  return outcome
}

/** Its hashes are dead. As for its first nonce: valid still, simulated, decided; else it has failed, since it can never be mined. */
async function replace ({ attempts, askAgain, recordMove, assignNonces }: SettleLostDeps, round: LaneRound, row: MovingTransaction, usedBy: string): Promise<LostOutcome> {
  const nonce = row.nonce ?? -1
  const simulated = await simulate(round, row)
  return await round.fenced(async (unit) => {
    const fail = async (failure: Failure, facts: object = {}, when?: 'over'): Promise<boolean> => {
      const move = { from: row.state, to: 'failed', nonce, set: { failure }, ...when !== undefined && { when } } as const
      const failed = await recordMove(unit, row, move, { facts: { ...facts, code: failure.code, dead_nonce: nonce, used_by: usedBy } }) !== undefined
      if (failed) await attempts.bury(round.key, nonce, unit)
      return failed
    }
    if (row.cancellation !== null) {
      const cancelled = await recordMove(unit, row, { from: row.state, to: 'cancelled', nonce, set: { failure: cancelledDead } }, { facts: { dead_nonce: nonce, used_by: usedBy } })
      if (cancelled !== undefined) await attempts.bury(round.key, nonce, unit)
      return cancelled === undefined ? 'waiting' : 'settled'
    }
    if (await fail(expired, {}, 'over')) return 'settled'
    const [answer = 'waits'] = await askAgain(unit, [row])
    if (typeof answer === 'object') return await fail(answer.failure, answer.facts) ? 'settled' : 'waiting'
    if (answer === 'waits' || simulated === 'waits') return 'waiting'
    if (typeof simulated !== 'bigint') return await fail(simulated) ? 'settled' : 'waiting'
    const assigned = await assignNonces(unit, round, [{ row, gas: simulated, dead: nonce, usedBy }], round.latest)
    // It is over since the look above: nothing was written, and the next round ends it. Its attempts are buried only with its move.
    if (assigned.length === 0) return 'waiting'
    await attempts.bury(round.key, nonce, unit)
    return 'settled'
  })
}

const cancelledDead: Failure = { code: 'cancelled', detail: 'It was cancelled, and somebody else used its nonce.' }
const expired: Failure = { code: 'expired_after_loss', detail: 'Somebody else used its nonce, and it was over before it could get a new one.' }

async function simulate ({ node, market, chain }: LaneRound, row: MovingTransaction): Promise<bigint | Failure | 'waits'> {
  try {
    const simulated = await simulateTransaction(node, chain, row)
    if (typeof simulated !== 'bigint') return simulated
    const gas = gasLimitFor(simulated)
    return cappedFees(atSpeed(market, row.speed), gas, payloadLimit(row, gas, chain)) === undefined ? 'waits' : gas
  } catch (error) {
    if (!(error instanceof ChainFault)) throw error
    return error.code === 'reverted' ? revertFailure('Would revert, and was not sent again', error, row) : 'waits'
  }
}
