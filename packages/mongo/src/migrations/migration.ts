/** Changes of stored documents between two versions of a service. Indexes are no migrations: they are a list that is compared. */
import type { Db } from 'mongodb'

export interface Migration {
  /** `0001-some-words`; they are run in the order of their ids. */
  readonly id: string
  readonly description: string
  /** May be interrupted anywhere, and ends the same when it is run again. Stops when the signal is aborted. */
  readonly up: (db: Db, signal: AbortSignal) => Promise<void>
  /** Back again, under the same rules. Absent: there is no way back. */
  readonly down?: (db: Db, signal: AbortSignal) => Promise<void>
}

export interface MigrationRow {
  readonly _id: string
  /** `under way` while it runs, and after a crash in the middle of it. */
  readonly state: 'under way' | 'applied'
  readonly startedAt: Date
  readonly appliedAt: Date | null
}

export interface MigrationStatus {
  readonly id: string
  readonly description: string
  /** `unknown`: a later version of the service applied it. */
  readonly state: 'pending' | 'applied' | 'interrupted' | 'unknown'
  readonly appliedAt: Date | null
}

/** The database cannot be migrated as it is; the message says why and what to do. */
export class MigrationFault extends Error {
  override readonly name = 'MigrationFault'
}

/** @throws TypeError for a list that has no one order */
export function assertMigrations (migrations: readonly Migration[]): void {
  let last = ''
  for (const { id } of migrations) {
    if (!/^\d{4}-[a-z0-9]+(-[a-z0-9]+)*$/.test(id)) throw new TypeError(`migration ${id}: an id is like 0001-some-words`)
    if (id.slice(0, 4) <= last) throw new TypeError(`migration ${id}: its number must be above ${last}`)
    last = id.slice(0, 4)
  }
}
