/**
 * Events of moves, in the Mongo transaction of the move: outbox rows of a collection of their own, which whoever delivers events will sweep.
 * Until then they are kept for as long as they would be delivered.
 */
import { signatureEventsOf, transactionEventsOf, type SignatureEvent, type SignatureState, type TransactionEvent } from '@countersign/contracts'
import type { IndexSpec, Outbox, OutboxEntry } from '@countersign/mongo'
import type { Unit } from '../unit.ts'
import type { Move } from './countersigned-repository.ts'
import type { Transaction } from './transaction.ts'

export const eventsCollection = 'events'
const usefulMs = 30 * 24 * 3_600_000

export const eventIndexes: readonly IndexSpec[] = [
  { collection: eventsCollection, name: 'expiry', key: { usefulUntil: 1 }, expireAfterSeconds: 0 }
]

export interface TellMovesDeps {
  /** Over `eventsCollection`. */
  readonly events: Pick<Outbox, 'insertAll'>
  /** Ids of later milliseconds sort after earlier ones. */
  readonly newEventId: (atMs: number) => string
}

export interface ToldMove {
  readonly move: Pick<Move, 'from' | 'to'>
  /** As it is after its move. */
  readonly row: Pick<Transaction, 'id' | 'initiator' | 'walletId' | 'chainId' | 'updatedAt'>
  /** Of the payload that it is about. */
  readonly hash: string | undefined
}

type Event = TransactionEvent | SignatureEvent
type Told = Omit<Event, 'id' | 'created_at'>

/** What is told of a kind of rows, and where. */
export interface Telling {
  readonly queue: string
  /** @returns in their order. */
  readonly eventsOf: (told: ToldMove) => readonly Told[]
}

const common = ({ initiator, walletId, chainId }: ToldMove['row']) => ({ initiator, wallet_id: walletId, chain_id: chainId })

export const ofTransactions: Telling = {
  queue: 'transaction-events',
  eventsOf: ({ move: { from, to }, row, hash }) => transactionEventsOf(from, to).map((name) =>
    ({ type: `transaction.${name}`, data: { transaction_id: row.id, state: to, ...common(row), ...hash !== undefined && { hash } } }))
}

export const ofSignatures: Telling = {
  queue: 'signature-events',
  eventsOf: ({ move: { from, to }, row }) => signatureEventsOf(from as SignatureState, to as SignatureState).map((name) =>
    ({ type: `signature.${name}`, data: { signature_id: row.id, state: to as SignatureState, ...common(row) } }))
}

export type TellMoves = (unit: Unit, moves: readonly ToldMove[]) => Promise<void>

export const createTellMoves = ({ events, newEventId }: TellMovesDeps, { queue, eventsOf }: Telling): TellMoves => async (unit, moves) => {
  const entries = moves.flatMap((move) => eventsOf(move).map(({ type, data }, index): OutboxEntry => {
    const at = move.row.updatedAt
    // Events of one row sort by their ids, two of one move as well.
    const payload = { id: newEventId(at.getTime() + index), type, created_at: at.toISOString(), data }
    return { queue, jobId: payload.id, payload, usefulUntil: { inMs: usefulMs } }
  }))
  const [first] = moves
  if (first !== undefined && entries.length > 0) await events.insertAll(entries, first.row.updatedAt, unit.session)
}
