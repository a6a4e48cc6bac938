/** Payers who repeat what is not answered, something that breaks meanwhile, and what must be true once all is calm again. */
import { setTimeout as wait } from 'node:timers/promises'
import { Problem } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import type { House, World } from '../house.ts'

export interface Payment { readonly id: string, readonly to: string, readonly value: bigint }

export interface StormOptions {
  readonly payments: number
  /** Payers at once. */
  readonly payers: number
  /** Breaks things until it is told that all payments were asked for and confirmed; then everything must work again when it returns. */
  readonly breaking: (over: () => boolean) => Promise<void>
  readonly timeoutMs: number
}

/** @returns the payments, all of which are final. Every one has an amount of its own, by which the chain tells it from all others. */
export async function storm (house: House, { payments, payers, breaking, timeoutMs }: StormOptions): Promise<Payment[]> {
  house.otp.switches.sendJob = true
  let over = false
  const broken = breaking(() => over)
  broken.catch(() => undefined)
  const made: Payment[] = []
  let next = 0
  const payer = async (): Promise<void> => {
    for (let index = next++; index < payments; index = next++) made.push(await pay(house, index, timeoutMs))
  }
  try {
    await Promise.all(Array.from({ length: payers }, payer))
  } finally {
    over = true
    await broken
  }
  await allFinal(house, made, timeoutMs)
  return made
}

/** Asks with one key until it is answered, and confirms until the transfer moves on. */
export async function pay (house: House, index: number, timeoutMs: number): Promise<Payment> {
  const key = newId('idk')
  const value = 1_000_000n + BigInt(index)
  const { id, to } = await persistently(timeoutMs, async () => await house.request(index % 64, { key, value }))
  await persistently(timeoutMs, async () => {
    const { state } = await house.confirm(id)
    if (state === 'awaiting_confirmation') throw new Error('not confirmed yet')
  }, async () => (await house.get(id)).state !== 'awaiting_confirmation')
  return { id, to, value }
}

/** @param done a lost answer is none that is waited for any more. */
export async function persistently<T> (timeoutMs: number, ask: () => Promise<T>, done: () => Promise<boolean> = async () => false): Promise<T> {
  for (const end = performance.now() + timeoutMs; ;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > end) throw error
      // A code is used up although its answer was lost: the receipt comes by itself.
      if (error instanceof Problem && await done().catch(() => false)) return undefined as T
      await wait(100)
    }
  }
}

export const finalStates = ['confirmed', 'failed', 'rejected', 'expired', 'cancelled']

export const allFinal = async ({ db }: House, payments: readonly Payment[], timeoutMs: number): Promise<void> => {
  await until(async () => await db.collection<{ _id: string }>('transactions').countDocuments({ _id: { $in: payments.map(({ id }) => id) }, state: { $in: finalStates } }) === payments.length, { timeoutMs, what: `${payments.length} transfers to be final`, everyMs: 200 })
}

interface Row { readonly _id: string, readonly state: string, readonly value: string, readonly mined: { readonly hash: string } | null, readonly history: readonly { readonly state: string }[] }

/**
 * What the chain and the books say of these payments, as sentences about what is wrong; empty when each was made exactly once, by the hash that its row
 * names, came to one end, and the wallet's nonces have no gap.
 * @param foreign hashes that somebody else sent with the wallet's key.
 * @param cancelled all of them were, after they had left: none was made, and the hash is that of a transfer of nothing.
 */
export async function faultsIn (house: House, payments: readonly Payment[], { foreign = [], cancelled = false }: { readonly foreign?: readonly string[], readonly cancelled?: boolean } = {}): Promise<string[]> {
  const [times, end] = cancelled ? [0, 'cancelled'] : [1, 'confirmed']
  const sent = await house.sentOnChain()
  const rows = await house.db.collection<Row>('transactions').find().toArray()
  const faults: string[] = []
  for (const { id, to, value } of payments) {
    const row = rows.find(({ _id }) => _id === id)
    const onChain = sent.filter((one) => one.value === value && one.to === to)
    const hashes = (cancelled ? sent.filter((one) => one.value === 0n && one.to === house.wallet.address) : onChain).map(({ hash }) => hash)
    if (onChain.length !== times) faults.push(`${id} (${row?.state}) is ${onChain.length} times on the chain`)
    else if (!hashes.includes(row?.mined?.hash ?? '')) faults.push(`${id} names another hash than the chain's`)
    if (row?.state !== end) faults.push(`${id} is ${row?.state}`)
    const ends = await house.audit({ subject: id, event: { $in: finalStates.map((state) => `transaction.${state}`) } })
    if (ends.length !== 1) faults.push(`${id} has ${ends.length} last events`)
    const told = await house.db.collection('events').countDocuments({ 'payload.data.transaction_id': id, 'payload.type': { $in: finalStates.map((state) => `transaction.${state}`) } })
    if (told !== 1) faults.push(`${id} is told to be over ${told} times`)
    const receipts = await house.db.collection('consumed_receipts').countDocuments({ txId: id })
    if (receipts !== 1) faults.push(`${id} used ${receipts} receipts`)
  }
  if (rows.length !== payments.length) faults.push(`${rows.length} rows for ${payments.length} payments`)
  const nonces = sent.map(({ nonce }) => nonce).sort((a, b) => a - b)
  if (nonces.some((nonce, index) => nonce !== index)) faults.push(`the nonces are ${nonces.join(' ')}`)
  const attempts = new Set((await house.db.collection<{ _id: string }>('attempts').find().toArray()).map(({ _id }) => _id))
  for (const { hash } of sent) if (!attempts.has(hash) && !foreign.includes(hash)) faults.push(`${hash} was never written down`)
  return faults
}

export type Chain = World['chain']
