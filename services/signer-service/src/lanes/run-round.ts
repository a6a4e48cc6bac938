/** One round of a lane, in the order in which it must happen: what is on the chain, what is at its next nonce, what is signed, what is new. */
import type { Logger } from '@countersign/runtime'
import type { Block, ChainNode } from '../chain/chain-node.ts'
import type { ChainSettings } from '../chain/chains.ts'
import type { TrackConfirmations } from '../confirmations/track-confirmations.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { LaneKey } from '../transactions/transaction-repository.ts'
import { isInFlight, type MovingTransaction } from '../transactions/transaction.ts'
import type { Transact } from '../unit.ts'
import type { Wallet } from '../wallets/wallet.ts'
import type { AnswerWishes } from './answer-wishes.ts'
import type { ClaimApproved } from './claim-approved.ts'
import { atSpeed, cappedFees, payloadLimit } from './fees.ts'
import type { HealOutcome } from './heal-head.ts'
import { leastKept } from './lane.ts'
import type { LaneRepository } from './lane-repository.ts'
import type { LaneRound, OpenWork } from './lane-round.ts'
import type { Shortage } from './judge-approved.ts'
import type { SettlePause } from './pause-lane.ts'
import { readMarket } from './read-market.ts'
import type { ReadOpenWork } from './read-open-work.ts'
import type { SendAttempts, SendResult } from './send-attempts.ts'
import { storedOf, type SignAttempts, type StoredAttempt } from './sign-attempt.ts'

export interface RoundDeps {
  readonly lanes: Pick<LaneRepository, 'observe'>
  readonly readOpenWork: ReadOpenWork
  readonly settleUsedNonces: (round: LaneRound, work: OpenWork) => Promise<boolean>
  readonly trackConfirmations: TrackConfirmations
  readonly healHead: (round: LaneRound, work: OpenWork) => Promise<HealOutcome>
  readonly answerWishes: AnswerWishes
  readonly signAttempts: SignAttempts
  readonly sendAttempts: SendAttempts
  readonly displaceRefused: (round: LaneRound, refused: readonly StoredAttempt[]) => Promise<void>
  readonly claimApproved: ClaimApproved
  readonly settlePause: SettlePause
  readonly inFlight: number
  readonly resendMs: number
  readonly crashPoint: CrashPoint
}

export interface RoundGiven {
  readonly key: LaneKey
  readonly wallet: Wallet
  readonly chain: ChainSettings
  readonly node: ChainNode
  /** The node's newest block. */
  readonly head: Block
  readonly fenced: Transact
  readonly log: Logger
}

export interface RoundResult {
  /** Nonces taken and not yet in a block. */
  readonly inFlight: number
  /** Nothing new may go before something is in a block. */
  readonly full: boolean
  /** More may be ready, and the chain was to be looked at again first. */
  readonly more: boolean
  readonly paused: boolean
  /** The node contradicts what was final: another one may not. */
  readonly chainBehind: boolean
}

export type RunRound = (given: RoundGiven) => Promise<RoundResult>

/** @throws ChainFault when the node cannot be asked: everything waits. LeaseLost when the lane is somebody else's. */
export const createRunRound = (deps: RoundDeps): RunRound => async (given) => {
  const { round, openWork } = await survey(deps, given)
  await deps.crashPoint('lane.looked')
  const mined = await deps.settleUsedNonces(round, await openWork())
  await deps.trackConfirmations(round, mined)
  const head = await deps.healHead(round, await openWork())
  const healed = head === 'healthy' ? await deps.answerWishes(round, await openWork()) : head
  const { inFlight, judged, shortage, more } = healed === 'healthy' ? await moveOn(deps, round, await openWork()) : { inFlight: (await openWork()).rows.filter(isInFlight).length, judged: false, shortage: undefined, more: false }
  const chainBehind = healed === 'chain_behind'
  const low = lowBalance(round)
  // A round that could not get as far as to judge says nothing about money.
  const funds = judged ? shortage !== undefined : round.lane.paused === 'funds'
  const reason = chainBehind ? 'chain_behind' : round.altered.size > 0 ? 'altered' : low !== undefined ? 'low_balance' : funds ? 'funds' : null
  if (healed !== 'trouble') await deps.settlePause(round, reason, reason === 'low_balance' ? low : shortage)
  return { inFlight, full: inFlight >= deps.inFlight, more, paused: reason !== null, chainBehind }
}

/** The open work, read again only once something was written: only the holder of a lane changes it. */
type ReadWork = () => Promise<OpenWork>

async function survey ({ lanes, readOpenWork }: RoundDeps, given: RoundGiven): Promise<{ round: LaneRound, openWork: ReadWork }> {
  const { node, head, wallet, key, chain } = given
  // Both as of the same block: read apart, a payload mined in between would be counted twice or not at all.
  const [latest, balance, market] = await Promise.all([node.nonceAt(wallet.address, head.number), node.balanceAt(wallet.address, head.number), readMarket(node, chain, head)])
  let work: OpenWork | undefined
  const fenced: Transact = async (write) => {
    work = undefined
    return await given.fenced(write)
  }
  const round = { ...given, fenced, latest, balance, market, lane: await lanes.observe(key, latest), altered: new Set<string>() }
  return { round, openWork: async () => work ??= await readOpenWork(round) }
}

/** What is on its way goes through; nothing new does while the wallet holds less than it should keep. */
function lowBalance ({ balance, lane, chain }: LaneRound): Shortage | undefined {
  const least = leastKept(lane.least, chain)
  return balance < least ? { balance, needed: least } : undefined
}

interface MovedOn { readonly inFlight: number, readonly judged: boolean, readonly shortage: Shortage | undefined, readonly more: boolean }

/** Read once: what is claimed and signed from here on is known without the database, since only the holder of a lane changes it. */
async function moveOn (deps: RoundDeps, round: LaneRound, start: OpenWork): Promise<MovedOn> {
  const from = performance.now()
  let work = start
  let judged = false
  let shortage: Shortage | undefined
  let unsigned = start.rows.filter(({ state }) => state === 'assigned')
  let stored = unsent(deps, start)
  for (;;) {
    const signed = await signAssigned(deps, round, unsigned, work)
    work = withAttempts(work, signed.stored)
    const inFlight = work.rows.filter(isInFlight).length
    const free = deps.inFlight - inFlight
    // What is in a block should not wait for all that could be sent to be known as mined. One claim a round there is however long it takes.
    const more = judged && performance.now() - from > round.chain.blockTimeMs
    // New nonces behind one that could not be signed or sent would only wait there.
    const goesOn = signed.all && round.altered.size === 0 && free > 0 && lowBalance(round) === undefined && !more
    // While the node takes what is signed it is asked about what comes next: neither changes the other.
    const [sent, next] = await Promise.all([send(deps, round, [...signed.stored, ...stored]), goesOn ? deps.claimApproved.judge(round, work, free) : undefined])
    if (next === undefined || sent.trouble) return { inFlight, judged, shortage, more: more && !sent.trouble }
    const claimed = await deps.claimApproved.claim(round, work, next)
    judged = true
    shortage = claimed.shortage
    if (!claimed.moved) return { inFlight, judged, shortage, more: false }
    work = { ...work, rows: [...work.rows, ...claimed.rows] }
    unsigned = [...claimed.rows]
    stored = []
  }
}

/** What these may cost is known now. */
function withAttempts (work: OpenWork, stored: readonly StoredAttempt[]): OpenWork {
  const attempts = new Map(work.attempts)
  for (const { row: _row, ...attempt } of stored) {
    attempts.set(attempt.nonce, [...attempts.get(attempt.nonce) ?? [], { ...attempt, state: 'stored', createdAt: new Date(0), lastSentAt: null, ageMs: 0, sinceSentMs: null }])
  }
  return { ...work, attempts }
}

async function signAssigned ({ signAttempts }: RoundDeps, round: LaneRound, assigned: readonly MovingTransaction[], { sequences }: OpenWork): Promise<{ stored: StoredAttempt[], all: boolean }> {
  const payloads = assigned.flatMap((row) => {
    const gas = BigInt(row.gas ?? 0)
    const nonce = row.nonce ?? -1
    const fees = gas === 0n ? undefined : cappedFees(atSpeed(round.market, row.speed), gas, payloadLimit(row, gas, round.chain))
    return fees === undefined ? [] : [{ row, nonce, sequence: (sequences.get(nonce) ?? 0) + 1, kind: 'first' as const, gas, fees }]
  })
  const stored = payloads.length === 0 ? [] : await signAttempts(round, payloads)
  return { stored, all: stored.length === assigned.length }
}

/** Stored and never taken by a node as far as we know: a crash, a lost answer, or trouble on the way. */
function unsent ({ resendMs }: RoundDeps, { rows, attempts }: OpenWork): StoredAttempt[] {
  return [...attempts].flatMap(([nonce, live]) => {
    const newest = live.at(-1)
    const row = rows.find((candidate) => candidate.nonce === nonce)
    if (newest?.state !== 'stored' || (newest.sinceSentMs ?? Infinity) < resendMs) return []
    return row === undefined || isInFlight(row) ? [storedOf(newest, row)] : []
  })
}

async function send ({ sendAttempts, displaceRefused }: RoundDeps, round: LaneRound, stored: readonly StoredAttempt[]): Promise<SendResult> {
  const result = await sendAttempts(round, stored)
  await displaceRefused(round, result.refused)
  return result
}
