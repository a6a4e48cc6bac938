/**
 * Which wallets are factors of a user. One wallet that confirms for one user and approves for another is one person, and whoever may enrol a
 * wallet may do so at any time: otp-service is asked anew at each approval, and an approval that cannot be told apart waits.
 */
import { problems, Problem } from '@countersign/contracts'
import { checksummed } from '../chain/address.ts'
import type { OtpDoor } from '../otp/otp-door.ts'
import type { PrincipalRepository } from './principal-repository.ts'

export interface LearnAccountsDeps {
  readonly otp: Pick<OtpDoor, 'describe'>
  readonly principals: Pick<PrincipalRepository, 'learnAccounts'>
}

/** @throws Problem unavailable */
export type LearnAccounts = (userIds: readonly string[], requestId: string) => Promise<void>

const evmAddress = /^0x[0-9a-fA-F]{40}$/

/** @returns EIP-55; wallets of other chains approve nothing, and are no keys here. */
export const evmAccounts = (addresses: readonly string[]): string[] => [...new Set(addresses.flatMap((address) => evmAddress.test(address) ? checksummed(address) ?? [] : []))].sort()

export const createLearnAccounts = ({ otp, principals }: LearnAccountsDeps): LearnAccounts => async (userIds, requestId) => {
  await Promise.all([...new Set(userIds)].map(async (userId) => {
    const described = await otp.describe({ user_id: userId }, { requestId }).catch(noneWithoutFactors)
    await principals.learnAccounts(userId, evmAccounts((described?.factors ?? []).flatMap(({ kind, masked }) => kind === 'wallet' ? masked : [])))
  }))
}

function noneWithoutFactors (error: unknown): undefined {
  if (!(error instanceof Problem) || error.kind !== problems.factorRequired) throw error
}
