/** A lock is told once at every address that codes of the account go to, in the transaction of its audit row: not each guess, which its maker could send by the thousand. */
import type { Audit, OutboxRow } from '@countersign/mongo'
import type { Lock } from '../budgets/budget.ts'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import { nameOf } from './factor-notices.ts'
import type { Factor } from './factor.ts'
import type { FactorRepository } from './factor-repository.ts'

export interface ToldLock {
  readonly userId: string
  readonly challengeId: string
  /** The one that is locked; undefined: every code of the account is. */
  readonly factor: Factor | undefined
  readonly lock: Lock
  /** Of the last wrong code. */
  readonly at: Date
  readonly requestId: string
}

export interface LockNoticesDeps {
  readonly factors: Pick<FactorRepository, 'listOf'>
  readonly mails: MailWriter
  readonly audit: Audit
  readonly transact: Transact
  readonly dispatch: Dispatch
}

/** Called by whoever made the last wrong attempt before the lock, which is one. */
export type TellLock = (told: ToldLock) => Promise<void>

/** A lock that ended is still worth knowing of: somebody guesses. */
const noticeUsefulMs = 86_400_000

export const createTellLock = ({ factors, mails, audit, transact, dispatch }: LockNoticesDeps): TellLock =>
  async ({ userId, challengeId, factor, lock: { closed, retryAfterSeconds }, at, requestId }) => {
    const parameters = {
      at: at.toISOString(),
      closed,
      ...!closed && retryAfterSeconds > 0 && { until: new Date(at.getTime() + retryAfterSeconds * 1_000).toISOString() },
      ...factor !== undefined && { factor: nameOf(factor) }
    }
    await dispatch(await transact(async (transaction) => {
      const rows: OutboxRow[] = []
      for (const told of await factors.listOf(userId, transaction)) {
        if (told.kind !== 'email_code') continue
        rows.push(await mails.write({ template: 'factor_locked', to: told.address, parameters }, { usefulUntil: new Date(at.getTime() + noticeUsefulMs), requestId }, transaction))
      }
      await audit.append({ event: 'factor.locked', subject: userId, requestId, facts: { challenge: challengeId, closed, ...factor !== undefined && { factor: factor.id } } }, transaction)
      return rows
    }))
  }
