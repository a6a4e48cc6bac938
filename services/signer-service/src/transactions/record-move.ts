/** Every change of state: the compare-and-set, its audit row in the same transaction, its count after the commit. */
import type { TransactionState } from '@countersign/contracts'
import type { Audit, AuditEntry, AuditFact } from '@countersign/mongo'
import type { Unit } from '../unit.ts'
import type { MovingTransaction, Transaction } from './transaction.ts'
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
  readonly transactions: Pick<TransactionRepository, 'move' | 'moveAll'>
  readonly audit: Pick<Audit, 'append'>
  readonly count: (state: TransactionState) => void
}

type Moving = Pick<Transaction, 'id' | 'requestId'>

export interface MoveEntry { readonly transaction: Moving, readonly move: Move, readonly record?: MoveRecord }

export interface RecordMove {
  /** @returns undefined when the row was not as the move wants it; nothing is recorded then. */
  (unit: Unit, transaction: Moving, move: Move, record?: MoveRecord): Promise<Transaction | undefined>
  /** Different transactions in a few round trips, however many. @returns the same for each entry, in their order. */
  all (unit: Unit, entries: readonly MoveEntry[]): Promise<(MovingTransaction | undefined)[]>
}

export function createRecordMove ({ transactions, audit, count }: RecordMoveDeps): RecordMove {
  const note = async (unit: Unit, made: readonly { readonly entry: MoveEntry, readonly row: MovingTransaction }[]): Promise<void> => {
    if (made.length > 0) await audit.append(made.map(({ entry, row }) => auditRow(entry, row)), unit.session)
    unit.afterCommit(() => { for (const { entry: { move } } of made) count(move.to) })
  }
  const one = async (unit: Unit, transaction: Moving, move: Move, record: MoveRecord = {}): Promise<Transaction | undefined> => {
    const row = await transactions.move(transaction.id, move, unit)
    if (row !== undefined) await note(unit, [{ entry: { transaction, move, record }, row }])
    return row
  }
  const all: RecordMove['all'] = async (unit, entries) => {
    const [only] = entries
    if (only === undefined) return []
    if (entries.length === 1) return [await one(unit, only.transaction, only.move, only.record)]
    const moved = await transactions.moveAll(entries.map(({ transaction, move }) => ({ id: transaction.id, ...move })), unit)
    const rows = entries.map(({ transaction: { id } }) => moved.get(id))
    await note(unit, entries.flatMap((entry, index) => rows[index] === undefined ? [] : [{ entry, row: rows[index] }]))
    return rows
  }
  return Object.assign(one, { all })
}

const auditRow = ({ transaction: { id, requestId }, move, record = {} }: MoveEntry, { walletId }: MovingTransaction): AuditEntry => ({
  event: record.event ?? `transaction.${move.to}`,
  subject: id,
  walletId,
  requestId: record.requestId ?? requestId,
  ...record.actor !== undefined && { actor: record.actor },
  facts: { from: move.from, ...record.facts }
})
