/** Every change of state: the compare-and-set, its audit row and its events in the same transaction, its count after the commit. */
import type { TransactionState } from '@countersign/contracts'
import type { Audit, AuditEntry, AuditFact } from '@countersign/mongo'
import type { Unit } from '../unit.ts'
import type { CountersignedRepository, Move } from './countersigned-repository.ts'
import type { TellMoves, ToldMove } from './tell-moves.ts'
import type { Countersigned, MovingTransaction, Transaction } from './transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'

export interface MoveRecord {
  /** Default: `<noun>.<state>`. */
  readonly event?: string
  readonly actor?: string
  /** Default: the request that made the transaction. */
  readonly requestId?: string
  /** Ids, digests, hashes. */
  readonly facts?: Readonly<Record<string, AuditFact>>
}

/** What it is: in the names of audit events. */
export type Noun = 'transaction' | 'signature'

export interface RecordOneDeps<Row extends Countersigned> {
  readonly noun: Noun
  readonly transactions: Pick<CountersignedRepository<Row>, 'move'>
  readonly audit: Pick<Audit, 'append'>
  readonly count: (state: TransactionState) => void
  /** Undefined: nobody outside is told of its moves. */
  readonly tell?: TellMoves
}

export interface RecordMoveDeps extends Omit<RecordOneDeps<Transaction>, 'noun'> {
  readonly transactions: Pick<TransactionRepository, 'move' | 'moveAll'>
  readonly tell: TellMoves
}

type Moving = Pick<Countersigned, 'id' | 'requestId'>

export interface MoveEntry { readonly transaction: Moving, readonly move: Move, readonly record?: MoveRecord }

export interface Made { readonly entry: MoveEntry, readonly row: ToldMove['row'] }

/** By whom alone moves it on: a lane's holder. */
export interface MoveOfRow extends MoveEntry { readonly transaction: MovingTransaction }

/** @returns undefined when the row was not as the move wants it; nothing is recorded then. */
export type RecordOne<Row extends Countersigned> = (unit: Unit, row: Moving, move: Move, record?: MoveRecord) => Promise<Row | undefined>

export interface RecordMove extends RecordOne<Transaction> {
  /**
   * Different transactions in a few round trips, however many. @returns for each entry, in their order, its transaction as the move left it:
   * what it was given as, and what the move wrote; undefined as above.
   */
  all (unit: Unit, entries: readonly MoveOfRow[]): Promise<(MovingTransaction | undefined)[]>
  /** Rows that were inserted in this unit as they are after these moves. */
  inserted (unit: Unit, made: readonly Made[]): Promise<void>
}

const createNote = ({ noun, audit, count, tell }: Pick<RecordOneDeps<Countersigned>, 'noun' | 'audit' | 'count' | 'tell'>) => async (unit: Unit, made: readonly Made[]): Promise<void> => {
  if (made.length > 0) await audit.append(made.map(({ entry, row }) => auditRow(noun, entry, row)), unit.session)
  await tell?.(unit, made.map(({ entry: { move, record }, row }) => ({ move, row, hash: hashIn(record?.facts) })))
  unit.afterCommit(() => { for (const { entry: { move } } of made) count(move.to) })
}

/** Of any kind of row, one at a time. */
export function createRecordOne<Row extends Countersigned> (deps: RecordOneDeps<Row>): RecordOne<Row> {
  const note = createNote(deps)
  return async (unit, transaction, move, record = {}) => {
    const row = await deps.transactions.move(transaction.id, move, unit)
    if (row !== undefined) await note(unit, [{ entry: { transaction, move, record }, row }])
    return row
  }
}

export function createRecordMove (deps: RecordMoveDeps): RecordMove {
  const { transactions } = deps
  const note = createNote({ ...deps, noun: 'transaction' })
  const one = createRecordOne<Transaction>({ ...deps, noun: 'transaction' })
  const all: RecordMove['all'] = async (unit, entries) => {
    const [only] = entries
    if (only === undefined) return []
    if (entries.length === 1) return [await one(unit, only.transaction, only.move, only.record)]
    const moved = await transactions.moveAll(entries.map(({ transaction, move }) => ({ id: transaction.id, ...move })), unit)
    const rows = entries.map(({ transaction, move: { to, set } }) => {
      const updatedAt = moved.get(transaction.id)
      return updatedAt && { ...transaction, ...set, state: to, updatedAt }
    })
    await note(unit, entries.flatMap((entry, index) => rows[index] === undefined ? [] : [{ entry, row: rows[index] }]))
    return rows
  }
  return Object.assign(one, { all, inserted: note })
}

const hashIn = (facts: MoveRecord['facts']): string | undefined => typeof facts?.['hash'] === 'string' ? facts['hash'] : undefined

const auditRow = (noun: Noun, { transaction: { id, requestId }, move, record = {} }: MoveEntry, { walletId }: Made['row']): AuditEntry => ({
  event: record.event ?? `${noun}.${move.to}`,
  subject: id,
  walletId,
  requestId: record.requestId ?? requestId,
  ...record.actor !== undefined && { actor: record.actor },
  facts: { from: move.from, ...record.facts }
})
