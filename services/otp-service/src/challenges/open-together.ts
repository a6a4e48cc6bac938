/**
 * The writes of opening challenges, shared: those that are opened at the same time are written in one transaction, challenge, message and audit row
 * of each. One that may not be opened is left out, and fails for its own caller alone.
 */
import { Problem, problems } from '@countersign/contracts'
import { gather, type Audit, type AuditEntry, type Outbox, type OutboxRow } from '@countersign/mongo'
import type { Transact } from '../transaction.ts'
import type { Challenge } from './challenge.ts'
import type { ChallengeRepository, Opening } from './challenge-repository.ts'
import type { SealCode } from './code-sms.ts'

export interface OpenTogetherDeps {
  readonly challenges: Pick<ChallengeRepository, 'insertAll'>
  readonly sealCode: SealCode
  readonly outbox: Pick<Outbox, 'insertAll'>
  readonly audit: Audit
  readonly transact: Transact
}

export interface Opened {
  readonly opening: Opening
  readonly requestId: string
  readonly audited: (challenge: Challenge) => AuditEntry
  /** The code that goes to its address at once. `take` takes once, however often it is called. @throws Problem sendLimited */
  readonly sending?: { readonly code: string, readonly take: () => Promise<void> }
}

export interface OpenChallenge { readonly challenge: Challenge, readonly rows: readonly OutboxRow[] }

/** @returns undefined when that id exists already. @throws Problem stateConflict when its action has ended, what `take` throws, and the duplicate of a command that began another */
export type OpenTogether = (opened: Opened) => Promise<OpenChallenge | undefined>

/** Somebody may open nothing: the transaction begins anew without them. */
class NotAll extends Error {}

export function createOpenTogether ({ challenges, sealCode, outbox, audit, transact }: OpenTogetherDeps): OpenTogether {
  const write = async (all: readonly Opened[], refused: Map<Opened, unknown>): Promise<ReadonlyMap<Opened, OpenChallenge>> => await transact(async (transaction) => {
    const made = await challenges.insertAll(all.map(({ opening }) => opening), transaction)
    const ready = all.flatMap((opened, i) => made[i] === undefined ? [] : [{ opened, challenge: made[i] }])
    // After the insert: of repeats in parallel only the one that sends a code pays for it.
    const taken = await Promise.allSettled(ready.map(async ({ opened: { sending }, challenge }) => {
      refuseEnded(challenge)
      await sending?.take()
    }))
    for (const [i, take] of taken.entries()) if (take.status === 'rejected') refused.set(ready[i]?.opened as Opened, take.reason)
    if (ready.some(({ opened }) => refused.has(opened))) throw new NotAll()

    const [first] = ready
    if (first === undefined) return new Map()
    const sent = ready.flatMap(({ opened, challenge }) => opened.sending === undefined ? [] : [{ opened, entry: sealCode(challenge, opened.sending.code, opened.requestId) }])
    const rows = sent.length === 0 ? [] : await outbox.insertAll(sent.map(({ entry }) => entry), first.challenge.createdAt, transaction)
    await audit.append(ready.map(({ opened, challenge }) => opened.audited(challenge)), transaction)
    return new Map(ready.map(({ opened, challenge }) => [opened, { challenge, rows: rows.filter((_row, i) => sent[i]?.opened === opened) }]))
  })

  const openShared = gather(async (all: readonly Opened[]) => {
    const refused = new Map<Opened, unknown>()
    for (;;) {
      const rest = all.filter((opened) => !refused.has(opened))
      try {
        const open = rest.length === 0 ? new Map<Opened, OpenChallenge>() : await write(rest, refused)
        return all.map((opened) => refused.has(opened) ? { refusal: refused.get(opened) } : { open: open.get(opened) })
      } catch (error) {
        if (!(error instanceof NotAll)) throw error
      }
    }
  })

  return async (opened) => {
    const answer = await openShared(opened)
    if ('refusal' in answer) throw answer.refusal
    return answer.open
  }
}

function refuseEnded ({ expiresAt, createdAt }: Challenge): void {
  if (expiresAt <= createdAt) throw new Problem(problems.stateConflict, { detail: 'The action has ended.' })
}
