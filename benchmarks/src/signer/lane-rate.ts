/** How fast approved transfers become confirmed: a backlog that one or four lanes work off, with what each transfer cost. */
import { cpuMsOf } from '../load/cpu-time.ts'
import { median } from '../table.ts'
import { measureBareKms, measureBareLocal } from './bare-loop.ts'
import type { SignerHouse, SignerProcess } from './house.ts'
import { behindOf, watchBlocks } from './status-lag.ts'
import { allAre, approve, holdLanes, waysOf } from './transfers.ts'

export interface LaneRate {
  readonly lanes: number
  readonly transfers: number
  readonly perSecond: number
  readonly bareKms: number
  readonly bareLocal: number
  readonly rpcPerTransfer: number
  readonly signsPerTransfer: number
  readonly cpuMs: Readonly<Record<string, number>>
  /** Milliseconds from the block that makes it final to our word for it, at the median. */
  readonly behindMs: number
  readonly byMethod: Readonly<Record<string, number>>
}

export async function measureLanes (house: SignerHouse, signer: SignerProcess, lanes: number, transfers: number): Promise<LaneRate> {
  const wallets = house.wallets.slice(0, lanes)
  const letGo = await holdLanes(house)
  const ids = await approve(house, transfers, wallets)
  const before = await signer.counted()
  const cpu = Object.entries(house.processes).map(([name, pid]) => ({ name, pid, ms: cpuMsOf(pid) }))
  const blocks = watchBlocks(house)
  await letGo()
  await allAre(house, ids, ['confirmed'], 300_000)
  const seen = blocks.stop()
  const after = await signer.counted()
  const cpuMs = Object.fromEntries(cpu.map(({ name, pid, ms }) => [name, (cpuMsOf(pid) - ms) / transfers]))
  const ways = await waysOf(house, ids)
  const first = Math.min(...ways.map(({ at }) => at['assigned'] ?? Infinity))
  const last = Math.max(...ways.map(({ at }) => at['confirmed'] ?? 0))
  return {
    lanes, transfers, cpuMs,
    perSecond: transfers / (last - first) * 1_000,
    bareKms: await measureBareKms(house, wallets, transfers),
    bareLocal: await measureBareLocal(house, lanes, transfers),
    rpcPerTransfer: (after.rpc - before.rpc) / transfers,
    signsPerTransfer: (after.signs - before.signs) / transfers,
    behindMs: median(behindOf(ways, seen)),
    byMethod: Object.fromEntries(Object.entries(after.byMethod).map(([method, count]) => [method, (count - (before.byMethod[method] ?? 0)) / transfers]))
  }
}
