/** A use case passes its transaction on without knowing the driver. */
import type { OutboxRow } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'

export type Transaction = ClientSession

/**
 * Runs the work in one transaction; may run it again after a conflict, so that the work has no other effects, or one that happens once
 * however often it runs. What it throws ends the transaction, and comes out as it is.
 */
export type Transact = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>

/** Brings outbox rows to their queues after the commit. Never throws: the sweeper does what fails here. */
export type Dispatch = (rows: readonly OutboxRow[]) => Promise<void>
