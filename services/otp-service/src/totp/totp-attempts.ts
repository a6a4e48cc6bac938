/**
 * What an authenticator app has answered, and how often it was guessed at. A guess is counted before it is compared and taken back when it
 * was right, each in one update by the database's clock, so that guesses in parallel cannot share what is left of the day.
 */
import { literally } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { pruned, without } from '../budgets/reserving.ts'
import type { FactorDocument } from '../factors/factor-document.ts'

/** Three codes are right at any time, so that a guess is three times as good as one at a mailed code: a third of that day's 20 guesses in all, which are six. */
const perDay = 4
/** The other two are kept for sessions that have answered rightly before: whoever guesses from elsewhere does not keep the owner from where they are. */
const ownPerDay = 2
const dayMs = 86_400_000

/** `waitSeconds`: until the next attempt may be made, if this one is wrong. */
export interface Paid { readonly granted: boolean, readonly waitSeconds: number }

export type TotpAttempts = ReturnType<typeof createTotpAttempts>

export function createTotpAttempts (db: Db) {
  const factors = db.collection<FactorDocument>('factors')

  return {
    /** Counts one attempt as wrong, unless there must be none now. @param own of a session that has answered rightly before @returns undefined when the factor is gone. */
    async pay (factorId: string, ref: string, own: boolean): Promise<Paid | undefined> {
      const isOpen = { $lt: [{ $size: '$failures' }, perDay + (own ? ownPerDay : 0)] }
      const found = await factors.findOneAndUpdate({ _id: factorId, kind: 'totp' }, [
        { $set: { failures: pruned['failures'] } },
        { $set: { failures: { $cond: [isOpen, { $concatArrays: ['$failures', [{ at: '$$NOW', ref: literally(ref) }]] }, '$failures'] } } },
        { $set: { wait_ms: { $cond: [isOpen, 0, { $subtract: [{ $add: [{ $min: '$failures.at' }, dayMs] }, '$$NOW'] }] } } }
      ], { returnDocument: 'after' })
      if (found?.kind !== 'totp') return undefined
      return { granted: found.failures.some((failure) => failure.ref === ref), waitSeconds: Math.ceil((found.wait_ms ?? 0) / 1_000) }
    },

    /** Takes the attempt back. */
    async giveBack (factorId: string, ref: string): Promise<void> {
      await factors.updateOne({ _id: factorId, kind: 'totp' }, [{ $set: { failures: without('$failures', ref) } }])
    },

    /** The code of that step was right. True for exactly one caller, and for none once a later step has answered (RFC 6238 §5.2). */
    async accept (factorId: string, { step, ref, sealedSecret }: { step: number, ref: string, sealedSecret: string }): Promise<boolean> {
      const { modifiedCount } = await factors.updateOne({ _id: factorId, kind: 'totp', last_step: { $lt: step } }, [
        { $set: { last_step: step, sealed_secret: literally(sealedSecret), failures: without('$failures', ref) } }
      ])
      return modifiedCount === 1
    }
  }
}
