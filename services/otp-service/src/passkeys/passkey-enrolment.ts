/** Passkeys that were asked for and not made yet: the challenge, for one user and session, until it is used or over. */
import { exactly, literally, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'

export interface PasskeyEnrolment {
  /** Of the factor to be. */
  readonly id: string
  readonly userId: string
  readonly sessionId: string
  /** 256 random bits, base64url. */
  readonly challenge: string
  /** 256 random bits, base64url: what an authenticator knows the user by. */
  readonly userHandle: string
  /** How the authenticator calls the account. */
  readonly account: string
  /** Of the factors there were, one of which proved that this may be added; null for a first factor. */
  readonly factorRoot: string | null
  /** The factor that proved it: it must be there still when this one comes to count. */
  readonly provedBy: string | null
  readonly expiresAt: Date
}

interface EnrolmentDocument {
  readonly _id: string
  readonly user_id: string
  readonly session_id: string
  readonly command_id: string
  readonly challenge: string
  readonly user_handle: string
  readonly account: string
  readonly factor_root: string | null
  readonly proved_by: string | null
  readonly expires_at: Date
}

/** The unique index by which a repeated command begins nothing twice. */
export const onePasskeyPerCommand = 'one_passkey_per_command'

export const passkeyEnrolmentIndexes: readonly IndexSpec[] = [
  { collection: 'passkey_enrolments', name: onePasskeyPerCommand, key: { command_id: 1 }, unique: true },
  { collection: 'passkey_enrolments', name: 'by_user', key: { user_id: 1 } },
  { collection: 'passkey_enrolments', name: 'expiry', key: { expires_at: 1 }, expireAfterSeconds: 0 }
]

export type PasskeyEnrolmentRepository = ReturnType<typeof createPasskeyEnrolmentRepository>

export function createPasskeyEnrolmentRepository (db: Db) {
  const enrolments = db.collection<EnrolmentDocument>('passkey_enrolments')
  const alive = { $expr: { $gt: ['$expires_at', '$$NOW'] } }

  return {
    async findByCommand (userId: string, sessionId: string, commandId: string): Promise<PasskeyEnrolment | undefined> {
      const found = await enrolments.findOne({ command_id: commandId, user_id: userId, session_id: sessionId })
      return found === null ? undefined : toEnrolment(found)
    },

    /** What this session began before goes. A duplicate of the command ends the transaction. */
    async begin (enrolment: Omit<PasskeyEnrolment, 'expiresAt'> & { readonly commandId: string }, ttlSeconds: number, transaction: Transaction): Promise<PasskeyEnrolment> {
      const { id, userId, sessionId, challenge, userHandle, account, factorRoot, provedBy, commandId } = enrolment
      await enrolments.deleteMany({ user_id: userId, session_id: sessionId, command_id: { $ne: commandId } }, { session: transaction })
      const found = await enrolments.findOneAndUpdate({ _id: id }, [{
        $replaceWith: {
          $mergeObjects: [
            literally({ _id: id, user_id: userId, session_id: sessionId, command_id: commandId, challenge, user_handle: userHandle, account, factor_root: factorRoot, proved_by: provedBy }),
            { expires_at: { $add: ['$$NOW', ttlSeconds * 1_000] } }
          ]
        }
      }], { upsert: true, returnDocument: 'after', session: transaction })
      if (found === null) throw new Error('the enrolment was not written')
      return toEnrolment(found)
    },

    /** Undefined when it is none of this session, used, or over. */
    async find (id: string, userId: string, sessionId: string): Promise<PasskeyEnrolment | undefined> {
      const found = await enrolments.findOne({ _id: exactly(id), user_id: userId, session_id: sessionId, ...alive })
      return found === null ? undefined : toEnrolment(found)
    },

    /** Uses the challenge up. @returns the database's time, to exactly one caller, and to none after its end. */
    async finish (id: string, transaction: Transaction): Promise<Date | undefined> {
      const used = await enrolments.findOneAndUpdate({ _id: exactly(id), ...alive }, [{ $set: { expires_at: '$$NOW' } }], { returnDocument: 'after', session: transaction })
      return used?.expires_at
    },

    /** With the account. */
    async forget (userId: string, transaction: Transaction): Promise<void> {
      await enrolments.deleteMany({ user_id: userId }, { session: transaction })
    }
  }
}

const toEnrolment = (found: EnrolmentDocument): PasskeyEnrolment => ({
  id: found._id,
  userId: found.user_id,
  sessionId: found.session_id,
  challenge: found.challenge,
  userHandle: found.user_handle,
  account: found.account,
  factorRoot: found.factor_root,
  provedBy: found.proved_by,
  expiresAt: found.expires_at
})
