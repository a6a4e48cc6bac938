/** Rows that are inserted and never changed: the service's database user may do nothing else to this collection. */
import { newId } from '@countersign/runtime'
import { Timestamp, type ClientSession, type Db } from 'mongodb'

export type AuditFact = string | number | boolean | null | readonly string[]

export interface AuditEntry {
  /** What happened, dotted, past tense: `transaction.approved`. */
  readonly event: string
  /** Id of what it happened to. */
  readonly subject: string
  /** Id of who did it. */
  readonly actor?: string
  readonly requestId?: string
  /** The wallet whose chain of rows this one belongs to. Absent: the chain of the deployment. */
  readonly walletId?: string
  /** Ids, digests and hashes. No addresses of people, no secrets. */
  readonly facts?: Readonly<Record<string, AuditFact>>
}

export interface AuditRow extends AuditEntry {
  readonly _id: string
  /** The server fills it in, so that rows of processes with different clocks have one order. */
  readonly recordedAt: Timestamp
}

export interface Audit {
  /**
   * @param entry one row, or several in one write
   * @param session makes the row part of the change it tells of
   */
  append (entry: AuditEntry | readonly AuditEntry[], session?: ClientSession): Promise<void>
}

export const createAudit = (db: Db): Audit => {
  const rows = db.collection<AuditRow>('audit')
  return {
    async append (entry, session) {
      await rows.insertMany([entry].flat().map(toRow), { ...session && { session } })
    }
  }
}

/** An empty timestamp at the top level is replaced by the server's own on insert. */
const toRow = (entry: AuditEntry): AuditRow => ({ _id: newId('aud'), ...entry, recordedAt: new Timestamp({ t: 0, i: 0 }) })
