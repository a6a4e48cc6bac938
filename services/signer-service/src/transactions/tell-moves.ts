/**
 * Events of moves, in the Mongo transaction of the move: outbox rows of a collection of their own, which whoever delivers events will sweep.
 * Until then they are kept for as long as they would be delivered.
 */
import { transactionEventsOf, type TransactionEvent } from '@countersign/contracts'
import type { IndexSpec, Outbox, OutboxEntry } from '@countersign/mongo'
import type { Unit } from '../unit.ts'
import type { Move } from './countersigned-repository.ts'
import type { Transaction } from './transaction.ts'

export const eventsCollection = 'events'
export const eventsQueue = 'transaction-events'
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

export type TellMoves = (unit: Unit, moves: readonly ToldMove[]) => Promise<void>

export const createTellMoves = ({ events, newEventId }: TellMovesDeps): TellMoves => async (unit, moves) => {
  const entries = moves.flatMap(({ move: { from, to }, row, hash }) => transactionEventsOf(from, to).map((name, index): OutboxEntry => {
    const payload: TransactionEvent = {
      // Events of one transaction sort by their ids, two of one move as well.
      id: newEventId(row.updatedAt.getTime() + index),
      type: `transaction.${name}`,
      created_at: row.updatedAt.toISOString(),
      data: { transaction_id: row.id, state: to, initiator: row.initiator, wallet_id: row.walletId, chain_id: row.chainId, ...hash !== undefined && { hash } }
    }
    return { queue: eventsQueue, jobId: payload.id, payload, usefulUntil: { inMs: usefulMs } }
  }))
  const [first] = moves
  if (first !== undefined && entries.length > 0) await events.insertAll(entries, first.row.updatedAt, unit.session)
}
