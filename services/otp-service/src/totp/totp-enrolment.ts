/** Secrets that wait for their first code. They stand apart from factors, so that nothing which lists or asks factors meets one. */
import { literally, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'

export interface TotpEnrolment {
  /** Of the factor to be. */
  readonly id: string
  readonly userId: string
  readonly sessionId: string
  readonly sealedSecret: string
  /** Of the factors there were, one of which proved that this may be added; null for a first factor. */
  readonly factorRoot: string | null
  /** The factor that proved it. It must still be there when this one comes to count. */
  readonly provedBy: string | null
  readonly expiresAt: Date
  readonly lastAttemptAt: Date | null
}

interface EnrolmentDocument {
  readonly _id: string
  readonly user_id: string
  readonly session_id: string
  readonly command_id: string
  readonly sealed_secret: string
  readonly factor_root: string | null
  /** Absent in rows of an earlier version, which live for a quarter of an hour. */
  readonly proved_by?: string | null
  readonly attempts_left: number
  readonly last_attempt_at: Date | null
  readonly created_at: Date
  readonly expires_at: Date
}

/** The unique index by which a repeated command begins nothing twice. */
export const oneTotpPerCommand = 'one_totp_per_command'

export const totpEnrolmentIndexes: readonly IndexSpec[] = [
  { collection: 'totp_enrolments', name: oneTotpPerCommand, key: { command_id: 1 }, unique: true },
  { collection: 'totp_enrolments', name: 'by_user', key: { user_id: 1 } },
  { collection: 'totp_enrolments', name: 'expiry', key: { expires_at: 1 }, expireAfterSeconds: 0 }
]

/** Whoever answers was shown the secret, so that there is nothing to guess: it bounds work alone. */
const attemptsMax = 10

export type TotpEnrolmentRepository = ReturnType<typeof createTotpEnrolmentRepository>

export function createTotpEnrolmentRepository (db: Db) {
  const enrolments = db.collection<EnrolmentDocument>('totp_enrolments')

  return {
    async findByCommand (userId: string, sessionId: string, commandId: string): Promise<TotpEnrolment | undefined> {
      const found = await enrolments.findOne({ command_id: commandId, user_id: userId, session_id: sessionId })
      return found === null ? undefined : toEnrolment(found)
    },

    /** What this session began before goes. A duplicate of the command ends the transaction. */
    async begin (enrolment: Omit<TotpEnrolment, 'expiresAt' | 'lastAttemptAt'> & { readonly commandId: string }, ttlSeconds: number, transaction: Transaction): Promise<TotpEnrolment> {
      const { id, userId, sessionId, sealedSecret, factorRoot, provedBy, commandId } = enrolment
      await enrolments.deleteMany({ user_id: userId, session_id: sessionId, command_id: { $ne: commandId } }, { session: transaction })
      const found = await enrolments.findOneAndUpdate({ _id: id }, [{
        $replaceWith: {
          $mergeObjects: [
            literally({ _id: id, user_id: userId, session_id: sessionId, command_id: commandId, sealed_secret: sealedSecret, factor_root: factorRoot, proved_by: provedBy, attempts_left: attemptsMax, last_attempt_at: null }),
            { created_at: '$$NOW', expires_at: { $add: ['$$NOW', ttlSeconds * 1_000] } }
          ]
        }
      }], { upsert: true, returnDocument: 'after', session: transaction })
      if (found === null) throw new Error('the enrolment was not written')
      return toEnrolment(found)
    },

    /** Pays before anybody looks. Undefined when it is none of this session, over, or out of attempts. */
    async spendAttempt (id: string, userId: string, sessionId: string): Promise<TotpEnrolment | undefined> {
      const found = await enrolments.findOneAndUpdate(
        { _id: id, user_id: userId, session_id: sessionId, attempts_left: { $gt: 0 }, $expr: { $gt: ['$expires_at', '$$NOW'] } },
        [{ $set: { attempts_left: { $subtract: ['$attempts_left', 1] }, last_attempt_at: '$$NOW' } }],
        { returnDocument: 'after' }
      )
      return found === null ? undefined : toEnrolment(found)
    },

    /** True for exactly one caller. */
    async finish (id: string, transaction: Transaction): Promise<boolean> {
      return (await enrolments.deleteOne({ _id: id }, { session: transaction })).deletedCount === 1
    },

    /** With the account. */
    async forget (userId: string, transaction: Transaction): Promise<void> {
      await enrolments.deleteMany({ user_id: userId }, { session: transaction })
    }
  }
}

const toEnrolment = (found: EnrolmentDocument): TotpEnrolment => ({
  id: found._id,
  userId: found.user_id,
  sessionId: found.session_id,
  sealedSecret: found.sealed_secret,
  factorRoot: found.factor_root,
  provedBy: found.proved_by ?? null,
  expiresAt: found.expires_at,
  lastAttemptAt: found.last_attempt_at
})
