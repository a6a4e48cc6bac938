/** A wallet that holds less than it should keep on a chain is told of before anything waits for it. */
import type { WalletLowMail } from '@countersign/contracts'
import type { Static } from 'typebox'
import type { Chains } from '../chain/chains.ts'
import { leastKept, lowMailMs } from '../lanes/lane.ts'
import type { LaneRepository } from '../lanes/lane-repository.ts'
import type { Transact, Unit } from '../unit.ts'
import type { Wallet } from './wallet.ts'

export interface WatchBalanceDeps {
  readonly lanes: Pick<LaneRepository, 'least' | 'ensure' | 'takeMailTurn'>
  readonly chains: Pick<Chains, 'find'>
  readonly transact: Transact
  /** Writes the mail's outbox row; does nothing when nobody is named. */
  readonly tellOperator: (unit: Unit, parameters: Static<typeof WalletLowMail>['parameters']) => Promise<void>
}

/** @param balance wei. @returns whether it is below what the wallet should keep; one that is out of use need not keep anything. */
export type WatchBalance = (wallet: Pick<Wallet, 'id' | 'active'>, chainId: number, balance: bigint) => Promise<boolean>

export const createWatchBalance = ({ lanes, chains, transact, tellOperator }: WatchBalanceDeps): WatchBalance => async (wallet, chainId, balance) => {
  const lane = { chainId, walletId: wallet.id }
  const least = leastKept(await lanes.least(lane), chains.find(chainId))
  if (!wallet.active || balance >= least) return false
  await lanes.ensure(lane)
  await transact(async (unit) => {
    if (!await lanes.takeMailTurn(lane, lowMailMs, unit)) return
    await tellOperator(unit, { wallet_id: wallet.id, chain_id: chainId, balance: balance.toString(), needed: least.toString() })
  })
  return true
}
