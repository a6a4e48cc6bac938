/** Secrets that wait for their first code. */
import { exactly, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { alive, createPendingFactors, pendingIndexes, type PendingFactor, type PendingKind } from '../factors/pending-factors.ts'

interface TotpOwn {
  readonly sealedSecret: string
}

export type TotpEnrolment = PendingFactor & TotpOwn

/** Whoever answers was shown the secret, so that there is nothing to guess: it bounds work alone. */
const attemptsMax = 10

const kind: PendingKind<TotpOwn> = {
  collection: 'totp_enrolments',
  onePerCommand: 'one_totp_per_command',
  toRow: ({ sealedSecret }) => ({ sealed_secret: sealedSecret, attempts_left: attemptsMax }),
  fromRow: ({ sealed_secret: sealedSecret }) => ({ sealedSecret })
}

export const oneTotpPerCommand = kind.onePerCommand
export const totpEnrolmentIndexes: readonly IndexSpec[] = pendingIndexes(kind)

export type TotpEnrolmentRepository = ReturnType<typeof createTotpEnrolmentRepository>

export function createTotpEnrolmentRepository (db: Db) {
  const pending = createPendingFactors(db, kind)

  return {
    ...pending,

    /** Pays before anybody looks. Undefined when it is none of this session, over, or out of attempts. */
    async spendAttempt (id: string, userId: string, sessionId: string): ReturnType<typeof pending.find> {
      const { modifiedCount } = await db.collection<{ _id: string }>(kind.collection).updateOne(
        { _id: exactly(id), user_id: exactly(userId), session_id: exactly(sessionId), attempts_left: { $gt: 0 }, ...alive }, { $inc: { attempts_left: -1 } })
      return modifiedCount === 0 ? undefined : await pending.find(id, userId, sessionId)
    }
  }
}
