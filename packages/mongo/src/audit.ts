/** Rows that are inserted and never changed: the service's database user may do nothing else to this collection. */
import { newId } from '@countersign/runtime'
import { Timestamp, type ClientSession, type Db } from 'mongodb'
import { isDuplicateKey } from './duplicate-key.ts'
import { gather } from './gather.ts'

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
   * @param session makes the row part of the change it tells of; rows without one that come at the same time go in one message
   */
  append (entry: AuditEntry | readonly AuditEntry[], session?: ClientSession): Promise<void>
}

export const createAudit = (db: Db): Audit => {
  const rows = db.collection<AuditRow>('audit')
  const insertShared = gather(async (all: readonly (readonly AuditRow[])[]) => {
    await rows.insertMany(all.flat(), { ordered: false })
    return all.map(() => undefined)
  })
  return {
    async append (entry, session) {
      const made = [entry].flat().map(toRow)
      if (session !== undefined) await rows.insertMany(made, { session })
      else await insertShared(made).catch((error: unknown) => {
        // Another's row was refused, so that each goes again by itself; these were written before.
        if (!isDuplicateKey(error, '_id_')) throw error
      })
    }
  }
}

/** An empty timestamp at the top level is replaced by the server's own on insert. */
const toRow = (entry: AuditEntry): AuditRow => ({ _id: newId('aud'), ...entry, recordedAt: new Timestamp({ t: 0, i: 0 }) })
