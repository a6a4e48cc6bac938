/** A process that dies with much to do, and the one after it. */
import { readFileSync } from 'node:fs'
import type { SignerHouse, SignerProcess } from './house.ts'
import { allAre, approve, holdLanes } from './transfers.ts'

export interface Restart { readonly pending: number, readonly servingMs: number, readonly movingMs: number, readonly doneMs: number, readonly signer: SignerProcess }

/** Killed without a word while the first of them are under way; counted from the start of the next process. */
export async function measureRestart (house: SignerHouse, signer: SignerProcess, pending: number): Promise<Restart> {
  const letGo = await holdLanes(house)
  const ids = await approve(house, pending, house.wallets)
  const final = async (): Promise<number> => await house.db.collection<{ _id: string, state: string }>('transactions').countDocuments({ _id: { $in: ids }, state: 'confirmed' })
  await letGo()
  while (await final() === 0) await new Promise((resolve) => { setTimeout(resolve, 20) })
  await signer.stop('SIGKILL')
  const before = await final()
  const startedAt = performance.now()
  const next = await house.start()
  const servingMs = performance.now() - startedAt
  while (await final() === before) await new Promise((resolve) => { setTimeout(resolve, 20) })
  const movingMs = performance.now() - startedAt
  await allAre(house, ids, ['confirmed'], 600_000)
  return { pending, servingMs, movingMs, doneMs: performance.now() - startedAt, signer: next }
}

/** Megabytes that the process holds in memory. */
export const residentMb = (pid: number): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) / 1_024
