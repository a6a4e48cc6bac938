/** Transfers asked for and confirmed, lanes held back and let go, and what the database says of their ways. */
import { confirmTransaction, createTransaction } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { chainId, destinations, type BenchWallet, type SignerHouse } from './house.ts'
import { code } from './otp.ts'

interface Row { readonly _id: string, readonly walletId: string, readonly state: string, readonly mined: { readonly blockNumber: number } | null, readonly history: readonly { readonly state: string, readonly at: Date }[] }
interface LaneRow { readonly _id: string, readonly holder: string | null, readonly epoch: number, readonly expiresAt: Date, readonly asserts: number }

let asked = 0

export async function request ({ gateway, asking }: SignerHouse, wallet: BenchWallet): Promise<string> {
  const { transaction } = await gateway.call(createTransaction, {
    ...asking, idempotency_key: newId('idk'),
    transfer: { wallet_id: wallet.id, chain_id: chainId, to: destinations[asked++ % destinations.length] ?? '', value: '1' }
  }, { requestId: newId('req'), actor: asking.user_id })
  return transaction.id
}

export const confirm = async ({ gateway, asking }: SignerHouse, id: string): Promise<unknown> =>
  await gateway.call(confirmTransaction, { ...asking, id, proof: { code } }, { requestId: newId('req'), actor: asking.user_id })

/** So many callers, each of which goes on with the next one. */
export async function inParallel<Item> (items: Iterable<Item>, callers: number, work: (item: Item) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]()
  await Promise.all(Array.from({ length: callers }, async () => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await work(next.value)
  }))
}

/** As another process that holds the lanes and does nothing: what is approved waits. */
export async function holdLanes ({ db, wallets }: SignerHouse): Promise<() => Promise<void>> {
  const lanes = db.collection<LaneRow>('lanes')
  for (const { id } of wallets) {
    await until(async () => await lanes.findOneAndUpdate(
      { _id: `eip155:${chainId}:${id}`, holder: null }, { $set: { holder: 'bench', expiresAt: new Date(Date.now() + 3_600_000) }, $inc: { epoch: 1 }, $setOnInsert: { asserts: 0 } }, { upsert: true }
    ).then(() => true, () => false), { timeoutMs: 30_000, what: 'a lane to be free' })
  }
  return async () => { await lanes.updateMany({ holder: 'bench' }, { $set: { holder: null, expiresAt: new Date(0) } }) }
}

export async function approve (house: SignerHouse, count: number, wallets: readonly BenchWallet[]): Promise<string[]> {
  const ids: string[] = []
  await inParallel(Array.from({ length: count }, (_none, index) => index), 50, async (index) => {
    const id = await request(house, wallets[index % wallets.length] as BenchWallet)
    await confirm(house, id)
    ids.push(id)
  })
  return ids
}

export const allAre = async ({ db }: SignerHouse, ids: readonly string[], states: readonly string[], timeoutMs: number): Promise<void> => {
  const first = [...ids].sort()[0] ?? ''
  await until(async () => await db.collection<Row>('transactions').countDocuments({ _id: { $gte: first }, state: { $nin: [...states] } }) === 0, { timeoutMs, what: `${ids.length} transfers to be ${states.join(' or ')}`, everyMs: 100 })
}

/** When each of them came into a state, by the database's clock, and the block it is in. */
export async function waysOf ({ db }: SignerHouse, ids: readonly string[]): Promise<{ readonly at: Readonly<Record<string, number>>, readonly block: number }[]> {
  const rows = await db.collection<Row>('transactions').find({ _id: { $in: [...ids] } }, { projection: { history: 1, mined: 1, state: 1, walletId: 1 } }).toArray()
  return rows.map(({ history, mined }) => ({ at: Object.fromEntries(history.map(({ state, at }) => [state, at.getTime()])), block: mined?.blockNumber ?? 0 }))
}
