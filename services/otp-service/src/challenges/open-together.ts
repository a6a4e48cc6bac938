/**
 * The writes of opening challenges, shared: those that are opened at the same time are written in one transaction, challenge, message and audit row
 * of each. One that may not be opened is left out, and fails for its own caller alone.
 */
import { Problem, problems } from '@countersign/contracts'
import type { Audit, AuditEntry, Outbox, OutboxRow } from '@countersign/mongo'
import type { Transact } from '../transaction.ts'
import { admitAll, admitTogether } from './admit-together.ts'
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

export function createOpenTogether ({ challenges, sealCode, outbox, audit, transact }: OpenTogetherDeps): OpenTogether {
  return admitTogether<Opened, OpenChallenge>(async (all, refused) => await transact(async (transaction) => {
    const made = await challenges.insertAll(all.map(({ opening }) => opening), transaction)
    const ready = all.flatMap((item, i) => made[i] === undefined ? [] : [{ item, challenge: made[i] }])
    // After the insert: of repeats in parallel only the one that sends a code pays for it.
    await admitAll(ready, async ({ item, challenge }) => {
      refuseEnded(challenge)
      await item.sending?.take()
    }, refused)

    const [first] = ready
    if (first === undefined) return new Map()
    const sent = ready.flatMap(({ item, challenge }) => item.sending === undefined ? [] : [{ item, entry: sealCode(challenge, item.sending.code, item.requestId) }])
    const rows = sent.length === 0 ? [] : await outbox.insertAll(sent.map(({ entry }) => entry), first.challenge.createdAt, transaction)
    await audit.append(ready.map(({ item, challenge }) => item.audited(challenge)), transaction)
    return new Map(ready.map(({ item, challenge }) => [item, { challenge, rows: rows.filter((_row, i) => sent[i]?.item === item) }]))
  }))
}

function refuseEnded ({ expiresAt, createdAt }: Challenge): void {
  if (expiresAt <= createdAt) throw new Problem(problems.stateConflict, { detail: 'The action has ended.' })
}
