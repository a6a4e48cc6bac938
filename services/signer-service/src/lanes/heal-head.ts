/**
 * Healing looks only at the chain's next nonce: nothing of ours there → a no-op fills the gap; old → the same bytes again; stuck → a
 * replacement with both fees raised; refused for good → a no-op takes the nonce. Everything behind it follows by itself.
 */
import type { AgedAttempt } from '../attempts/attempt-repository.ts'
import type { Attempt } from '../attempts/attempt.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { RecordMove } from '../transactions/record-move.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'
import { atSpeed, cappedFees, feesOf, noopGas, noopLimit, payloadLimit, replacementFees } from './fees.ts'
import type { RestoreFinal } from './restore-final.ts'
import type { LaneRound, OpenWork } from './lane-round.ts'
import { storedOf } from './sign-attempt.ts'
import type { SendAttempts } from './send-attempts.ts'
import type { Payload, SignAttempts, StoredAttempt } from './sign-attempt.ts'

export interface HealDeps {
  readonly transactions: Pick<TransactionRepository, 'atNonce'>
  readonly signAttempts: SignAttempts
  readonly sendAttempts: SendAttempts
  readonly restoreFinal: RestoreFinal
  readonly recordMove: RecordMove
  readonly resendMs: number
  readonly stuckMs: number
  readonly crashPoint: CrashPoint
}

/** `chain_behind`: this node's next nonce belongs to something that was final. Nothing new is sent until it catches up. */
export type HealOutcome = 'healthy' | 'chain_behind' | 'trouble'

/** Where others wait behind it, a payload whose fees stay too low is stuck for so many times as long as another one before its nonce is taken. */
const patience = 5

export const createHealHead = (deps: HealDeps) => async (round: LaneRound, work: OpenWork): Promise<HealOutcome> => {
  const { latest, lane } = round
  const attempts = work.attempts.get(latest) ?? []
  const row = work.rows.find(({ nonce }) => nonce === latest) ?? await deps.transactions.atNonce(round.key, latest)
  if (row === undefined && attempts.length === 0) return await fillGap(deps, round, work)
  if (row !== undefined && (row.state === 'confirmed' || row.state === 'failed' || row.state === 'cancelled')) {
    await deps.restoreFinal(round, row, attempts)
    return 'chain_behind'
  }
  deps.restoreFinal.forget(round)

  const newest = attempts.at(-1)
  // Assigned: the signer's turn. Mined: whoever watches blocks finds out that its block is gone.
  if (row?.state === 'assigned' && newest === undefined && (isLongOver(deps, round, row) || isPricedOut(deps, round, row))) return await giveBack(deps, round, row)
  if (newest === undefined || row?.state === 'assigned' || row?.state === 'mined') return 'healthy'
  if (lane.headForMs >= deps.stuckMs && newest.ageMs >= deps.stuckMs) {
    const payload = replacementOf(round, row, newest) ?? (isLongOver(deps, round, row) || isInTheWay(deps, round, work, newest) ? displacementOf(round, row, newest) : undefined)
    if (payload !== undefined) return await displace(deps, round, payload)
    round.log.warn({ transaction: row?.id, nonce: latest }, 'stuck, and higher fees are above what was confirmed: waiting')
  }
  if (newest.state === 'stored' || (newest.sinceSentMs ?? Infinity) < deps.resendMs) return 'healthy'
  return await resend(deps, round, work, { ...newest, row })
}

/** Somebody else's payload may be on its way at this nonce, so the gap is given some time before a no-op competes for it. */
async function fillGap (deps: HealDeps, round: LaneRound, { rows, sequences }: OpenWork): Promise<HealOutcome> {
  const { latest, lane, chain, market, log } = round
  const claimedAbove = lane.nextNonce > latest || rows.some(({ nonce }) => nonce !== null && nonce > latest)
  if (!claimedAbove || lane.headForMs < deps.resendMs) return 'healthy'
  const fees = cappedFees(market, noopGas, noopLimit(chain))
  if (fees === undefined) return 'healthy'
  log.warn({ nonce: latest }, 'nothing of ours stands at the chain\'s next nonce: filling the gap')
  // Dead payloads of a transaction that moved on may have had this nonce.
  return await signAndSend(deps, round, { row: undefined, nonce: latest, sequence: (sequences.get(latest) ?? 0) + 1, kind: 'noop', gas: noopGas, fees })
}

/** Past its end and stuck beyond that: whoever confirmed it cannot expect it any more, and all that is behind it waits. */
const isLongOver = ({ stuckMs }: HealDeps, { lane }: LaneRound, row: MovingTransaction | undefined): row is MovingTransaction =>
  row !== undefined && row.validUntil.getTime() + stuckMs <= lane.now.getTime()

/** It has a nonce, and fees have outgrown what was confirmed before anything was signed for it. */
const isPricedOut = ({ stuckMs }: HealDeps, { lane, market, chain }: LaneRound, row: MovingTransaction): boolean => {
  const gas = BigInt(row.gas ?? 0)
  return gas > 0n && lane.headForMs >= stuckMs && cappedFees(atSpeed(market, row.speed), gas, payloadLimit(row, gas, chain)) === undefined
}

/** No block takes it at these fees, and others wait for it. A chain that stands still makes no fee too low. */
const isInTheWay = ({ stuckMs }: HealDeps, { market, latest }: LaneRound, { rows }: OpenWork, newest: AgedAttempt): boolean =>
  newest.ageMs >= patience * stuckMs && BigInt(newest.maxFeePerGas) < market.baseFee + market.tip && rows.some(({ nonce }) => nonce !== null && nonce > latest)

/** A nonce without a single stored payload: nothing can have left. The row queues again, to go when fees fall or to expire; the gap is filled. */
async function giveBack ({ recordMove }: HealDeps, round: LaneRound, row: MovingTransaction): Promise<HealOutcome> {
  round.log.error({ transaction: row.id, nonce: round.latest }, 'not signed for too long: its nonce is given up')
  await round.fenced(async (unit) => await recordMove(unit, row, { from: 'assigned', to: 'approved', nonce: round.latest, set: { nonce: null, gas: null } }, { facts: { given_up_nonce: round.latest } }))
  return 'healthy'
}

/** A transfer of nothing competes for the nonce at the operator's cost; which of the two is mined decides what became of the transfer. */
function displacementOf ({ market, chain, log }: LaneRound, row: MovingTransaction | undefined, newest: Attempt): Payload | undefined {
  const fees = replacementFees(feesOf(newest), market, noopGas, noopLimit(chain, row))
  if (fees === undefined) return undefined
  log.error({ transaction: row?.id, nonce: newest.nonce }, 'stuck, its fees are too low and cannot be raised: a no-op takes its nonce')
  return { row, nonce: newest.nonce, sequence: newest.sequence + 1, kind: 'noop', because: newest.because ?? 'fees', gas: noopGas, fees }
}

function replacementOf ({ market, chain }: LaneRound, row: MovingTransaction | undefined, newest: Attempt): Payload | undefined {
  const gas = BigInt(newest.gas)
  const limit = row === undefined || newest.kind === 'noop' ? noopLimit(chain, row) : payloadLimit(row, gas, chain)
  const fees = replacementFees(feesOf(newest), atSpeed(market, row?.speed), gas, limit)
  if (fees === undefined) return undefined
  return { row, nonce: newest.nonce, sequence: newest.sequence + 1, kind: newest.kind === 'noop' ? 'noop' : 'replacement', because: newest.because, gas, fees }
}

async function displace (deps: HealDeps, round: LaneRound, payload: Payload): Promise<HealOutcome> {
  await deps.crashPoint('lane.stuck')
  const outcome = await signAndSend(deps, round, payload)
  await deps.crashPoint('lane.bumped')
  return outcome
}

async function signAndSend ({ signAttempts, sendAttempts }: HealDeps, round: LaneRound, payload: Payload): Promise<HealOutcome> {
  const { trouble } = await sendAttempts(round, await signAttempts(round, [payload]))
  return trouble ? 'trouble' : 'healthy'
}

async function resend ({ sendAttempts }: HealDeps, round: LaneRound, { rows, attempts }: OpenWork, head: AgedAttempt & { readonly row: MovingTransaction | undefined }): Promise<HealOutcome> {
  const { fresh, trouble } = await sendAttempts(round, [storedOf(head, head.row)])
  if (trouble) return 'trouble'
  // The node did not know it any more: its pool was emptied, and what stands behind is lost with it.
  const behind = fresh.length === 0 ? [] : [...attempts].flatMap(([nonce, live]): StoredAttempt[] => {
    const newest = live.at(-1)
    const row = rows.find((candidate) => candidate.nonce === nonce)
    return nonce > head.nonce && newest?.state === 'sent' ? [storedOf(newest, row)] : []
  })
  const rest = await sendAttempts(round, behind)
  return rest.trouble ? 'trouble' : 'healthy'
}
