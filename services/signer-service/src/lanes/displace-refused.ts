/**
 * A payload that no node will ever take would block its lane for good. A no-op takes its nonce; which of the two was mined decides
 * later what became of the transaction, so that a payload that did get through all the same is not called failed.
 */
import { cappedFees, feesOf, noopGas, noopLimit, replacementFees } from './fees.ts'
import type { LaneRound } from './lane-round.ts'
import type { SendAttempts } from './send-attempts.ts'
import type { SignAttempts, StoredAttempt } from './sign-attempt.ts'

export interface DisplaceDeps { readonly signAttempts: SignAttempts, readonly sendAttempts: SendAttempts }

export const createDisplaceRefused = ({ signAttempts, sendAttempts }: DisplaceDeps) =>
  async (round: LaneRound, refused: readonly StoredAttempt[]): Promise<void> => {
    const { market, chain, log } = round
    const payloads = refused.filter(({ kind }) => kind !== 'noop').flatMap(({ row, nonce, sequence, ...old }) => {
      // Where that is not enough the payload is refused again, and this is asked again, once fees have fallen.
      const limit = noopLimit(chain, row)
      const fees = replacementFees(feesOf(old), market, noopGas, limit) ?? cappedFees(market, noopGas, limit)
      log.error({ transaction: row?.id, nonce }, fees === undefined ? 'refused for good by the node; a no-op would cost more than max_fee_total of the chain: waiting' : 'refused for good by the node: a no-op takes its nonce')
      return fees === undefined ? [] : [{ row, nonce, sequence: sequence + 1, kind: 'noop' as const, because: 'refused' as const, gas: noopGas, fees }]
    })
    if (payloads.length > 0) await sendAttempts(round, await signAttempts(round, payloads))
  }
