/**
 * Takes approved transfers into the lane, oldest first: simulated while no nonce exists yet, then decided once more and claimed together.
 * A revert or a policy that says no by now rejects; what the wallet cannot pay, fees above what was confirmed and RPC trouble wait.
 */
import { badAnswer } from '../chain/chain-fault.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { MoveOfRow, RecordMove } from '../transactions/record-move.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import { isInFlight, type MovingTransaction } from '../transactions/transaction.ts'
import { highestFee } from '../attempts/attempt.ts'
import type { Unit } from '../unit.ts'
import type { AssignNonces } from './assign-nonces.ts'
import { judgeApproved, type Judged, type Shortage } from './judge-approved.ts'
import type { LaneRound, OpenWork } from './lane-round.ts'
import type { Answer, AskAgain } from './ask-again.ts'

export interface ClaimDeps {
  readonly transactions: Pick<TransactionRepository, 'approvedIn'>
  readonly askAgain: AskAgain
  readonly recordMove: RecordMove
  readonly assignNonces: AssignNonces
  readonly crashPoint: CrashPoint
}

export interface Claimed {
  /** Something moved, so that there may be more to do at once. */
  readonly moved: boolean
  /** They have nonces now. */
  readonly rows: readonly MovingTransaction[]
  /** The wallet could not pay for one of them. */
  readonly shortage: Shortage | undefined
}

/** One Mongo transaction stays short, and the next claim sees what this one spent. */
const mostAtOnce = 64
/** Further above all that is known, a pending nonce is the node's fault: each nonce in between would cost a transfer of nothing. */
const mostForeign = 256
/** A node that keeps fewer of a sender's transactions than the lane may have on their way is not sent more than it keeps, and these. */
const mostUnseen = 16

/** Room comes back with time, or from what ends. */
const roomRetryMs = 2_000
/** A destination whose code never ends is asked about less and less often. */
const longestSilenceMs = 120_000

export interface ClaimApproved {
  /** Which could go as far as the node can say. Writes nothing, so that it may be asked while what is signed is sent. @param free nonces that may still be taken. */
  judge (round: LaneRound, work: OpenWork, free: number): Promise<Judged>
  claim (round: LaneRound, work: OpenWork, judged: Judged): Promise<Claimed>
}

export const createClaimApproved = (deps: ClaimDeps): ClaimApproved => {
  const apart = createApart()
  return {
    judge: async (round, work, free) => await judgeApproved(round, apart.without(deps.transactions.approvedIn(round.key)), round.balance - committed(round, work), {
      ready: Math.min(free, mostAtOnce), atOnce: mostAtOnce, silent: apart.putSilent
    }),
    claim: async (round, work, judged) => await claim(deps, apart, round, work, judged)
  }
}

async function claim (deps: ClaimDeps, apart: ReturnType<typeof createApart>, round: LaneRound, work: OpenWork, { ready, refused: hopeless, shortage }: Judged): Promise<Claimed> {
  if (ready.length + hopeless.length === 0) return { moved: false, rows: [], shortage }
  await deps.crashPoint('lane.simulated')
  const pending = await round.node.pendingNonce(round.wallet.address)
  if (pending > Math.max(round.latest, round.lane.nextNonce) + mostForeign) throw badAnswer('eth_getTransactionCount', `a pending nonce of ${pending}`)
  const unseen = Math.max(round.latest, ...work.rows.map(({ nonce }) => (nonce ?? -1) + 1)) - pending
  if (unseen > mostUnseen) {
    round.log.warn({ pending, unseen }, 'the node does not count what was sent to it: nothing new until it does')
    return { moved: false, rows: [], shortage }
  }

  const claimed = await round.fenced(async (unit) => {
    await deps.recordMove.all(unit, hopeless.map(({ row, failure }) => ({ transaction: row, move: { from: 'approved', to: 'rejected', set: { failure } }, record: { facts: { code: failure.code } } })))
    const { allowed, waiting, refused } = await stillAllowed(deps, unit, ready)
    const rows = await deps.assignNonces(unit, round, allowed, pending)
    await deps.crashPoint('lane.claiming')
    return { rows, waiting, changed: hopeless.length + refused + rows.length > 0 }
  })
  const { rows, waiting, changed } = claimed
  if (changed) await deps.crashPoint('lane.claimed')
  if (waiting.length > 0) {
    apart.put(waiting.map(({ row }) => row))
    round.log.info({ transaction: waiting[0]?.row.id, transactions: waiting.length }, 'their windows are full by now: waiting')
  }
  // Those behind what waits have their turn at once.
  return { rows, moved: changed || waiting.length > 0, shortage }
}

interface Asked<Ready> { readonly allowed: readonly Ready[], readonly waiting: readonly Ready[], readonly refused: number }

/** A freeze stops what has no nonce yet, however long ago it was approved. */
async function stillAllowed<Ready extends { readonly row: MovingTransaction }> ({ askAgain, recordMove }: ClaimDeps, unit: Unit, ready: readonly Ready[]): Promise<Asked<Ready>> {
  const answers = await askAgain(unit, ready.map(({ row }) => row))
  const refused = ready.flatMap(({ row }, index): MoveOfRow[] => {
    const answer = answers[index]
    return typeof answer === 'object' ? [{ transaction: row, move: { from: 'approved', to: 'rejected', set: { failure: answer.failure } }, record: { facts: answer.facts } }] : []
  })
  await recordMove.all(unit, refused)
  const answered = (wanted: Answer): Ready[] => ready.filter((_one, index) => answers[index] === wanted)
  return { allowed: answered('goes'), waiting: answered('waits'), refused: refused.length }
}

/** What waits for room in its windows, or for the node to simulate it, apart for a while: it hides none of those behind it, and the node is not asked about it in vain. */
function createApart () {
  const waiting = new Map<string, { readonly until: number, readonly silences: number }>()
  const put = (id: string, ms: number, silences: number): void => { waiting.set(id, { until: performance.now() + ms, silences }) }
  return {
    put: (rows: readonly MovingTransaction[]): void => { for (const { id } of rows) put(id, roomRetryMs, 0) },
    putSilent: (rows: readonly MovingTransaction[]): void => {
      for (const { id } of rows) {
        const silences = (waiting.get(id)?.silences ?? 0) + 1
        put(id, Math.min(roomRetryMs * 2 ** silences, longestSilenceMs), silences)
      }
    },
    async * without (rows: AsyncIterable<MovingTransaction>): AsyncGenerator<MovingTransaction, void, undefined> {
      const now = performance.now()
      // How often it was silent is remembered for a while longer.
      for (const [id, { until }] of waiting) if (until + longestSilenceMs <= now) waiting.delete(id)
      for await (const row of rows) if ((waiting.get(row.id)?.until ?? 0) <= now) yield row
    }
  }
}

/** Wei that payloads on their way may still take, as of the head that the balance was read at. */
function committed ({ latest }: LaneRound, { rows, attempts }: OpenWork): bigint {
  return rows.filter((row) => isInFlight(row) && row.nonce !== null && row.nonce >= latest).reduce((sum, row) => {
    const live = attempts.get(row.nonce ?? -1) ?? []
    const fee = live.length === 0 ? BigInt(row.maxFeeTotal) : live.map(highestFee).reduce((a, b) => a > b ? a : b)
    return sum + BigInt(row.value) + fee
  }, 0n)
}
