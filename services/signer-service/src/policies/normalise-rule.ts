/** One rule in the one form in which it is kept, and what is wrong with it beyond its shape. */
import type { AllowRule, MethodRule, PolicyRule, Require, SignatureRule, WindowRule } from '@countersign/contracts'
import { erc20Selectors } from '../calls/erc20.ts'
import { selectorOf } from '../chain/selector.ts'
import { spendingTypes } from '../signatures/grants.ts'
import { faultOfBound, isCanonicalType, typesOf } from './arguments.ts'
import { isKnownZone } from './hours.ts'

export interface NormalisedRule { readonly rule: PolicyRule, readonly faults: readonly string[] }

const highestAmount = 2n ** 256n - 1n
const amountNames: ReadonlySet<string> = new Set(['max_value', 'max_fee_total', 'max_amount', 'max_sum', 'amount', 'min', 'max'])
const addressNames: ReadonlySet<string> = new Set(['destinations', 'tokens', 'token', 'contract'])
const tokenMethods: ReadonlySet<string> = new Set(Object.values(erc20Selectors))

/**
 * @param given has the shape of its kind.
 * @param checksummed the EIP-55 form of an address, or undefined when its checksum is wrong.
 */
export function normaliseRule (given: PolicyRule, checksummed: (address: string) => string | undefined): NormalisedRule {
  const faults: string[] = []
  const rule = written(given, '', '', { checksummed, fault: (text) => { faults.push(text) } }) as PolicyRule
  if (rule.hours !== undefined) {
    const { zone, from, until } = rule.hours
    if (zone !== undefined && !isKnownZone(zone)) faults.push('/hours/zone is no time zone')
    if (from === until) faults.push('/hours has the same from and until: use 00:00 and 24:00 for a whole day')
  }
  if ('windows' in rule) faults.push(...windowFaults(rule.windows ?? []))
  if ('require' in rule) faults.push(...requireFaults(rule.require, rule.effect === 'require'))
  if (rule.effect !== 'allow') return { rule, faults }
  const methods = rule.methods?.map((method, at) => withSelector(method, `/methods/${at}`, faults))
  if (new Set(rule.tokens?.map(({ token }) => token)).size !== (rule.tokens?.length ?? 0)) faults.push('/tokens names a token twice')
  return { rule: { ...rule, ...methods !== undefined && { methods } }, faults: [...faults, ...guardFaults(rule)] }
}

interface Writing { readonly checksummed: (address: string) => string | undefined, readonly fault: (text: string) => void }

/** Addresses checksummed, lists of them sorted and without repeats, amounts within uint256. */
function written (value: unknown, path: string, name: string, writing: Writing): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = value.map((item, at) => written(item, `${path}/${at}`, name, writing))
    return addressNames.has(name) && items.every((item) => typeof item === 'string') ? [...new Set(items)].sort() : items
  }
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, written(item, `${path}/${key}`, key, writing)]))
  if (typeof value !== 'string') return value
  if (addressNames.has(name) && value.startsWith('0x')) {
    const address = writing.checksummed(value)
    if (address === undefined) writing.fault(`${path} has a wrong checksum`)
    return address ?? value
  }
  // Beyond this it is no uint256, which the digest and the chain know alone.
  if (amountNames.has(name) && BigInt(value) > highestAmount) writing.fault(`${path} is above 2^256 - 1`)
  return value
}

function windowFaults (windows: readonly WindowRule[]): string[] {
  const faults = windows.flatMap(({ max_sum: sum, max_count: count, token }, at) => [
    ...sum === undefined && count === undefined ? [`/windows/${at} needs max_sum or max_count`] : [],
    ...sum === undefined && token !== undefined ? [`/windows/${at}/token needs max_sum`] : []
  ])
  const names = windows.flatMap(({ per, seconds, token, max_sum: sum, max_count: count }) => [...sum === undefined ? [] : [`${per} ${seconds} ${token ?? ''}`], ...count === undefined ? [] : [`${per} ${seconds} count`]])
  return new Set(names).size === names.length ? faults : [...faults, '/windows has the same window twice']
}

function requireFaults (require: Require, alone: boolean): string[] {
  const faults: string[] = []
  const { shown_proof: proof, approvals } = require
  for (const name of ['factor_kinds', 'unshown', 'least_factor_age_seconds'] as const) {
    if (require[name] !== undefined && proof === undefined) faults.push(`/require/${name} needs shown_proof`)
  }
  if (approvals !== undefined && approvals.least > approvals.of.length) faults.push('/require/approvals/least is more than there are in of')
  if (alone && Object.keys(require).length === 0) faults.push('/require asks for nothing')
  return faults
}

/** The selector is told by the signature, and never by whoever wrote the document. */
function withSelector (method: MethodRule, path: string, faults: string[]): MethodRule {
  const { signature, selector, arguments: bounds = [] } = method
  const types = typesOf(signature)
  for (const type of types ?? []) if (!isCanonicalType(type)) faults.push(`${path}/signature has no type ${type} (write uint256 for uint, and no spaces)`)
  const derived = selectorOf(signature)
  if (selector !== undefined && selector !== derived) faults.push(`${path}/selector is not the signature's, ${derived}`)
  if (tokenMethods.has(derived)) faults.push(`${path}/signature moves tokens: name the token in tokens, so that its amount is bounded`)
  for (const [at, bound] of bounds.entries()) {
    const fault = faultOfBound(bound, types)
    if (fault !== undefined) faults.push(`${path}/arguments/${at} ${fault}`)
  }
  return { ...method, selector: derived }
}

/**
 * Whatever may move without a shown proof and without approvals is bounded per wallet: each asset by a rolling sum, and fees, which a call
 * that moves nothing burns as well, by a rolling count of calls times the highest fee of one.
 */
function guardFaults ({ require, windows = [], max_value: maxValue, max_fee_total: maxFeeTotal, tokens = [], methods = [], signatures }: AllowRule): string[] {
  if (require.shown_proof === true || require.approvals !== undefined) return []
  if (methods.length > 0) return ['/require must name shown_proof or approvals: no window bounds what a method moves']
  if (signatures !== undefined && !tellsAll(signatures)) return ['/require must name shown_proof or approvals: no window bounds what a text, or typed data that is no permit, may be used for']
  const ofWallet = windows.filter(({ per }) => per === 'wallet')
  const summed = (token?: string): boolean => ofWallet.some((window) => window.max_sum !== undefined && window.token === token)
  const free = [...BigInt(maxValue) > 0n && !summed() ? ['coins'] : [], ...tokens.filter(({ token }) => !summed(token)).map(({ token }) => `token ${token}`)]
  const wanted = [
    ...free.length > 0 ? [`windows must bound the sum per wallet of ${free.join(', ')}`] : [],
    ...ofWallet.some(({ max_count: count }) => count !== undefined) ? [] : ['windows must bound the calls per wallet with max_count'],
    ...maxFeeTotal === undefined && signatures === undefined ? ['max_fee_total must bound the fee of each'] : []
  ]
  return wanted.length === 0 ? [] : [`/require must name shown_proof or approvals, or ${wanted.join(', and ')}`]
}

const tellsAll = ({ texts = [], typed_data: typed = [] }: SignatureRule): boolean => texts.length === 0 && typed.every(({ primary_types: types }) => types.every((type) => spendingTypes.has(type)))
