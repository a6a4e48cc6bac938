/**
 * A call of a contract that is not there, refused while whoever asks still listens. It would succeed, do nothing and keep the coins: an address
 * of another chain, most often. Nodes that do not say let it pass: the lane asks again before anything is signed.
 */
import { Problem, problems } from '@countersign/contracts'
import type { ParsedCall } from '../calls/call.ts'
import { contractsIn } from '../calls/contracts-in.ts'
import type { HasCode } from '../chain/has-code.ts'
import type { NormalisedTransaction } from './normalise-request.ts'

/** @param parts of its call. */
export type RefuseCodeless = (transaction: Pick<NormalisedTransaction, 'kind' | 'call' | 'chainId'>, parts: readonly ParsedCall[]) => Promise<void>

/** @throws Problem schemaViolation naming the field */
export const createRefuseCodeless = ({ hasCode }: { readonly hasCode: HasCode }): RefuseCodeless => async ({ kind, call, chainId }, parts) => {
  if (call.data === '0x') return
  const contracts = contractsIn(call, parts)
  const present = await Promise.all(contracts.map(async ({ address }) => await hasCode(chainId, address)))
  const missing = contracts.find((_contract, index) => present[index] === false)
  if (missing === undefined) return
  const field = kind === 'token' ? 'token' : kind !== 'batch' ? 'to' : missing.part === -1 ? 'calls' : `calls/${missing.part}/to`
  const message = field === 'calls' ? `cannot be made: there is no Multicall3 at ${missing.address} on chain ${chainId}` : `is no contract on chain ${chainId}: a call of it would do nothing`
  throw new Problem(problems.schemaViolation, { faults: [{ path: `body/${field}`, message }] })
}
