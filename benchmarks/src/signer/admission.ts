/** How fast requests are admitted, and how fast an idle house answers and sends. */
import { closedLoop, type Load } from '../load/measure.ts'
import { median } from '../table.ts'
import type { BenchWallet, SignerHouse } from './house.ts'
import { allAre, confirm, request, waysOf } from './transfers.ts'

export interface Admission { readonly full: Load, readonly alone: Load }

export async function measureAdmission (house: SignerHouse, ms: number): Promise<Admission> {
  let turn = 0
  const ask = async (): Promise<string> => await request(house, house.wallets[turn++ % house.wallets.length] as BenchWallet)
  await closedLoop(ask, { inFlight: 50, ms: ms / 4 })
  return {
    full: await closedLoop(ask, { inFlight: 50, ms, processes: house.processes }),
    alone: await closedLoop(ask, { inFlight: 1, ms: ms / 2, processes: house.processes })
  }
}

/** @returns milliseconds from the approval to the node's word that it has the payload, at the median; one transfer after the other is final. */
export async function measureIdle (house: SignerHouse, transfers: number): Promise<number> {
  const took: number[] = []
  for (let index = 0; index < transfers; index++) {
    const id = await request(house, house.wallets[0] as BenchWallet)
    await confirm(house, id)
    await allAre(house, [id], ['confirmed'], 30_000)
    const [way] = await waysOf(house, [id])
    took.push((way?.at['broadcast'] ?? NaN) - (way?.at['approved'] ?? NaN))
  }
  return median(took)
}
