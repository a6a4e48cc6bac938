/** The text that a person reads before confirming. Deterministic: its SHA-256 is part of the receipt. */
import type { TransactionKind } from '@countersign/contracts'
import type { ParsedCall, TokenMovement } from '../calls/call.ts'
import { isUnlimited } from '../signatures/grants.ts'
import type { NamedMethod } from './normalise-request.ts'

export interface Token {
  /** EIP-55. */
  readonly address: string
  readonly symbol: string
  readonly decimals: number
}

export interface ConfirmedAction {
  readonly txId: string
  readonly initiator: string
  readonly walletName: string
  readonly from: string
  readonly kind: TransactionKind
  /** One, or the parts of a batch. */
  readonly calls: readonly ParsedCall[]
  /** By the index of the call. */
  readonly methods: ReadonlyMap<number, NamedMethod>
  readonly chainId: number
  readonly symbol: string
  /** Those that the operator of the chain vouches for: any contract may call itself USDC. */
  readonly tokens: readonly Token[]
  readonly maxFeeTotal: bigint
  readonly validUntil: Date
  /** keccak-256 of the data. */
  readonly hashOf: (data: string) => string
}

/** What fits into a mail, a message for a wallet and a person's head. */
export const longestText = 8_000
const longestArguments = 600

/** Amounts stand in whole coins and in the smallest unit: a misplaced decimal point shows in one of them. */
export function confirmationText (action: ConfirmedAction): string {
  const { txId, initiator, walletName, from, calls, chainId, symbol, maxFeeTotal, validUntil } = action
  return [
    ...calls.length === 1 && action.kind !== 'batch' ? single(action, calls[0] as ParsedCall) : batch(action),
    `From: wallet ${walletName} (${from})`,
    `Chain: ${chainId}`,
    `Network fee: at most ${coins(maxFeeTotal, symbol)}`,
    `Asked by: ${initiator}`,
    `Transaction: ${txId}`,
    `Valid until: ${inSeconds(validUntil)}`
  ].join('\n')
}

/** Ends are stamped in whole seconds. */
export const inSeconds = (end: Date): string => end.toISOString().replace('.000Z', 'Z')

const coins = (wei: bigint, symbol: string): string => `${inUnits(wei, 18)} ${symbol} (${wei} wei)`

export function tokenAmount ({ token, amount }: TokenMovement, tokens: readonly Token[]): string {
  const known = tokens.find(({ address }) => address === token)
  const limit = isUnlimited(amount) ? 'without limit, ' : ''
  return known === undefined ? `${limit}${amount} units of token ${token}` : `${limit}${inUnits(amount, known.decimals)} ${known.symbol} (${amount} units of ${token})`
}

function single (action: ConfirmedAction, call: ParsedCall): string[] {
  const { symbol, tokens } = action
  const { to, value, data, movement } = call
  const along = value === 0n ? [] : [`Coins sent along: ${coins(value, symbol)}`]
  if (data === '0x') return [`Send ${coins(value, symbol)}`, `To: ${to}`]
  if (movement !== null) {
    return movement.kind === 'transfer'
      ? [`Send ${tokenAmount(movement, tokens)}`, `To: ${movement.destination}`, ...along]
      : [`Allow somebody else to take ${tokenAmount(movement, tokens)}`, `Who may take it: ${movement.destination}`, ...along]
  }
  const method = action.methods.get(0)
  return [
    `Call contract ${to}`,
    ...method === undefined ? [`Method: ${call.selector}, of unknown name`] : [`Method: ${method.signature} (${call.selector}), named by whoever asked`, ...shownArguments(method)],
    ...along,
    `Data: ${sizeAndHash(data, action)}`
  ]
}

const shownArguments = ({ args }: NamedMethod): string[] => args.join('').length > longestArguments
  ? ['Arguments: too long to be shown; the hash of the data covers them']
  : args.map((one, index) => `Argument ${index + 1}: ${one === '' ? '""' : one}`)

const sizeAndHash = (data: string, { hashOf }: ConfirmedAction): string => `${(data.length - 2) / 2} bytes, keccak-256 ${hashOf(data)}`

function batch (action: ConfirmedAction): string[] {
  const { calls, symbol } = action
  const total = calls.reduce((sum, { value }) => sum + value, 0n)
  return [
    `Make ${calls.length === 1 ? 'one call' : `${calls.length} calls`} at once, all or none${total === 0n ? '' : `, and send ${coins(total, symbol)}`}`,
    ...calls.map((call, index) => `Call ${index + 1}: ${inOneLine(action, call, index)}`)
  ]
}

function inOneLine (action: ConfirmedAction, { to, value, data, selector, movement }: ParsedCall, index: number): string {
  const { symbol, tokens } = action
  const along = value === 0n ? '' : ` with ${coins(value, symbol)}`
  if (data === '0x') return `send ${coins(value, symbol)} to ${to}`
  if (movement !== null) return `${movement.kind === 'transfer' ? 'send' : 'allow to take'} ${tokenAmount(movement, tokens)}: ${movement.destination}${along}`
  const method = action.methods.get(index)
  const args = method?.args.join(', ') ?? ''
  return method === undefined || args.length > longestArguments
    ? `contract ${to}${along}: method ${method?.signature ?? selector ?? ''}, ${sizeAndHash(data, action)}`
    : `contract ${to}${along}: ${method.signature} (${selector}), named by whoever asked, with ${args === '' ? 'nothing' : args}`
}

/** @returns exact decimal notation, no rounding, no exponent, no thousands separators. */
export function inUnits (amount: bigint, decimals: number): string {
  const digits = amount.toString().padStart(decimals + 1, '0')
  const fraction = decimals === 0 ? '' : digits.slice(-decimals).replace(/0+$/, '')
  return `${decimals === 0 ? digits : digits.slice(0, -decimals)}${fraction === '' ? '' : `.${fraction}`}`
}
