/** Wallets that wait for their first signature. */
import { walletEnrolmentPreimage, walletEnrolmentPurpose, walletEnrolmentText } from '@countersign/contracts'
import type { IndexSpec } from '@countersign/mongo'
import { actionDigest } from '@countersign/secrets'
import type { Db } from 'mongodb'
import { createPendingFactors, pendingIndexes, type PendingFactor, type PendingFactors, type PendingKind } from '../factors/pending-factors.ts'
import type { FactorWallet } from './factor-wallet.ts'
import type { WalletQuestion } from './wallet-questions.ts'

interface WalletOwn {
  readonly wallet: FactorWallet
  readonly name: string | null
  /** 128 random bits, hex. */
  readonly nonce: string
  /** That proof showed nothing, and nor does any other factor: whoever was trusted by their root has not agreed to this wallet. */
  readonly renewsRoot: boolean
}

export type WalletEnrolment = PendingFactor & WalletOwn

const kind: PendingKind<WalletOwn> = {
  collection: 'wallet_enrolments',
  onePerCommand: 'one_wallet_per_command',
  toRow: ({ wallet, name, nonce, renewsRoot }) => ({ wallet, name, nonce, renews_root: renewsRoot }),
  fromRow: ({ wallet, name, nonce, renews_root: renewsRoot }) => ({ wallet, name, nonce, renewsRoot })
}

export const oneWalletPerCommand = kind.onePerCommand
export const walletEnrolmentIndexes: readonly IndexSpec[] = pendingIndexes(kind)

/** What the wallet signs to be enrolled. */
export function questionOfEnrolment ({ id, userId, sessionId, wallet: { family, address, chainReference }, nonce, createdAt, expiresAt }: WalletEnrolment, site: string): WalletQuestion {
  const enrolment = { userId, sessionId, factorId: id, family, address, chainReference }
  return {
    text: walletEnrolmentText(enrolment, site), account: userId, purpose: walletEnrolmentPurpose, nonce, digest: actionDigest(walletEnrolmentPreimage(enrolment)), issuedAt: createdAt, expiresAt
  }
}

export type WalletEnrolmentRepository = PendingFactors<WalletOwn>
export const createWalletEnrolmentRepository = (db: Db): WalletEnrolmentRepository => createPendingFactors(db, kind)
