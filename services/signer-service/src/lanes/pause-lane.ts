/** A lane that cannot go on says why, tells the operator at most once an hour, and goes on by itself when it can. */
import type { WalletAlarmMail, WalletLowMail } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Static } from 'typebox'
import type { Unit } from '../unit.ts'
import type { Shortage } from './judge-approved.ts'
import { lowMailMs, type PauseReason } from './lane.ts'
import type { LaneRepository } from './lane-repository.ts'
import type { LaneRound } from './lane-round.ts'

export interface PauseDeps {
  readonly lanes: Pick<LaneRepository, 'setPaused' | 'takeMailTurn'>
  readonly audit: Pick<Audit, 'append'>
  /** Writes the mail's outbox row; does nothing when nobody is named. */
  readonly tellOperator: (unit: Unit, parameters: Static<typeof WalletLowMail>['parameters']) => Promise<void>
  readonly tellAlarm: (unit: Unit, parameters: Static<typeof WalletAlarmMail>['parameters']) => Promise<void>
}

/** A line of a mail has no room for more. */
const mostNamed = 4

export type SettlePause = (round: LaneRound, reason: PauseReason | null, shortage?: Shortage) => Promise<void>

export const createSettlePause = ({ lanes, audit, tellOperator, tellAlarm }: PauseDeps): SettlePause =>
  async ({ key, fenced, lane, log, wallet, altered }, reason, shortage) => {
    if (reason === lane.paused && shortage === undefined) return
    await fenced(async (unit) => {
      const changed = await lanes.setPaused(key, reason, unit)
      if (changed) {
        await audit.append({ event: reason === null ? 'lane.resumed' : 'lane.paused', subject: wallet.id, walletId: wallet.id, facts: { chain: key.chainId, reason, ...altered.size > 0 && { transactions: [...altered].sort() } } }, unit.session)
        if (reason === 'altered') await tellAlarm(unit, { wallet_id: wallet.id, chain_id: key.chainId, alarm: 'altered_transaction', detail: `${[...altered].slice(0, mostNamed).join(', ')} is not what was confirmed: it was changed in the database, and is not signed` })
        unit.afterCommit(() => { log[reason === null ? 'info' : 'error']({ reason, balance: shortage?.balance.toString(), needed: shortage?.needed.toString() }, reason === null ? 'lane goes on' : 'lane paused') })
      }
      if (shortage !== undefined && await lanes.takeMailTurn(key, lowMailMs, unit)) {
        await tellOperator(unit, { wallet_id: wallet.id, chain_id: key.chainId, balance: shortage.balance.toString(), needed: shortage.needed.toString() })
      }
    })
  }
