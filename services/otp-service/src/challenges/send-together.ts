/**
 * The writes of sending a code, shared: codes that are sent at the same time are written in one transaction, challenge, message and audit row of
 * each. One that may not be sent is left out, and fails for its own caller alone.
 */
import { gather, type Audit, type Outbox, type OutboxRow } from '@countersign/mongo'
import type { Transact } from '../transaction.ts'
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

/** Somebody may send nothing: the transaction begins anew without them. */
class NotAll extends Error {}

export function createSendTogether ({ challenges, sealCode, outbox, audit, transact }: SendTogetherDeps): SendTogether {
  const write = async (sendings: readonly Sending[], refused: Map<Sending, unknown>): Promise<ReadonlyMap<Sending, SentCode>> => await transact(async (transaction) => {
    const renewed = await challenges.renewAll(sendings.map(({ renewal }) => renewal), transaction)
    const ready = sendings.flatMap((sending, i) => renewed[i] === undefined ? [] : [{ sending, challenge: renewed[i] }])
    // After the renewal: of repeats in parallel only the one that sends a code pays for it.
    const taken = await Promise.allSettled(ready.map(({ sending }) => sending.takeSend()))
    for (const [i, take] of taken.entries()) if (take.status === 'rejected') refused.set(ready[i]?.sending as Sending, take.reason)
    if (refused.size > 0 && ready.some(({ sending }) => refused.has(sending))) throw new NotAll()

    const [first] = ready
    if (first === undefined) return new Map()
    const rows = await outbox.insertAll(ready.map(({ sending: { code, requestId }, challenge }) => sealCode(challenge, code, requestId)), first.challenge.lastSentAt, transaction)
    await audit.append(ready.map(({ sending: { requestId }, challenge: { id, userId, sends, attemptsLeft } }) => (
      { event: sends === 1 ? 'challenge.sent' : 'challenge.resent', subject: id, actor: userId, requestId, facts: { sends, attempts_left: attemptsLeft } })), transaction)
    return new Map(ready.map(({ sending, challenge }, i) => [sending, { challenge, row: rows[i] as OutboxRow }]))
  })

  const sendShared = gather(async (all: readonly Sending[]) => {
    const sent = new Map<Sending, SentCode>()
    const refused = new Map<Sending, unknown>()
    let waiting = [...all]
    while (waiting.length > 0) {
      // Two codes for one challenge come after one another, as they would alone: the older dies.
      const now = waiting.filter(({ renewal }, i) => waiting.findIndex((other) => other.renewal.challenge.id === renewal.challenge.id) === i)
      try {
        for (const [sending, code] of await write(now, refused)) sent.set(sending, code)
        waiting = waiting.filter((sending) => !now.includes(sending))
      } catch (error) {
        if (!(error instanceof NotAll)) throw error
        waiting = waiting.filter((sending) => !refused.has(sending))
      }
    }
    return all.map((sending) => refused.has(sending) ? { refusal: refused.get(sending) } : { sent: sent.get(sending) })
  })

  return async (sending) => {
    const answer = await sendShared(sending)
    if ('refusal' in answer) throw answer.refusal
    return answer.sent
  }
}
