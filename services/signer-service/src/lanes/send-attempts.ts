/** Sends stored bytes, in the order of their nonces, and writes down what the node said. The same bytes may be sent any number of times. */
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { RecordMove } from '../transactions/record-move.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'
import type { LaneRound } from './lane-round.ts'
import type { StoredAttempt } from './sign-attempt.ts'

export interface SendDeps {
  readonly attempts: Pick<AttemptRepository, 'markTried'>
  readonly recordMove: RecordMove
  readonly crashPoint: CrashPoint
}

export interface SendResult {
  /** The node had not seen these bytes before. */
  readonly fresh: readonly StoredAttempt[]
  /** No node will ever take these bytes. */
  readonly refused: readonly StoredAttempt[]
  /** The node could not be asked about one of them. */
  readonly trouble: boolean
}

export type SendAttempts = (round: LaneRound, stored: readonly StoredAttempt[]) => Promise<SendResult>

export const createSendAttempts = (deps: SendDeps): SendAttempts => async (round, stored) => {
  const fresh: StoredAttempt[] = []
  const known: StoredAttempt[] = []
  const tried: StoredAttempt[] = []
  const refused: StoredAttempt[] = []
  let trouble = false
  const ordered = [...stored].sort((a, b) => a.nonce - b.nonce)
  const outcomes = ordered.length === 0 ? [] : await round.node.sendAll(ordered.map(({ bytes }) => bytes))
  for (const [index, fault] of outcomes.entries()) {
    const attempt = ordered[index] as StoredAttempt
    if (fault === undefined) fresh.push(attempt)
    else if (fault.class === 'accepted') known.push(attempt)
    else tried.push(attempt)
    if (fault === undefined || fault.class === 'accepted') continue
    // Everything that is not on the list of proofs counts as "maybe sent": the row stays as it is and its hash is looked for.
    round.log.warn({ transaction: attempt.row?.id, hash: attempt.hash, nonce: attempt.nonce, fault: fault.code, mayBeSent: fault.mayHaveMovedMoney, err: fault }, 'the node did not take the payload')
    if (fault.class === 'payload') refused.push(attempt)
    trouble ||= fault.class === 'trouble'
  }
  if (fresh.length + known.length + tried.length > 0) {
    await deps.crashPoint('lane.sent')
    await record(deps, round, [...fresh, ...known], tried)
    await deps.crashPoint('lane.recorded')
  }
  return { fresh, refused, trouble }
}

async function record ({ attempts, recordMove, crashPoint }: SendDeps, { fenced }: LaneRound, accepted: readonly StoredAttempt[], tried: readonly StoredAttempt[]): Promise<void> {
  const hashes = (all: readonly StoredAttempt[]): string[] => all.map(({ hash }) => hash)
  await fenced(async (unit) => {
    await attempts.markTried(hashes(accepted), true, unit)
    await attempts.markTried(hashes(tried), false, unit)
    await recordMove.all(unit, accepted.flatMap(({ row, nonce, hash }) => isSigned(row)
      ? [{ transaction: row, move: { from: 'signed', to: 'broadcast', nonce }, record: { facts: { hash, nonce } } }]
      : []))
    await crashPoint('lane.recording')
  })
}

const isSigned = (row: MovingTransaction | undefined): row is MovingTransaction => row?.state === 'signed'
