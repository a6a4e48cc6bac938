/** A dry run: which rule would decide a transaction or a signature, and why. Nothing is kept and nothing reserved. */
import { Problem, problems, type DryRunSignature, type DryRunTransaction, type Explanation } from '@countersign/contracts'
import type { ParsedCall } from '../calls/call.ts'
import type { Hex } from '../chain/quantity.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import type { Wallet } from '../wallets/wallet.ts'
import { compilePolicy } from './compile-policy.ts'
import { windowKeysOf } from './decide.ts'
import { explain } from './explain.ts'
import type { JudgedTransaction } from './judged.ts'
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
  /** @throws Problem schemaViolation, as when it were asked for */
  readonly aboutSignature: (signature: DryRunSignature) => Pick<JudgedTransaction, 'initiator' | 'chainId' | 'signature'> & { readonly callsFrom: (wallet: Wallet) => readonly ParsedCall[] }
}

/** One of `transaction` and `signature`. */
export interface DryRun { readonly transaction?: DryRunTransaction, readonly signature?: DryRunSignature, readonly document?: unknown }
export type ExplainPolicy = (run: DryRun) => Promise<Explanation>

type Asked = Omit<JudgedTransaction, 'at'>

/** @throws Problem schemaViolation, stateConflict while there is no policy */
export const createExplainPolicy = (deps: ExplainDeps): ExplainPolicy => async ({ transaction, signature, document }) => {
  const { policies, windows, checksummed } = deps
  if ((transaction === undefined) === (signature === undefined)) throw fault('body', 'is one of: transaction; signature')
  const asked = transaction === undefined ? await askedBySignature(deps, signature as DryRunSignature) : await askedByTransaction(deps, transaction)
  const current = await policies.current()
  if (current === undefined) throw new Problem(problems.stateConflict, { detail: 'There is no policy yet, so nothing is allowed (default).' })
  const compiled = document === undefined ? current.compiled : compilePolicy(validatedBody(document, checksummed).document)
  const judged = { ...asked, at: current.at }
  const { used } = await windows.held(windowKeysOf(compiled, judged), current.at)
  return { policy_version: document === undefined ? current.policy.version : null, ...explain(compiled, judged, used) }
}

async function askedByTransaction ({ wallets, checksummed, callsOf }: ExplainDeps, { initiator, wallet_id: walletId, chain_id: chainId, to: given, value, data = '0x' }: DryRunTransaction): Promise<Asked> {
  const wallet = await wallets.find(walletId)
  if (wallet === undefined) throw fault('body/transaction/wallet_id', 'is no wallet')
  const to = checksummed(given)
  if (to === undefined) throw fault('body/transaction/to', 'has a wrong EIP-55 checksum: a character is mistyped')
  return { initiator, walletId, chainId, calls: callsOf({ chainId, from: wallet.address, to, value, data: data as Hex }) }
}

async function askedBySignature ({ wallets, aboutSignature }: ExplainDeps, asked: DryRunSignature): Promise<Asked> {
  const wallet = await wallets.find(asked.wallet_id)
  if (wallet === undefined) throw fault('body/signature/wallet_id', 'is no wallet')
  try {
    const { initiator, chainId, signature, callsFrom } = aboutSignature(asked)
    return { initiator, walletId: wallet.id, chainId, calls: callsFrom(wallet), ...signature !== undefined && { signature } }
  } catch (error) {
    if (!(error instanceof Problem) || error.extensions.faults === undefined) throw error
    throw new Problem(error.kind, { faults: error.extensions.faults.map(({ path, message }) => ({ path: path.replace(/^body/, 'body/signature'), message })) })
  }
}

const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })
