/** What a request must be before anything is looked up: pure, and the same for every policy. From here on it is one call with its bytes. */
import { createHash } from 'node:crypto'
import { Problem, problems, type CallRequest, type TransactionKind, type TransactionRequest, type TransactionSpeed } from '@countersign/contracts'
import { ArgumentRefused, encodeCall, readCall } from '../calls/abi-arguments.ts'
import { abiFunctionOf, isAbiError, type AbiFunction } from '../calls/abi-signature.ts'
import type { Call } from '../calls/call.ts'
import { transferData } from '../calls/erc20.ts'
import { allowsEverybody, batchOf, mostCalls } from '../calls/multicall3.ts'
import { isUnreadableBatch, parseCalls } from '../calls/parse-calls.ts'
import type { Hex } from '../chain/quantity.ts'
import { wholeSecond } from './requested-end.ts'

/** A method as the request names it. Its selector and its arguments are those of the data; its name is the caller's word. */
export interface NamedMethod { readonly signature: string, readonly args: readonly string[] }

export interface NormalisedTransaction {
  readonly kind: TransactionKind
  readonly walletId: string
  readonly chainId: number
  /** What is signed. */
  readonly call: Call
  /** By the index of the parsed call. */
  readonly methods: ReadonlyMap<number, NamedMethod>
  /** Signatures of what the called contracts may revert with, as the request names them. */
  readonly errors: readonly string[]
  readonly speed: TransactionSpeed
  readonly maxFee: bigint | undefined
  readonly validUntil: Date | undefined
  readonly priority: number
  readonly metadata: Readonly<Record<string, string>>
}

export interface NormaliseRules {
  /** The EIP-55 form, or undefined when the checksum is wrong. */
  readonly checksummed: (address: string) => string | undefined
  readonly zeroAddress: string
  /** Of that chain; undefined where there is none. */
  readonly multicall3: (chainId: number) => string | undefined
}

const largestValue = 2n ** 256n - 1n
/** Kept of a batch. */
const mostErrors = 64
const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })

interface Made { readonly kind: Exclude<TransactionKind, 'batch'>, readonly call: Call, readonly method?: NamedMethod, readonly errors: readonly string[] }

/** @throws Problem schemaViolation naming the field */
export function normaliseRequest (request: TransactionRequest, rules: NormaliseRules): NormalisedTransaction {
  const { wallet_id: walletId, chain_id: chainId, calls, speed = 'average', max_fee: maxFee, valid_until: validUntil, priority = 0, metadata = {} } = request
  const options = {
    walletId, chainId, speed, priority,
    maxFee: maxFee === undefined ? undefined : amount(maxFee, 'body/max_fee'),
    validUntil: validUntil === undefined ? undefined : wholeSecond(Date.parse(validUntil)),
    metadata: Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => a < b ? -1 : 1))
  }
  if (calls === undefined) {
    const { kind, call, method, errors } = madeCall(request, 'body', rules)
    if (isUnreadableBatch(call, { multicall3: rules.multicall3(chainId) })) throw fault('body/data', 'is no batch of Multicall3 that happens whole and can be read exactly')
    return { ...options, kind, call, errors, methods: new Map(method === undefined ? [] : [[0, method]]) }
  }
  const multicall3 = rules.multicall3(chainId)
  if (multicall3 === undefined) throw fault('body/calls', 'cannot be made on this chain: no Multicall3 is configured for it')
  for (const name of callFieldNames) if (request[name] !== undefined) throw fault(`body/${name}`, 'does not go with calls')
  if (calls.length > mostCalls) throw fault('body/calls', `must not be more than ${mostCalls}`)
  const made = calls.map((one, index) => {
    const part = madeCall(one, `body/calls/${index}`, rules)
    if (part.kind === 'token') throw fault(`body/calls/${index}/token`, 'cannot be transferred in a batch: the token would see Multicall3 as its caller, not the wallet')
    if (part.call.to === multicall3) throw fault(`body/calls/${index}/to`, 'is Multicall3 itself: a batch holds no batch')
    return part
  })
  const total = made.reduce((sum, { call }) => sum + call.value, 0n)
  if (total > largestValue) throw fault('body/calls', 'send more than any amount of a chain')
  const errors = [...new Set(made.flatMap((part) => part.errors))].slice(0, mostErrors)
  return { ...options, kind: 'batch', call: batchOf(made.map(({ call }) => call), multicall3), errors, methods: new Map(made.flatMap(({ method }, index) => method === undefined ? [] : [[index, method] as const])) }
}

const callFieldNames = ['to', 'value', 'token', 'amount', 'data', 'abi', 'args'] as const satisfies readonly (keyof CallRequest)[]

function madeCall (given: CallRequest, at: string, rules: NormaliseRules): Made {
  const only = (kind: string, names: readonly (keyof CallRequest)[]): void => {
    for (const name of callFieldNames) if (given[name] !== undefined && !names.includes(name)) throw fault(`${at}/${name}`, `does not go with ${kind}`)
  }
  const to = addressOf(given.to, `${at}/to`, rules)
  if (given.token !== undefined) {
    only('token', ['token', 'to', 'amount'])
    const token = addressOf(given.token, `${at}/token`, rules)
    return { kind: 'token', errors: [], call: { to: token, value: 0n, data: transferData(to, amount(required(given.amount, `${at}/amount`), `${at}/amount`)) } }
  }
  if (given.data !== undefined || given.abi !== undefined || given.args !== undefined) {
    only('data', ['to', 'value', 'data', 'abi', 'args'])
    const { data, method, errors } = dataOf(given, at)
    return { kind: data === '0x' ? 'native' : 'call', errors, call: { to, value: amount(given.value ?? '0', `${at}/value`), data }, ...method && { method } }
  }
  only('value', ['to', 'value'])
  return { kind: 'native', errors: [], call: { to, value: amount(required(given.value, `${at}/value`), `${at}/value`), data: '0x' } }
}

function dataOf ({ data: given, abi, args }: CallRequest, at: string): { data: Hex, method?: NamedMethod, errors: readonly string[] } {
  const data = given?.toLowerCase() as Hex | undefined
  if (data !== undefined && data.length > 2 && data.length < 10) throw fault(`${at}/data`, 'is shorter than a selector')
  if (abi === undefined) return { data: required(args === undefined ? data : undefined, `${at}/${args === undefined ? 'data' : 'abi'}`), errors: [] }
  const { named, errors } = namedIn(abi, `${at}/abi`)
  if (data === undefined) return { data: encoded(named, args ?? [], at), method: methodOf(named, encoded(named, args ?? [], at), at), errors }
  if (args !== undefined) throw fault(`${at}/args`, 'does not go with data')
  return { data, method: methodOf(named, data, at), errors }
}

function namedIn (abi: NonNullable<CallRequest['abi']>, at: string): { named: AbiFunction, errors: readonly string[] } {
  const read = [abi].flat().map((fragment) => ({ isError: isAbiError(fragment), found: abiFunctionOf(fragment) }))
  const functions = read.filter(({ isError }) => !isError)
  if (functions.length > 1) throw fault(at, 'names more than one function')
  const named = functions[0]?.found
  if (named === undefined) throw fault(at, 'names no function that can be read')
  const errors = read.flatMap(({ isError, found }) => isError ? [found?.signature] : [])
  if (!errors.every((signature) => signature !== undefined)) throw fault(at, 'names an error that cannot be read')
  return { named, errors }
}

function encoded (named: AbiFunction, args: readonly unknown[], at: string): Hex {
  try {
    return encodeCall(named, args)
  } catch (error) {
    if (error instanceof ArgumentRefused) throw fault(`${at}/args${error.path}`, error.message)
    throw error
  }
}

function methodOf (named: AbiFunction, data: Hex, at: string): NamedMethod {
  const args = readCall(named, data)
  if (args === undefined) throw fault(`${at}/data`, 'is not exactly a call of the function in abi')
  return { signature: named.signature, args }
}

function required<T> (value: T | undefined, path: string): T {
  if (value === undefined) throw fault(path, 'is required')
  return value
}

function addressOf (given: string | undefined, path: string, { checksummed, zeroAddress }: NormaliseRules): string {
  const address = checksummed(required(given, path))
  if (address === undefined) throw fault(path, 'has a wrong EIP-55 checksum: a character is mistyped')
  if (address === zeroAddress) throw fault(path, 'is the zero address: money sent there is lost')
  return address
}

function amount (given: string, path: string): bigint {
  const value = BigInt(given)
  if (value > largestValue) throw fault(path, 'is larger than any amount of a chain')
  return value
}

/**
 * What can only be said once the wallet is known.
 * @throws Problem schemaViolation: what a wallet pays itself moves nothing and burns a fee; an allowance for Multicall3 is one for everybody.
 */
export function refuseSenseless ({ call, chainId }: NormalisedTransaction, from: string, rules: Pick<NormaliseRules, 'multicall3'>): void {
  const multicall3 = rules.multicall3(chainId)
  const parts = parseCalls(call, { from, multicall3 })
  for (const [index, { to, movement }] of parts.entries()) {
    const at = parts.length === 1 && call.to === to ? 'body/to' : `body/calls/${index}/to`
    if (to === from || movement?.destination === from) throw fault(at, 'is the wallet itself')
    if (allowsEverybody(movement, multicall3)) throw fault(at, 'is a contract that does whatever anybody asks of it: an allowance for it is one for everybody')
  }
}

/** Of the normalised request, so that the same transaction in another spelling is the same request. @returns 64 hex digits */
export function fingerprintOf ({ walletId, chainId, call: { to, value, data }, speed, maxFee, validUntil, priority, metadata }: NormalisedTransaction): string {
  const options = [speed, maxFee?.toString() ?? '', validUntil?.toISOString() ?? '', priority, Object.entries(metadata)] as const
  const plain = data === '0x' && JSON.stringify(options) === JSON.stringify(['average', '', '', 0, []])
  // What only sends coins has the fingerprint that it had before there was anything else, so that old keys are recognised.
  const fields = plain ? ['transfer/v1', walletId, chainId, to, value.toString()] : ['transaction/v2', walletId, chainId, to, value.toString(), data, ...options]
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex')
}
