/** What a transfer must be before anything is looked up: pure, and the same for every policy. */
import { createHash } from 'node:crypto'
import { Problem, problems, type TransferRequest } from '@countersign/contracts'

export interface NormalisedTransfer {
  readonly walletId: string
  readonly chainId: number
  /** EIP-55. */
  readonly to: string
  readonly value: bigint
}

export interface AddressRules {
  /** The EIP-55 form, or undefined when the checksum is wrong. */
  readonly checksummed: (address: string) => string | undefined
  readonly zeroAddress: string
}

const largestValue = 2n ** 256n - 1n
const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })

/** @throws Problem schemaViolation naming the field */
export function normaliseTransfer ({ wallet_id: walletId, chain_id: chainId, to, value }: TransferRequest, { checksummed, zeroAddress }: AddressRules): NormalisedTransfer {
  const address = checksummed(to)
  if (address === undefined) throw fault('body/to', 'has a wrong EIP-55 checksum: a character is mistyped')
  if (address === zeroAddress) throw fault('body/to', 'is the zero address: money sent there is lost')
  const wei = BigInt(value)
  if (wei > largestValue) throw fault('body/value', 'is larger than any amount of a chain')
  return { walletId, chainId, to: address, value: wei }
}

/** @throws Problem schemaViolation: a wallet that pays itself moves nothing and burns a fee. */
export function refuseSelfTransfer (to: string, from: string): void {
  if (to === from) throw fault('body/to', 'is the wallet itself')
}

/** Of the normalised request, so that the same transfer in another spelling is the same request. @returns 64 hex digits */
export const fingerprintOf = ({ walletId, chainId, to, value }: NormalisedTransfer): string =>
  createHash('sha256').update(JSON.stringify(['transfer/v1', walletId, chainId, to, value.toString()])).digest('hex')
