/** Watches what is in a block until it is deep enough to be final, or until its block is gone. */
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { ChainNode, Hex } from '../chain/chain-node.ts'
import type { CrashPoint } from '../crash-points.ts'
import { laneId } from '../lanes/lane.ts'
import type { LaneRound } from '../lanes/lane-round.ts'
import type { MoveOfRow, RecordMove } from '../transactions/record-move.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import { revertFailure } from '../transactions/revert-failure.ts'
import { messageOf, type Failure, type Mined, type MovingTransaction } from '../transactions/transaction.ts'
import { longestWalk, type CanonicalChain } from './canonical-chain.ts'

export interface TrackDeps {
  readonly transactions: Pick<TransactionRepository, 'minedIn' | 'setConfirmations'>
  readonly attempts: Pick<AttemptRepository, 'reviveNonce'>
  readonly recordMove: RecordMove
  readonly canonical: CanonicalChain
  readonly crashPoint: CrashPoint
}

type MinedRow = MovingTransaction & { readonly mined: Mined, readonly nonce: number }
interface Verdict { readonly row: MinedRow, readonly mined: Mined, readonly gone: boolean, readonly final: boolean, readonly failure: Failure | undefined }

/** @param mined whether this round found something in a block: else only a new head changes anything. */
export type TrackConfirmations = (round: LaneRound, mined: boolean) => Promise<void>

export function createTrackConfirmations (deps: TrackDeps): TrackConfirmations {
  // Forgotten with the process: it only looks once more.
  const lookedAt = new Map<string, Hex>()
  return async (round, mined) => {
    const lane = laneId(round.key)
    if (!mined && lookedAt.get(lane) === round.head.hash) return
    await track(deps, round)
    lookedAt.set(lane, round.head.hash)
  }
}

async function track (deps: TrackDeps, round: LaneRound): Promise<void> {
  const rows = await deps.transactions.minedIn(round.key)
  const watched = rows.filter((row): row is MinedRow => row.mined !== null && row.nonce !== null)
  if (watched.length === 0) return
  const heights = await deps.canonical.walk(round.node, round.head, Math.min(...watched.map(({ mined }) => mined.blockNumber)))
  const verdicts = (await Promise.all(watched.map((row) => judge(round, heights, row)))).filter((verdict) => verdict !== undefined)
  if (verdicts.length === 0) return
  await round.fenced(async (unit) => {
    const moving = verdicts.filter(({ gone, final }) => gone || final)
    const moved = await deps.recordMove.all(unit, moving.map(entryOf))
    for (const [index, { row, gone }] of moving.entries()) if (gone && moved[index] !== undefined) await deps.attempts.reviveNonce(round.key, row.nonce, unit)
    for (const [confirmations, ids] of byConfirmations(verdicts.filter(({ gone, final }) => !gone && !final))) await deps.transactions.setConfirmations(ids, confirmations, unit)
    if (verdicts.some(({ gone }) => gone)) await deps.crashPoint('lane.reorging')
    if (verdicts.some(({ final }) => final)) await deps.crashPoint('lane.confirming')
  })
  for (const { row, gone } of verdicts) if (gone) round.log.warn({ transaction: row.id, block: row.mined.blockHash }, 'the block of a mined transaction is gone')
  if (verdicts.some(({ gone }) => gone)) await deps.crashPoint('lane.reorged')
  if (verdicts.some(({ final }) => final)) await deps.crashPoint('lane.confirmed')
}

function entryOf ({ row, mined, gone, failure }: Verdict): MoveOfRow {
  const facts = { hash: mined.hash, block: mined.blockHash, block_number: mined.blockNumber }
  const from = { from: 'mined', nonce: row.nonce } as const
  if (gone) return { transaction: row, move: { ...from, to: 'broadcast', set: { mined: null } }, record: { event: 'transaction.reorged', facts } }
  return failure === undefined
    ? { transaction: row, move: { ...from, to: 'confirmed', set: { mined } }, record: { facts } }
    : { transaction: row, move: { ...from, to: mined.outcome === 'cancelled' ? 'cancelled' : 'failed', set: { mined, failure } }, record: { facts: { ...facts, code: failure.code } } }
}

/** What is in the same block grows together. */
function byConfirmations (verdicts: readonly Verdict[]): ReadonlyMap<number, string[]> {
  const ids = new Map<number, string[]>()
  for (const { row, mined: { confirmations } } of verdicts) ids.set(confirmations, [...ids.get(confirmations) ?? [], row.id])
  return ids
}

/** @returns undefined when nothing changed, or when the node's blocks do not link up to that height. */
async function judge ({ node, head, chain }: LaneRound, heights: ReadonlyMap<number, Hex>, row: MinedRow): Promise<Verdict | undefined> {
  const { mined } = row
  // Above the head: this node is behind the one that showed the receipt.
  if (mined.blockNumber > head.number) return undefined
  const standing = heights.get(mined.blockNumber) ?? await deepHash(node, heights, mined.blockNumber)
  if (standing === undefined) return undefined
  const confirmations = head.number - mined.blockNumber + 1
  const gone = standing !== mined.blockHash
  const final = !gone && confirmations >= chain.confirmations
  if (!gone && !final && confirmations === mined.confirmations) return undefined
  return { row, mined: { ...mined, confirmations }, gone, final, failure: final ? await failureOf(node, row) : undefined }
}

/** Only below the walk's own reach; a walk that broke off earlier proves nothing. */
async function deepHash (node: ChainNode, heights: ReadonlyMap<number, Hex>, height: number): Promise<Hex | undefined> {
  if (heights.size < longestWalk) return undefined
  return (await node.block(height))?.hash
}

async function failureOf (node: ChainNode, row: MinedRow): Promise<Failure | undefined> {
  const { mined } = row
  if (mined.outcome === 'succeeded') return undefined
  if (mined.outcome === 'cancelled') return { code: 'cancelled', detail: 'It was cancelled: its nonce was used by a transfer of nothing.' }
  if (mined.outcome === 'unmoved') return { code: 'token_refused', detail: 'Mined and not reverted, but the token logged nothing of it: it answered false, most likely. Look at the balances before you ask again.' }
  if (mined.outcome === 'displaced') return { code: 'refused', detail: 'Every node refused this payload for good; its nonce was used by a transfer of nothing.' }
  if (mined.outcome === 'outbid') return { code: 'fees', detail: 'Its fees stayed too low for a block, until long after its end or while others waited behind it; its nonce was used by a transfer of nothing.' }
  const fault = await node.replay(messageOf(row), Math.max(0, mined.blockNumber - 1)).catch(() => undefined)
  return fault === undefined ? { code: 'reverted', detail: 'Reverted on chain; a replay gives no reason.' } : revertFailure('Reverted on chain', fault, row)
}
