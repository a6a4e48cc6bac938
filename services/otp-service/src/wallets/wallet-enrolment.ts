/** Wallets that wait for their first signature. They stand apart from factors, so that nothing which lists or asks factors meets one. */
import { walletEnrolmentPreimage, walletEnrolmentPurpose, walletEnrolmentText } from '@countersign/contracts'
import { literally, type IndexSpec } from '@countersign/mongo'
import { actionDigest } from '@countersign/secrets'
import type { Db } from 'mongodb'
import type { Transaction } from '../transaction.ts'
import type { FactorWallet } from './factor-wallet.ts'
import type { WalletQuestion } from './wallet-questions.ts'

export interface WalletEnrolment {
  /** Of the factor to be. */
  readonly id: string
  readonly userId: string
  readonly sessionId: string
  readonly wallet: FactorWallet
  readonly name: string | null
  /** 128 random bits, hex. */
  readonly nonce: string
  /** Of the factors there were, one of which proved that this may be added; null for a first factor. */
  readonly factorRoot: string | null
  /** The factor that proved it. It must still be there when this one comes to count. */
  readonly provedBy: string | null
  /** That proof showed nothing, and nor does any other factor: whoever was trusted by their root has not agreed to this wallet. */
  readonly renewsRoot: boolean
  readonly createdAt: Date
  readonly expiresAt: Date
}

interface EnrolmentDocument {
  readonly _id: string
  readonly user_id: string
  readonly session_id: string
  readonly command_id: string
  readonly wallet: FactorWallet
  readonly name: string | null
  readonly nonce: string
  readonly factor_root: string | null
  readonly proved_by: string | null
  readonly renews_root: boolean
  readonly created_at: Date
  readonly expires_at: Date
}

/** The unique index by which a repeated command begins nothing twice. */
export const oneWalletPerCommand = 'one_wallet_per_command'

export const walletEnrolmentIndexes: readonly IndexSpec[] = [
  { collection: 'wallet_enrolments', name: oneWalletPerCommand, key: { command_id: 1 }, unique: true },
  { collection: 'wallet_enrolments', name: 'by_user', key: { user_id: 1 } },
  { collection: 'wallet_enrolments', name: 'expiry', key: { expires_at: 1 }, expireAfterSeconds: 0 }
]

/** What the wallet signs to be enrolled. */
export function questionOfEnrolment ({ id, userId, sessionId, wallet: { family, address, chainReference }, nonce, createdAt, expiresAt }: WalletEnrolment, site: string): WalletQuestion {
  const enrolment = { userId, sessionId, factorId: id, family, address, chainReference }
  return {
    text: walletEnrolmentText(enrolment, site), account: userId, purpose: walletEnrolmentPurpose, nonce, digest: actionDigest(walletEnrolmentPreimage(enrolment)), issuedAt: createdAt, expiresAt
  }
}

export type WalletEnrolmentRepository = ReturnType<typeof createWalletEnrolmentRepository>

export function createWalletEnrolmentRepository (db: Db) {
  const enrolments = db.collection<EnrolmentDocument>('wallet_enrolments')

  return {
    async findByCommand (userId: string, sessionId: string, commandId: string): Promise<WalletEnrolment | undefined> {
      const found = await enrolments.findOne({ command_id: commandId, user_id: userId, session_id: sessionId })
      return found === null ? undefined : toEnrolment(found)
    },

    /** What this session began before goes. A duplicate of the command ends the transaction. */
    async begin (enrolment: Omit<WalletEnrolment, 'createdAt' | 'expiresAt'> & { readonly commandId: string }, ttlSeconds: number, transaction: Transaction): Promise<WalletEnrolment> {
      const { id, userId, sessionId, commandId, wallet, name, nonce, factorRoot, provedBy, renewsRoot } = enrolment
      await enrolments.deleteMany({ user_id: userId, session_id: sessionId, command_id: { $ne: commandId } }, { session: transaction })
      const found = await enrolments.findOneAndUpdate({ _id: id }, [{
        $replaceWith: {
          $mergeObjects: [
            literally({ _id: id, user_id: userId, session_id: sessionId, command_id: commandId, wallet, name, nonce, factor_root: factorRoot, proved_by: provedBy, renews_root: renewsRoot }),
            { created_at: '$$NOW', expires_at: { $add: ['$$NOW', ttlSeconds * 1_000] } }
          ]
        }
      }], { upsert: true, returnDocument: 'after', session: transaction })
      if (found === null) throw new Error('the enrolment was not written')
      return toEnrolment(found)
    },

    /** With the database's time. Undefined when it is none of this session, or over. */
    async findPending (id: string, userId: string, sessionId: string): Promise<{ readonly enrolment: WalletEnrolment, readonly now: Date } | undefined> {
      const [found] = await enrolments.aggregate<EnrolmentDocument & { now: Date }>([
        { $match: { _id: id, user_id: userId, session_id: sessionId, $expr: { $gt: ['$expires_at', '$$NOW'] } } }, { $set: { now: '$$NOW' } }
      ]).toArray()
      return found === undefined ? undefined : { enrolment: toEnrolment(found), now: found.now }
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

const toEnrolment = (found: EnrolmentDocument): WalletEnrolment => ({
  id: found._id,
  userId: found.user_id,
  sessionId: found.session_id,
  wallet: found.wallet,
  name: found.name,
  nonce: found.nonce,
  factorRoot: found.factor_root,
  provedBy: found.proved_by,
  renewsRoot: found.renews_root,
  createdAt: found.created_at,
  expiresAt: found.expires_at
})
