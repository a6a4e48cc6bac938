/**
 * A message that no honest sender would send leaves an audit row, once a minute for each source and kind: whoever forges them must not be
 * able to fill the database. The next row says how many went by unwritten; all are counted in the metrics.
 */
import type { Audit, AuditFact } from '@countersign/mongo'

export interface RefusedMessage {
  /** Dotted, past tense. */
  readonly event: string
  /** What it came by: one of a fixed few. */
  readonly source: string
  readonly reason: string
  /** Ids that are known here, or words; never what the message claims to be about. */
  readonly subject: string
  /** Of a transaction that it is about. */
  readonly walletId?: string
  readonly requestId?: string
  readonly facts?: Readonly<Record<string, AuditFact>>
}

export type NoteRefused = (message: RefusedMessage) => Promise<void>

const rowEveryMs = 60_000
const mostRemembered = 4_096

/** @param now milliseconds of a clock that only goes forward; per process */
export function createNoteRefused ({ audit, now }: { readonly audit: Pick<Audit, 'append'>, readonly now: () => number }): NoteRefused {
  const remembered = new Map<string, { readonly at: number, unwritten: number }>()

  return async ({ event, source, reason, subject, walletId, requestId, facts }) => {
    // A transaction of ours is one of a bounded number; anything else in the message is whatever its sender wants.
    const kind = [event, source, reason, ...walletId === undefined ? [] : [subject]].join(' ')
    const last = remembered.get(kind)
    if (last !== undefined && now() - last.at < rowEveryMs) {
      last.unwritten++
      return
    }
    remembered.delete(kind)
    for (const [oldest, { at }] of remembered) if (remembered.size >= mostRemembered || now() - at >= 60 * rowEveryMs) remembered.delete(oldest)
    remembered.set(kind, { at: now(), unwritten: 0 })
    await audit.append({
      event, subject, ...walletId !== undefined && { walletId }, ...requestId !== undefined && { requestId },
      facts: { reason, via: source, ...last !== undefined && last.unwritten > 0 && { unwritten_before: last.unwritten }, ...facts }
    })
  }
}
