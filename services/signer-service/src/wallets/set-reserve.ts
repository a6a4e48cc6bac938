/** What a wallet should keep on a chain: below it its lane pauses. Said by the operator, in place of what the chain's configuration says of all. */
import type { Audit } from '@countersign/mongo'
import type { Refill } from '../lanes/lane.ts'
import type { LaneRepository } from '../lanes/lane-repository.ts'
import type { Transact } from '../unit.ts'
import type { WalletRepository } from './wallet-repository.ts'

export interface SetReserveDeps {
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly lanes: Pick<LaneRepository, 'ensure' | 'setReserve'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

export interface SetReserveGiven {
  readonly id: string
  readonly chainId: number
  /** Wei; undefined: what the chain's configuration says. */
  readonly least: bigint | undefined
  /** Undefined: nobody fills it. */
  readonly refill?: Pick<Refill, 'from' | 'upTo' | 'as'> | undefined
}

/** @throws Error when there is no such wallet, it is not used on that chain, or nothing can be filled that way */
export const createSetReserve = ({ wallets, lanes, audit, transact }: SetReserveDeps) => async ({ id, chainId, least, refill }: SetReserveGiven): Promise<void> => {
  const wallet = await wallets.find(id)
  if (wallet === undefined) throw new Error(`there is no wallet ${id}: see wallets list`)
  if (!wallet.chainIds.includes(chainId)) throw new Error(`the wallet ${id} is not used on chain ${chainId}`)
  if (refill !== undefined) {
    const treasury = await wallets.find(refill.from)
    if (treasury === undefined || refill.from === id || !treasury.chainIds.includes(chainId)) throw new Error(`${refill.from} is no other wallet on chain ${chainId}`)
    if (least === undefined || BigInt(refill.upTo) <= least) throw new Error('a wallet is filled up to more than it should keep')
  }
  const lane = { chainId, walletId: id }
  await lanes.ensure(lane)
  await transact(async (unit) => {
    await lanes.setReserve(lane, { least: least?.toString(), refill }, unit)
    await audit.append({ event: 'wallet.reserve_set', subject: id, walletId: id, actor: 'operator', facts: { chain: chainId, least: least?.toString() ?? null, ...refill !== undefined && { refill_from: refill.from, refill_to: refill.upTo, refill_as: refill.as } } }, unit.session)
  })
}
