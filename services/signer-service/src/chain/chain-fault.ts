/**
 * What can go wrong between here and a chain, as data. The only module that reads an error of a node or of the RPC library.
 * The default is "may have moved money": only wording on this list proves that a node did not take a transaction.
 */
import type { Hex } from 'viem'

export type ChainFaultCode =
  | 'reverted' | 'already_known' | 'nonce_too_low' | 'nonce_too_high' | 'replacement_underpriced' | 'underpriced'
  | 'insufficient_funds' | 'refused' | 'pool_full' | 'rate_limited' | 'timeout' | 'unreachable' | 'wrong_chain' | 'behind' | 'distrusted' | 'unknown'

/**
 * - accepted: the node has it. - conflict: the nonce is used, perhaps by ourselves. - fees: the same payload may go with higher fees.
 * - funds: the wallet cannot pay now. - payload: no node will ever take these bytes. - trouble: nothing is known.
 */
export type ChainFaultClass = 'accepted' | 'conflict' | 'fees' | 'funds' | 'payload' | 'trouble'

export interface ChainFaultData {
  readonly code: ChainFaultCode
  readonly class: ChainFaultClass
  /** The same call may succeed later. */
  readonly retryable: boolean
  /** Of a sent transaction: nothing proves that the node did not take it. */
  readonly mayHaveMovedMoney: boolean
}

export class ChainFault extends Error implements ChainFaultData {
  override readonly name = 'ChainFault'
  readonly code: ChainFaultCode
  readonly class: ChainFaultClass
  readonly retryable: boolean
  readonly mayHaveMovedMoney: boolean
  readonly method: string
  /** The node said something: what was asked may be at fault, and not the way to the node. */
  readonly answered: boolean
  /** What the contract gave as the reason of its revert, as far as the node tells; `0x` when it gave none. */
  readonly revertData: Hex | undefined

  /** @param detail the node's own words, cut and without URLs: they may hold a provider's key. */
  constructor (method: string, { code, class: kind, retryable, mayHaveMovedMoney }: ChainFaultData, detail: string, answered: boolean, revertData?: Hex) {
    super(`${method}: ${code}${detail === '' ? '' : ` (${detail})`}`)
    this.method = method
    this.code = code
    this.class = kind
    this.retryable = retryable
    this.mayHaveMovedMoney = mayHaveMovedMoney
    this.answered = answered
    this.revertData = revertData
  }
}

const fault = (code: ChainFaultCode, kind: ChainFaultClass, retryable: boolean, mayHaveMovedMoney: boolean): ChainFaultData =>
  Object.freeze({ code, class: kind, retryable, mayHaveMovedMoney })

/** In this order: a revert reason may quote any other error, so its wording is looked for first. */
const wordings: readonly (readonly [RegExp, ChainFaultData])[] = [
  [/execution reverted|\breverted?\b|vm exception|always failing transaction/i, fault('reverted', 'payload', false, false)],
  [/already known|(?<![a-z])known transaction|alreadyknown|already imported|already in (the )?(mem)?pool|already exists in (the )?(mem)?pool/i, fault('already_known', 'accepted', false, true)],
  // The nonce may have been used by these very bytes: never a proof that they were not taken.
  [/nonce (is )?too low|oldnonce|nonce has already been used|invalid nonce; got/i, fault('nonce_too_low', 'conflict', false, true)],
  [/nonce (is )?too high|nonce gap|noncegap/i, fault('nonce_too_high', 'trouble', true, false)],
  [/replacement transaction underpriced|replacementnotallowed|replacement fee too low|could not replace existing/i, fault('replacement_underpriced', 'fees', true, false)],
  [/underpriced|max ?fee ?per ?gas (is )?less than|max priority fee per gas higher than max fee|fee cap less than block base fee|feetoolow|below (the )?(minimum|base fee)/i, fault('underpriced', 'fees', true, false)],
  [/insufficient funds|insufficientfunds|insufficient balance|doesn't have enough funds/i, fault('insufficient_funds', 'funds', true, false)],
  [/(mem|tx) ?pool is full|txpool full|transaction pool is full/i, fault('pool_full', 'trouble', true, false)],
  // Before the rate limits: "gas limit exceeded" is about the payload.
  [/intrinsic gas too low|exceeds (the )?block gas limit|block gas limit (was )?exceeded|gas limit (is )?too high|oversized data|invalid sender|invalid chain ?id|transaction type not supported|typed transaction too short/i, fault('refused', 'payload', false, false)],
  [/rate limit|too many requests|(?<!gas )limit exceeded|quota/i, fault('rate_limited', 'trouble', true, true)]
]

const timeout = fault('timeout', 'trouble', true, true)
const unreachable = fault('unreachable', 'trouble', true, true)
const unknown = fault('unknown', 'trouble', true, true)
const executionErrorCode = 3

/** How nodes say that the destination's own code stopped a simulated call without reverting. Proves nothing of a payload that was sent. */
const simulations: ReadonlySet<string> = new Set(['eth_estimateGas', 'eth_call'])
const executionFailed = new RegExp([
  'gas required exceeds', 'out ?of ?gas', 'invalid ?(fe)?opcode', 'opcode .{1,40} not defined', 'opcodenotfound', 'notactivated', 'bad instruction', 'bad jump', 'invalid ?jump',
  'stack ?(limit|underflow|overflow)', 'vm execution error', 'write protection', 'max call depth|call ?too ?deep', 'return data out of bounds|outofoffset', 'precompile ?error'
].join('|'), 'i')

/** What was found in an error: the node's own answer, or how the way to it failed. */
export type Finding =
  | { readonly kind: 'answer', readonly code: number | undefined, readonly message: string, readonly data?: unknown }
  | { readonly kind: 'timeout' | 'unreachable' | 'unknown' }

/** Pure, so that its table can be tested with sentences. @param method of the request; by default a send. */
export function classify (finding: Finding, method = 'eth_sendRawTransaction'): ChainFaultData {
  if (finding.kind !== 'answer') return { timeout, unreachable, unknown }[finding.kind]
  const known = wordings.find(([pattern]) => pattern.test(finding.message))
  if (known !== undefined) return known[1]
  const executed = finding.code === executionErrorCode || (simulations.has(method) && executionFailed.test(finding.message))
  return executed ? fault('reverted', 'payload', false, false) : unknown
}

/** Turns whatever a call threw into a fault. The error itself is dropped: the library's holds the URL and the bytes. */
export function toChainFault (method: string, error: unknown): ChainFault {
  if (error instanceof ChainFault) return error
  const finding = findingIn(error)
  const data = classify(finding, method)
  // Only sending can move money; a question that went unanswered moved nothing.
  const revertData = finding.kind === 'answer' && data.code === 'reverted' ? revertDataIn(finding.data) : undefined
  return new ChainFault(method, method === 'eth_sendRawTransaction' ? data : { ...data, mayHaveMovedMoney: false }, finding.kind === 'answer' ? cleaned(finding.message) : '', finding.kind === 'answer', revertData)
}

export const wrongChain = (expected: number, got: number): ChainFault =>
  new ChainFault('eth_chainId', fault('wrong_chain', 'trouble', false, false), `wanted ${expected}, got ${got}`, true)

/** Asked of a chain's nodes together, and not of one. */
export const behind = (seen: number, got: number): ChainFault =>
  new ChainFault('eth_getBlockByNumber', fault('behind', 'trouble', true, false), `block ${seen} was there, and now ${got} is the newest`, true)

/** @returns what is said when no node is left whose history the others share. */
export const distrusted = (): ChainFault => new ChainFault('eth_getBlockByNumber', fault('distrusted', 'trouble', true, false), 'no node is believed', true)

/** The node answered something that no node may answer; nothing is concluded from it. */
export const badAnswer = (method: string, what: string): ChainFault =>
  new ChainFault(method, { ...unknown, mayHaveMovedMoney: false }, `not an answer: ${what}`, true)

/** In hex; behind the word "Reverted" (OpenEthereum and its heirs); or one level down, beside more words (Hardhat). */
function revertDataIn (given: unknown, depth = 0): Hex | undefined {
  if (typeof given === 'string') return /^(?:reverted )?(0x(?:[0-9a-f]{2})*)$/i.exec(given)?.[1]?.toLowerCase() as Hex | undefined
  return typeof given === 'object' && given !== null && depth < deepestData ? revertDataIn((given as { readonly data?: unknown }).data, depth + 1) : undefined
}
const deepestData = 2

interface Caused { readonly name?: unknown, readonly code?: unknown, readonly details?: unknown, readonly data?: unknown, readonly message?: unknown, readonly cause?: unknown }

function findingIn (error: unknown): Finding {
  for (let one = error as Caused | undefined; one !== undefined && one !== null; one = one.cause as Caused | undefined) {
    if (one.name === 'RpcRequestError') return { kind: 'answer', code: typeof one.code === 'number' ? one.code : undefined, message: String(one.details ?? one.message), data: one.data }
    if (one.name === 'TimeoutError') return { kind: 'timeout' }
    if (one.name === 'HttpRequestError') return { kind: 'unreachable' }
  }
  return { kind: 'unknown' }
}

const cleaned = (text: string): string => text.replace(/https?:\/\/\S+/g, '[url]').replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim().slice(0, 200)
