/** What a wallet should keep on a chain: below it its lane pauses. Said by the operator, in place of what the chain's configuration says of all. */
import type { Audit } from '@countersign/mongo'
import type { LaneRepository } from '../lanes/lane-repository.ts'
import type { Transact } from '../unit.ts'
import type { WalletRepository } from './wallet-repository.ts'

export interface SetReserveDeps {
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly lanes: Pick<LaneRepository, 'ensure' | 'setLeast'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

export interface SetReserveGiven {
  readonly id: string
  readonly chainId: number
  /** Wei; undefined: what the chain's configuration says. */
  readonly least: bigint | undefined
}

/** @throws Error when there is no such wallet, or it is not used on that chain */
export const createSetReserve = ({ wallets, lanes, audit, transact }: SetReserveDeps) => async ({ id, chainId, least }: SetReserveGiven): Promise<void> => {
  const wallet = await wallets.find(id)
  if (wallet === undefined) throw new Error(`there is no wallet ${id}: see wallets list`)
  if (!wallet.chainIds.includes(chainId)) throw new Error(`the wallet ${id} is not used on chain ${chainId}`)
  const lane = { chainId, walletId: id }
  await lanes.ensure(lane)
  await transact(async (unit) => {
    await lanes.setLeast(lane, least?.toString(), unit)
    await audit.append({ event: 'wallet.reserve_set', subject: id, walletId: id, actor: 'operator', facts: { chain: chainId, least: least?.toString() ?? null } }, unit.session)
  })
}
