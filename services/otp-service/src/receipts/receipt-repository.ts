/** Receipts as they were given out: at most one per challenge, by a unique index. */
import type { MailboxReceiptClaims, ReceiptClaims } from '@countersign/contracts'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'

interface ReceiptDocument {
  readonly _id: string
  readonly challenge_id: string
  readonly aud: string
  readonly purpose: string
  /** Null: of a mailbox without an account. */
  readonly user_id: string | null
  readonly action_digest: string
  readonly receipt: string
  readonly created_at: Date
}

export type ReceiptRepository = ReturnType<typeof createReceiptRepository>

export function createReceiptRepository (db: Db) {
  const receipts = db.collection<ReceiptDocument>('receipts')

  return {
    async insert (claims: ReceiptClaims | MailboxReceiptClaims, receipt: string, transaction: Transaction): Promise<void> {
      await receipts.insertOne(toDocument(claims, receipt), { session: transaction })
    },

    async insertAll (all: readonly { readonly claims: ReceiptClaims, readonly receipt: string }[], transaction: Transaction): Promise<void> {
      await receipts.insertMany(all.map(({ claims, receipt }) => toDocument(claims, receipt)), { session: transaction })
    },

    async ofChallenge (challengeId: string): Promise<{ id: string, receipt: string } | undefined> {
      const found = await receipts.findOne({ challenge_id: challengeId })
      return found === null ? undefined : { id: found._id, receipt: found.receipt }
    }
  }
}

const toDocument = (claims: ReceiptClaims | MailboxReceiptClaims, receipt: string): ReceiptDocument => ({
  _id: claims.jti,
  challenge_id: claims.challenge_id,
  aud: claims.aud,
  purpose: claims.purpose,
  user_id: claims.sub ?? null,
  action_digest: claims.action_digest,
  receipt,
  created_at: new Date(claims.iat * 1_000)
})
