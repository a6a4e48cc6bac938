/** Whether a rule has a say over a call, and if not, which of its conditions says so: in the words that an operator reads. */
import type { ParsedCall } from '../calls/call.ts'
import { keepsBound } from './arguments.ts'
import type { CompiledAllow, CompiledConditions, CompiledNarrowing } from './compile-policy.ts'
import { destinationOf, nativeAsset, type Asset, type JudgedSignature, type JudgedTransaction } from './judged.ts'

/** What the calls before it already took of a rule's highest amounts, in this same transaction. */
export type Spent = (asset: Asset) => bigint

/** @returns why the rule has no say over the whole transaction, or undefined. */
export function outsideConditions ({ initiators, wallets, chainIds, withinHours }: CompiledConditions, { initiator, walletId, chainId, at }: JudgedTransaction): string | undefined {
  if (wallets !== undefined && !wallets.has(walletId)) return 'the wallet is not in wallets'
  if (chainIds !== undefined && !chainIds.has(chainId)) return 'the chain is not in chain_ids'
  if (initiators !== undefined && !initiators.has(initiator)) return 'the initiator is not in initiators'
  if (withinHours !== undefined && !withinHours(at)) return 'it is outside of hours'
  return undefined
}

/**
 * Of a rule that takes rights away. All of its conditions must be met by one and the same call; `above` by the whole transaction.
 * @returns why it does not concern this call, or undefined.
 */
export function outsideNarrowing (rule: CompiledNarrowing, transaction: JudgedTransaction, call: ParsedCall, totals: ReadonlyMap<Asset, bigint>): string | undefined {
  const { destinations, tokens, methods, above, signatures } = rule
  // A text counts on every chain: whatever takes rights away on one takes them from it.
  const outside = outsideConditions(transaction.chainId === 0 ? { ...rule, chainIds: undefined } : rule, transaction)
  if (outside !== undefined) return outside
  if (destinations !== undefined && !destinations.has(call.to) && !destinations.has(destinationOf(call))) return 'the destination is not in destinations'
  if (signatures && transaction.signature === undefined) return 'it is no signature'
  if (tokens !== undefined && !tokens.has(call.to) && !tokens.has(call.movement?.token ?? '')) return 'the token is not in tokens'
  if (methods !== undefined && (call.selector === null || !methods.has(call.selector))) return 'the method is not in methods'
  if (above !== undefined && !above.some(({ asset, amount }) => (totals.get(asset) ?? 0n) > amount)) return 'the amounts are not above'
  return undefined
}

/**
 * Windows apart. One rule must allow all of a call: its destination, its coins, and its tokens or its data.
 * @returns why it does not allow this call, or undefined.
 */
export function outsideAllow (rule: CompiledAllow, transaction: JudgedTransaction, call: ParsedCall, spent: Spent): string | undefined {
  const { destinations, maxValue, maxFeeTotal } = rule
  const outside = outsideConditions(rule, transaction)
  if (outside !== undefined) return outside
  if (transaction.signature !== undefined) return outsideSignatures(rule, transaction.signature, call, spent)
  if (rule.signatures !== undefined) return 'it is about signatures alone'
  if (destinations !== 'any' && !destinations.has(destinationOf(call))) return 'the destination is not in destinations'
  const unnamed = call.movement !== null ? outsideTokens(rule, call, call.movement, spent) : call.selector !== null || call.data !== '0x' ? outsideMethods(rule, call) : undefined
  if (unnamed !== undefined) return unnamed
  if (spent(nativeAsset) + call.value > maxValue) return `the value is above max_value ${maxValue}`
  if (maxFeeTotal !== undefined && transaction.maxFeeTotal !== undefined && transaction.maxFeeTotal > maxFeeTotal) return `the fee is above max_fee_total ${maxFeeTotal}`
  return undefined
}

/** Who may take is a destination; what moves nothing has none. */
function outsideSignatures (rule: CompiledAllow, { text, contract, primaryType }: JudgedSignature, call: ParsedCall, spent: Spent): string | undefined {
  const { signatures, destinations } = rule
  if (signatures === undefined) return 'it is about no signatures'
  if (text !== null) return signatures.texts.some((beginning) => text.startsWith(beginning)) ? undefined : 'no text of the rule begins like this one'
  if (signatures.typedData.get(contract ?? '')?.has(primaryType ?? '') !== true) return 'the contract and the primary type are not in signatures'
  if (call.movement === null) return undefined
  if (destinations !== 'any' && !destinations.has(destinationOf(call))) return 'the spender is not in destinations'
  return outsideTokens(rule, call, call.movement, spent)
}

function outsideTokens ({ tokens }: CompiledAllow, { value }: ParsedCall, { token, kind, amount }: NonNullable<ParsedCall['movement']>, spent: Spent): string | undefined {
  const known = tokens.get(token)
  if (known === undefined) return 'the token is not in tokens'
  if (kind === 'allow' && !known.allowances) return 'the token\'s allowances are not allowed'
  // They would go to the token's contract, which is no destination of the rule.
  if (value > 0n) return 'coins are sent along with a token\'s call'
  return spent(token) + amount > known.maxAmount ? `the amount is above the token's max_amount ${known.maxAmount}` : undefined
}

function outsideMethods ({ methods }: CompiledAllow, { selector, data }: ParsedCall): string | undefined {
  const known = selector === null ? undefined : methods.get(selector)
  if (known === undefined) return 'no method of the rule names its data'
  return known.some((bounds) => bounds.every((bound) => keepsBound(bound, data))) ? undefined : 'its arguments are outside of their bounds'
}
