/** Passkeys that were asked for and not made yet: the challenge, for one user and session, until it is used or over. */
import type { IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import { createPendingFactors, pendingIndexes, type PendingFactor, type PendingFactors, type PendingKind } from '../factors/pending-factors.ts'

interface PasskeyOwn {
  /** 256 random bits, base64url. */
  readonly challenge: string
  /** 256 random bits, base64url: what an authenticator knows the user by. */
  readonly userHandle: string
  /** How the authenticator calls the account. */
  readonly account: string
}

export type PasskeyEnrolment = PendingFactor & PasskeyOwn

const kind: PendingKind<PasskeyOwn> = {
  collection: 'passkey_enrolments',
  onePerCommand: 'one_passkey_per_command',
  toRow: ({ challenge, userHandle, account }) => ({ challenge, user_handle: userHandle, account }),
  fromRow: ({ challenge, user_handle: userHandle, account }) => ({ challenge, userHandle, account })
}

export const onePasskeyPerCommand = kind.onePerCommand
export const passkeyEnrolmentIndexes: readonly IndexSpec[] = pendingIndexes(kind)

export type PasskeyEnrolmentRepository = PendingFactors<PasskeyOwn>
export const createPasskeyEnrolmentRepository = (db: Db): PasskeyEnrolmentRepository => createPendingFactors(db, kind)
