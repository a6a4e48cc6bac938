/** Every change of state: the compare-and-set, its audit row in the same transaction, its count after the commit. */
import type { TransactionState } from '@countersign/contracts'
import type { Audit, AuditFact } from '@countersign/mongo'
import type { Unit } from '../unit.ts'
import type { Transaction } from './transaction.ts'
import type { Move, TransactionRepository } from './transaction-repository.ts'

export interface MoveRecord {
  /** Default: `transaction.<state>`. */
  readonly event?: string
  readonly actor?: string
  /** Default: the request that made the transaction. */
  readonly requestId?: string
  /** Ids, digests, hashes. */
  readonly facts?: Readonly<Record<string, AuditFact>>
}

export interface RecordMoveDeps {
  readonly transactions: Pick<TransactionRepository, 'move'>
  readonly audit: Pick<Audit, 'append'>
  readonly count: (state: TransactionState) => void
}

export type RecordMove = (unit: Unit, transaction: Pick<Transaction, 'id' | 'requestId'>, move: Move, record?: MoveRecord) => Promise<Transaction | undefined>

/** @returns undefined when the row was not as the move wants it; nothing is recorded then. */
export const createRecordMove = ({ transactions, audit, count }: RecordMoveDeps): RecordMove =>
  async (unit, { id, requestId }, move, record = {}) => {
    const moved = await transactions.move(id, move, unit)
    if (moved === undefined) return undefined
    await audit.append({
      event: record.event ?? `transaction.${move.to}`,
      subject: id,
      walletId: moved.walletId,
      requestId: record.requestId ?? requestId,
      ...record.actor !== undefined && { actor: record.actor },
      facts: { from: move.from, ...record.facts }
    }, unit.session)
    unit.afterCommit(() => { count(move.to) })
    return moved
  }
