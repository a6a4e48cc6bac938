/** Whether a recovery code answers: the one that finds its hash takes it away, and is the only one that does. */
import type { Db } from 'mongodb'
import type { FactorCheck } from '../factors/factor-check.ts'
import type { FactorDocument } from '../factors/factor-document.ts'
import type { RecoveryCodes } from './recovery-codes.ts'

/** @returns true for exactly one caller. */
export type TakeRecoveryCode = (factorId: string, hash: string) => Promise<boolean>

export const createTakeRecoveryCode = (db: Db): TakeRecoveryCode => async (factorId, hash) => {
  const { modifiedCount } = await db.collection<FactorDocument>('factors').updateOne({ _id: factorId, kind: 'recovery_codes', hashes: hash }, { $pull: { hashes: hash } })
  return modifiedCount === 1
}

export const recoveryCodeCheck = ({ codes, take }: { readonly codes: Pick<RecoveryCodes, 'hash'>, readonly take: TakeRecoveryCode }): FactorCheck => ({
  shown: false,
  sends: false,
  unguessable: true,
  async judge (_challenge, factor, code) {
    if (factor.kind !== 'recovery_codes') return 'wrong'
    const hash = await codes.hash(code, factor.salt)
    return hash !== undefined && await take(factor.id, hash) ? 'right' : 'wrong'
  }
})
