/**
 * The operator's only way for somebody who lost his factors. Nothing is lost at once: every address that codes go to is told, and until the
 * delay is over the operator, or any right answer of an old factor, cancels it. Asked again it changes nothing.
 */
import type { Audit, OutboxRow } from '@countersign/mongo'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Transact } from '../transaction.ts'
import type { FactorReset, FactorResetRepository } from './factor-reset-repository.ts'

export interface AskFactorResetDeps {
  readonly resets: Pick<FactorResetRepository, 'begin' | 'addressesOf'>
  readonly mails: MailWriter
  readonly audit: Audit
  readonly transact: Transact
  readonly newResetId: () => string
  readonly delaySeconds: number
}

export interface AskedReset {
  readonly reset: FactorReset
  /** False: it waited already. */
  readonly fresh: boolean
  /** Mails that tell of it; the service brings them to the queue. */
  readonly notices: readonly OutboxRow[]
}

/** A notice is worth delivering for as long as somebody may still act on it, and for a day at least. */
const noticeUsefulMs = 86_400_000

/** @returns undefined when the user has no factors */
export const createAskFactorReset = ({ resets, mails, audit, transact, newResetId, delaySeconds }: AskFactorResetDeps) =>
  async (userId: string, requestId: string): Promise<AskedReset | undefined> => {
    const id = newResetId()
    return await transact(async (transaction) => {
      const reset = await resets.begin(userId, id, delaySeconds, transaction)
      if (reset === undefined) return undefined
      if (reset.id !== id) return { reset, fresh: false, notices: [] }
      const notices: OutboxRow[] = []
      for (const to of await resets.addressesOf(userId, transaction)) {
        notices.push(await mails.write({
          template: 'factor_reset_asked', to, parameters: { account: userId, at: reset.askedAt.toISOString(), due_at: reset.dueAt.toISOString() }
        }, { usefulUntil: new Date(reset.askedAt.getTime() + noticeUsefulMs), requestId }, transaction))
      }
      await audit.append({ event: 'factor.reset_asked', subject: userId, actor: 'operator', requestId, facts: { reset: id, due_at: reset.dueAt.toISOString(), notices: notices.length } }, transaction)
      return { reset, fresh: true, notices }
    })
  }
