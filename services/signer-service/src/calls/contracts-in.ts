/** Which contracts must exist for a transaction to do anything: a call to an address without code succeeds, and does nothing but keep the coins. */
import type { Call, ParsedCall } from './call.ts'

/** @returns EIP-55, with where in the parts each stands; -1 is the contract that makes the batch. */
export function contractsIn (call: Call, parts: readonly ParsedCall[]): readonly { readonly address: string, readonly part: number }[] {
  const isBatch = parts.length !== 1 || parts[0]?.to !== call.to
  const called = parts.flatMap(({ to, data }, part) => data === '0x' ? [] : [{ address: to, part }])
  return isBatch ? [{ address: call.to, part: -1 }, ...called] : called
}
