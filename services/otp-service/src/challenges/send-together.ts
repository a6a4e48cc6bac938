/**
 * The writes of sending a code, shared: codes that are sent at the same time are written in one transaction, challenge, message and audit row of
 * each. One that may not be sent is left out, and fails for its own caller alone.
 */
import type { Audit, Outbox, OutboxRow } from '@countersign/mongo'
import type { Transact } from '../transaction.ts'
import { admitAll, admitTogether } from './admit-together.ts'
import type { Challenge } from './challenge.ts'
import type { ChallengeRepository, Renewal } from './challenge-repository.ts'
import type { SealCode } from './code-sms.ts'

export interface SendTogetherDeps {
  readonly challenges: Pick<ChallengeRepository, 'renewAll'>
  readonly sealCode: SealCode
  readonly outbox: Pick<Outbox, 'insertAll'>
  readonly audit: Audit
  readonly transact: Transact
}

export interface Sending {
  readonly renewal: Renewal
  readonly code: string
  readonly requestId: string
  /** Takes once, however often it is called. @throws Problem sendLimited */
  readonly takeSend: () => Promise<void>
}

export interface SentCode { readonly challenge: Challenge, readonly row: OutboxRow }

/** @returns undefined when the challenge takes no new code, or its command has sent one before. @throws what `takeSend` throws */
export type SendTogether = (sending: Sending) => Promise<SentCode | undefined>

export function createSendTogether ({ challenges, sealCode, outbox, audit, transact }: SendTogetherDeps): SendTogether {
  return admitTogether<Sending, SentCode>(async (all, refused) => await transact(async (transaction) => {
    const renewed = await challenges.renewAll(all.map(({ renewal }) => renewal), transaction)
    const ready = all.flatMap((item, i) => renewed[i] === undefined ? [] : [{ item, challenge: renewed[i] }])
    // After the renewal: of repeats in parallel only the one that sends a code pays for it.
    await admitAll(ready, async ({ item }) => { await item.takeSend() }, refused)

    const [first] = ready
    if (first === undefined) return new Map()
    const rows = await outbox.insertAll(ready.map(({ item: { code, requestId }, challenge }) => sealCode(challenge, code, requestId)), first.challenge.lastSentAt, transaction)
    await audit.append(ready.map(({ item: { requestId }, challenge: { id, userId, sends, attemptsLeft } }) => (
      { event: sends === 1 ? 'challenge.sent' : 'challenge.resent', subject: id, actor: userId, requestId, facts: { sends, attempts_left: attemptsLeft } })), transaction)
    return new Map(ready.map(({ item, challenge }, i) => [item, { challenge, row: rows[i] as OutboxRow }]))
    // Of two codes for one challenge the older dies.
  }), ({ renewal }) => renewal.challenge.id)
}
