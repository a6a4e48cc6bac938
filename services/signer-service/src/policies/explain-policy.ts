/** A dry run: which rule would decide a transaction, and why. Nothing is kept and nothing reserved. */
import { Problem, problems, type DryRunTransaction, type Explanation } from '@countersign/contracts'
import type { ParsedCall } from '../calls/call.ts'
import type { Hex } from '../chain/quantity.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import { compilePolicy } from './compile-policy.ts'
import { windowKeysOf } from './decide.ts'
import { explain } from './explain.ts'
import type { PolicyRepository } from './policy-repository.ts'
import type { Checksummed } from './validate-policy.ts'
import { validatedBody } from './validated-body.ts'
import type { WindowRepository } from './window-repository.ts'

export interface ExplainDeps {
  readonly policies: Pick<PolicyRepository, 'current'>
  readonly windows: Pick<WindowRepository, 'held'>
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly checksummed: Checksummed
  readonly callsOf: (transaction: { readonly chainId: number, readonly from: string, readonly to: string, readonly value: string, readonly data: Hex }) => readonly ParsedCall[]
}

export interface DryRun { readonly transaction: DryRunTransaction, readonly document?: unknown }
export type ExplainPolicy = (run: DryRun) => Promise<Explanation>

/** @throws Problem schemaViolation, stateConflict while there is no policy */
export const createExplainPolicy = ({ policies, windows, wallets, checksummed, callsOf }: ExplainDeps): ExplainPolicy => async ({ transaction, document }) => {
  const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path: `body/transaction/${path}`, message }] })
  const wallet = await wallets.find(transaction.wallet_id)
  if (wallet === undefined) throw fault('wallet_id', 'is no wallet')
  const to = checksummed(transaction.to)
  if (to === undefined) throw fault('to', 'has a wrong EIP-55 checksum: a character is mistyped')
  const current = await policies.current()
  if (current === undefined) throw new Problem(problems.stateConflict, { detail: 'There is no policy yet, so nothing is allowed (default).' })
  const compiled = document === undefined ? current.compiled : compilePolicy(validatedBody(document, checksummed).document)
  const { initiator, chain_id: chainId, value, data = '0x' } = transaction
  const judged = { initiator, walletId: wallet.id, chainId, at: current.at, calls: callsOf({ chainId, from: wallet.address, to, value, data: data as Hex }) }
  const { used } = await windows.held(windowKeysOf(compiled, judged), current.at)
  return { policy_version: document === undefined ? current.policy.version : null, ...explain(compiled, judged, used) }
}
