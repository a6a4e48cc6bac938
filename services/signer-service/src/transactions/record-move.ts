/** Every change of state: the compare-and-set, its audit row in the same transaction, its count after the commit. */
import type { TransactionState } from '@countersign/contracts'
import type { Audit, AuditEntry, AuditFact } from '@countersign/mongo'
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
  all (unit: Unit, entries: readonly MoveEntry[]): Promise<(Transaction | undefined)[]>
}

export function createRecordMove ({ transactions, audit, count }: RecordMoveDeps): RecordMove {
  const all: RecordMove['all'] = async (unit, entries) => {
    const moved = await moveEach(transactions, unit, entries)
    const rows = entries.flatMap((entry, index) => {
      const row = moved[index]
      return row === undefined ? [] : [auditRow(entry, row)]
    })
    if (rows.length > 0) await audit.append(rows, unit.session)
    unit.afterCommit(() => { for (const [index, { move }] of entries.entries()) if (moved[index] !== undefined) count(move.to) })
    return moved
  }
  const one = async (unit: Unit, transaction: Moving, move: Move, record: MoveRecord = {}): Promise<Transaction | undefined> => (await all(unit, [{ transaction, move, record }]))[0]
  return Object.assign(one, { all })
}

async function moveEach ({ move, moveAll }: RecordMoveDeps['transactions'], unit: Unit, entries: readonly MoveEntry[]): Promise<(Transaction | undefined)[]> {
  const [only] = entries
  if (only === undefined) return []
  if (entries.length === 1) return [await move(only.transaction.id, only.move, unit)]
  const moved = await moveAll(entries.map((entry) => ({ id: entry.transaction.id, ...entry.move })), unit)
  return entries.map(({ transaction: { id } }) => moved.get(id))
}

const auditRow = ({ transaction: { id, requestId }, move, record = {} }: MoveEntry, { walletId }: Transaction): AuditEntry => ({
  event: record.event ?? `transaction.${move.to}`,
  subject: id,
  walletId,
  requestId: record.requestId ?? requestId,
  ...record.actor !== undefined && { actor: record.actor },
  facts: { from: move.from, ...record.facts }
})
