/** Rolling sums and counts: which counters of a rule a call runs up, under which name, and by how much. */
import type { WindowRule } from '@countersign/contracts'
import type { ParsedCall } from '../calls/call.ts'
import { destinationOf, movementsOf, nativeAsset, type JudgedTransaction } from './judged.ts'

export interface Counter {
  readonly rule: string
  readonly per: WindowRule['per']
  readonly seconds: number
  /** Null: calls are counted, whatever they move. */
  readonly asset: string | null
  readonly limit: bigint
}

/** Room that an approved transaction takes up. */
export interface Reservation {
  /** Of the rule, the window and its subject: the id of the window's document. */
  readonly key: string
  readonly seconds: number
  readonly amount: bigint
  /** The most that the window may hold. */
  readonly limit: bigint
}

/** What the window with this key holds at the moment of the decision. */
export type WindowUse = (key: string) => bigint

const countName = 'count'

/** One window may bound a sum and a count. */
export const countersOf = (rule: string, windows: readonly WindowRule[] = []): Counter[] => windows.flatMap(({ per, seconds, token, max_sum: sum, max_count: count }) => [
  ...sum === undefined ? [] : [{ rule, per, seconds, asset: token ?? nativeAsset, limit: BigInt(sum) }],
  ...count === undefined ? [] : [{ rule, per, seconds, asset: null, limit: BigInt(count) }]
])

/** Of the key of a window: it counts calls, whatever they moved. */
export const isCount = (key: string): boolean => key.split('|')[3] === countName

/** @returns what the call adds to the counter; no entry adds nothing. Chains share a counter, which can only be stricter. */
export function reservationsOf (counter: Counter, call: ParsedCall, { walletId, initiator }: Pick<JudgedTransaction, 'walletId' | 'initiator'>): Reservation[] {
  const { rule, per, seconds, asset, limit } = counter
  const added = asset === null
    ? [{ destination: destinationOf(call), amount: 1n }]
    : movementsOf(call).filter((movement) => movement.asset === asset && movement.amount > 0n)
  return added.map(({ destination, amount }) => {
    const subject = per === 'wallet' ? walletId : per === 'initiator' ? initiator : destination
    return { key: [rule, per, seconds, asset ?? countName, subject].join('|'), seconds, amount, limit }
  })
}

/**
 * @param held what windows hold, with what this transaction took before this call.
 * @returns in words which window has no room for the call, or undefined.
 */
export function shortIn (counters: readonly Counter[], call: ParsedCall, transaction: JudgedTransaction, held: WindowUse): string | undefined {
  for (const counter of counters) {
    for (const { key, amount } of reservationsOf(counter, call, transaction)) {
      const holds = held(key)
      if (holds + amount > counter.limit) return `its window of ${counterText(counter)} has room for ${holds > counter.limit ? 0n : counter.limit - holds}`
    }
  }
  return undefined
}

const counterText = ({ per, seconds, asset, limit }: Counter): string =>
  `${asset === null ? `${limit} calls` : `${limit} ${asset === nativeAsset ? 'wei' : `of token ${asset}`}`} in ${seconds} seconds per ${per}`
