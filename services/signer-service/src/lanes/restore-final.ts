/**
 * A reorg went deeper than what was taken for final. Once the chain has grown without it for as long as makes a block final, the very
 * bytes that were mined are sent again: they take their old nonce or none, and nothing is ever signed in their place.
 */
import type { Audit } from '@countersign/mongo'
import type { AgedAttempt } from '../attempts/attempt-repository.ts'
import type { MovingTransaction } from '../transactions/transaction.ts'
import { laneId } from './lane.ts'
import type { LaneRound } from './lane-round.ts'
import type { SendAttempts } from './send-attempts.ts'
import { storedOf } from './sign-attempt.ts'

export interface RestoreDeps {
  readonly sendAttempts: SendAttempts
  readonly audit: Pick<Audit, 'append'>
  readonly resendMs: number
}

export interface RestoreFinal {
  (round: LaneRound, row: MovingTransaction, attempts: readonly AgedAttempt[]): Promise<void>
  /** The chain's next nonce is no final one any more. */
  forget (round: Pick<LaneRound, 'key'>): void
}

interface Behind { readonly sinceBlock: number, told: number | undefined }

export function createRestoreFinal ({ sendAttempts, audit, resendMs }: RestoreDeps): RestoreFinal {
  // Forgotten with the process: it only waits for as many blocks again.
  const behind = new Map<string, Behind>()

  const restore = async (round: LaneRound, row: MovingTransaction, attempts: readonly AgedAttempt[]): Promise<void> => {
    const { key, head, chain, log } = round
    const since = behind.get(laneId(key)) ?? { sinceBlock: head.number, told: undefined }
    behind.set(laneId(key), since)
    if (head.number - since.sinceBlock < chain.confirmations) return
    const mined = attempts.find(({ state }) => state === 'mined')
    if (mined === undefined || (mined.sinceSentMs ?? Infinity) < resendMs) return
    if (since.told !== mined.nonce) {
      since.told = mined.nonce
      const facts = { hash: mined.hash, nonce: mined.nonce, head: head.number }
      log.error({ transaction: row.id, ...facts }, 'a transfer that was final is gone from the chain: its own bytes are sent again')
      await round.fenced(async (unit) => { await audit.append({ event: 'transaction.final_resent', subject: row.id, walletId: row.walletId, requestId: row.requestId, facts }, unit.session) })
    }
    await sendAttempts(round, [storedOf(mined, row)])
  }
  return Object.assign(restore, { forget: ({ key }: Pick<LaneRound, 'key'>): void => { behind.delete(laneId(key)) } })
}
