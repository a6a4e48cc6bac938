/** How long after the block that makes a transfer final we say so: by the database's clock against the moment at which this process saw the block. */
import { openLoop } from '../load/measure.ts'
import { median } from '../table.ts'
import type { BenchWallet, SignerHouse } from './house.ts'
import { allAre, confirm, request, waysOf } from './transfers.ts'

/** @returns milliseconds at the median, of transfers that come by chance at that rate over all wallets. */
export async function measureStatusLag (house: SignerHouse, perSecond: number, ms: number): Promise<number> {
  const ids: string[] = []
  const blocks = watchBlocks(house)
  let turn = 0
  await openLoop(async () => {
    const id = await request(house, house.wallets[turn++ % house.wallets.length] as BenchWallet)
    ids.push(id)
    await confirm(house, id)
  }, { perSecond, ms })
  await allAre(house, ids, ['confirmed'], 60_000)
  return median(behindOf(await waysOf(house, ids), blocks.stop()))
}

/** Milliseconds, of those whose block was seen. Two confirmations are the block itself and the next. */
export const behindOf = (ways: Awaited<ReturnType<typeof waysOf>>, seen: ReadonlyMap<number, number>): number[] => ways.flatMap(({ at, block }) => {
  const finalAt = seen.get(block + 1)
  return finalAt === undefined || at['confirmed'] === undefined ? [] : [at['confirmed'] - finalAt]
})

/** When this process first saw each block. */
export function watchBlocks ({ chain }: SignerHouse): { stop: () => ReadonlyMap<number, number> } {
  const seen = new Map<number, number>()
  let asking = false
  const timer = setInterval(() => {
    if (asking) return
    asking = true
    void chain.request<string>('eth_blockNumber').then((number) => { if (!seen.has(Number(number))) seen.set(Number(number), Date.now()) }, () => undefined).finally(() => { asking = false })
  }, 25)
  return { stop: () => { clearInterval(timer); return seen } }
}
