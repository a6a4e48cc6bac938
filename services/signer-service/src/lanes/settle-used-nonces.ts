/** Nonces that the chain has passed: which of our payloads is in a block, and what to do when none is. */
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { Attempt } from '../attempts/attempt.ts'
import { parseCalls } from '../calls/parse-calls.ts'
import { tokenWithoutLog } from '../calls/token-answers.ts'
import { ChainFault } from '../chain/chain-fault.ts'
import type { ChainReceipt } from '../chain/chain-node.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { RecordMove } from '../transactions/record-move.ts'
import { isInFlight, messageOf, type Mined, type MovingTransaction } from '../transactions/transaction.ts'
import type { LaneKey } from '../transactions/transaction-repository.ts'
import type { LaneRound, OpenWork } from './lane-round.ts'
import type { SettleLost } from './settle-lost.ts'

export interface SettleDeps {
  readonly attempts: Pick<AttemptRepository, 'settleNonces' | 'bury'>
  readonly recordMove: RecordMove
  readonly settleLost: SettleLost
  /** How many used nonces of the lane wait for proof of what became of them. */
  readonly unproven: (key: LaneKey, count: number) => void
  readonly crashPoint: CrashPoint
}

/** Proof may take hours, on a node that has thrown old state away. */
const reminderMs = 60_000

interface Found { readonly attempt: Attempt, readonly receipt: ChainReceipt }

export const createSettleUsedNonces = (deps: SettleDeps) => {
  const reminded = new Map<string, number>()

  /** One nonce that cannot be settled holds up nothing else. @returns 1 when it waits. */
  const waiting = async ({ log, key }: LaneRound, nonce: number, settle: () => Promise<'settled' | 'waiting'>): Promise<0 | 1> => {
    let fault: ChainFault | undefined
    const outcome = await settle().catch((error: unknown) => {
      if (!(error instanceof ChainFault)) throw error
      fault = error
      return 'waiting' as const
    })
    const id = `${key.chainId}:${key.walletId}:${nonce}`
    if (outcome === 'settled') {
      reminded.delete(id)
      return 0
    }
    if (performance.now() - (reminded.get(id) ?? -Infinity) > reminderMs) {
      reminded.set(id, performance.now())
      log.warn({ nonce, ...fault !== undefined && { err: fault, fault: fault.code } }, 'the nonce is used and none of our hashes is in a block: waiting for proof')
    }
    return 1
  }

  /** @returns whether something was found in a block. */
  return async (round: LaneRound, work: OpenWork): Promise<boolean> => {
    const { rows, attempts } = work
    const used = rows.filter((row) => isInFlight(row) && row.nonce !== null && row.nonce < round.latest)
    // Any RPC error here ends the round: a question that went unanswered is no proof of anything.
    const found = await findReceipts(round, used.map(({ nonce }) => attempts.get(nonce ?? -1) ?? []))
    const looked = used.map((row, index) => ({ row, found: found[index] }))
    const mined = looked.flatMap(({ row, found }) => found === undefined ? [] : [{ row, found }])
    if (mined.length > 0) {
      await recordMined(deps, round, mined)
      await deps.crashPoint('lane.mined')
    }
    let unproven = 0
    for (const { row, found } of looked) {
      const nonce = row.nonce ?? -1
      if (found === undefined) unproven += await waiting(round, nonce, async () => await deps.settleLost(round, row, attempts.get(nonce) ?? []))
    }
    for (const [nonce, fillers] of usedFillers(round, work)) unproven += await waiting(round, nonce, async () => await settleFiller(deps, round, nonce, fillers))
    deps.unproven(round.key, unproven)
    return mined.length > 0
  }
}

/** Below so many, their receipts are asked for one by one: those of a block come with everybody else's. */
const fewByBlock = 8
/** Between two looks there are a few blocks at most; after a stop it is cheaper to ask for each. */
const mostBlocks = 4

/** @returns for each nonce which of its payloads is in a block, if one is. */
async function findReceipts (round: LaneRound, all: readonly (readonly Attempt[])[]): Promise<(Found | undefined)[]> {
  const inBlocks = new Map<string, ChainReceipt>()
  const foundIn = (attempts: readonly Attempt[]): Found | undefined => {
    const attempt = attempts.find(({ hash }) => inBlocks.has(hash))
    return attempt && { attempt, receipt: inBlocks.get(attempt.hash) as ChainReceipt }
  }
  for (let back = 0; back < mostBlocks && all.filter((attempts) => foundIn(attempts) === undefined).length >= fewByBlock; back++) {
    const receipts = round.head.number < back ? undefined : await round.node.receiptsIn(round.head.number - back)
    if (receipts === undefined) break
    for (const [hash, receipt] of receipts) inBlocks.set(hash, receipt)
  }
  return await Promise.all(all.map(async (attempts) => foundIn(attempts) ?? await findReceipt(round, attempts)))
}

async function findReceipt ({ node }: LaneRound, attempts: readonly Attempt[]): Promise<Found | undefined> {
  for (const attempt of attempts) {
    const receipt = await node.receipt(attempt.hash)
    if (receipt !== null) return { attempt, receipt }
  }
  return undefined
}

async function recordMined ({ attempts, recordMove, crashPoint }: SettleDeps, { fenced, key, head, chain }: LaneRound, all: readonly { row: MovingTransaction, found: Found }[]): Promise<void> {
  const entries = all.map(({ row, found }) => {
    const mined = minedAs(found, head.number, withoutEffect(row, found, chain.multicall3))
    return {
      transaction: row,
      move: { from: row.state, to: 'mined', nonce: found.attempt.nonce, set: { mined } },
      record: { facts: { hash: mined.hash, block: mined.blockHash, block_number: mined.blockNumber, outcome: mined.outcome } }
    } as const
  })
  await fenced(async (unit) => {
    const moved = await recordMove.all(unit, entries)
    const settled = new Map(all.flatMap(({ found: { attempt } }, index) => moved[index] === undefined ? [] : [[attempt.nonce, attempt.hash] as const]))
    if (settled.size > 0) await attempts.settleNonces(key, settled, unit)
    await crashPoint('lane.mining')
  })
}

const outcomeOfNoop = { refused: 'displaced', fees: 'outbid', cancel: 'cancelled' } as const

/** It was not reverted, and a token that it moves says nothing of it: it returned false, although it had not when it was simulated. */
function withoutEffect (row: MovingTransaction, { receipt: { logs } }: Found, multicall3: string | undefined): boolean {
  if (row.data === '0x' || logs === undefined) return false
  return tokenWithoutLog(parseCalls(messageOf(row), { from: row.from, multicall3 }), row.from, logs) !== undefined
}

const minedAs = ({ attempt, receipt }: Found, head: number, unmoved: boolean): Mined => ({
  hash: attempt.hash,
  blockNumber: receipt.blockNumber,
  blockHash: receipt.blockHash,
  gasUsed: receipt.gasUsed.toString(),
  feePaid: (receipt.gasUsed * (receipt.gasPrice ?? BigInt(attempt.maxFeePerGas))).toString(),
  outcome: attempt.kind === 'noop' ? outcomeOfNoop[attempt.because ?? 'refused'] : !receipt.succeeded ? 'reverted' : unmoved ? 'unmoved' : 'succeeded',
  confirmations: Math.max(0, head - receipt.blockNumber + 1)
})

const usedFillers = ({ latest }: LaneRound, { rows, attempts }: OpenWork) => {
  const taken = new Set(rows.map(({ nonce }) => nonce))
  return [...attempts].filter(([nonce, fillers]) => nonce < latest && !taken.has(nonce) && fillers.some(({ txId, state }) => txId === null && (state === 'stored' || state === 'sent')))
}

async function settleFiller ({ attempts }: SettleDeps, round: LaneRound, nonce: number, fillers: readonly Attempt[]): Promise<'settled'> {
  const found = await findReceipt(round, fillers)
  await round.fenced(async (unit) => {
    if (found === undefined) await attempts.bury(round.key, nonce, unit)
    else await attempts.settleNonces(round.key, new Map([[nonce, found.attempt.hash]]), unit)
  })
  return 'settled'
}
