/** Compares one wallet on one chain with what we know, from where it was compared last up to what is final, and remembers how far it came. */
import { LeaseLost, type Audit, type AuditEntry, type Leases } from '@countersign/mongo'
import { ChainFault } from '../chain/chain-fault.ts'
import type { ChainNode } from '../chain/chain-node.ts'
import type { Chain, Chains } from '../chain/chains.ts'
import { tokenBalance } from '../chain/token-reads.ts'
import type { Transact, Unit } from '../unit.ts'
import type { Wallet } from '../wallets/wallet.ts'
import type { Compared } from './compare-lane.ts'
import { coin, reconciliationId, type Comparison, type Finding, type Reconciliation, type UsedPermit } from './reconciliation.ts'
import type { ReconciliationRepository } from './reconciliation-repository.ts'

export interface ReconcileDeps {
  readonly reconciliations: Pick<ReconciliationRepository, 'find' | 'advance' | 'raise'>
  readonly compare: (given: Comparison) => Promise<Compared>
  readonly chains: Pick<Chains, 'find'>
  readonly leases: Pick<Leases, 'acquire' | 'renew' | 'assert' | 'release'>
  readonly holder: string
  readonly transact: Transact
  readonly audit: Pick<Audit, 'append'>
  readonly tellOperator: (unit: Unit, wallet: Wallet, chainId: number, finding: Finding) => Promise<void>
}

export type ReconcileOutcome =
  /** `first`: there was nothing to compare with yet. `busy`: another process is at it. */
  | { readonly outcome: 'first' | 'compared', readonly height: number, readonly nonce: number, readonly balances: Reconciliation['balances'], readonly ours: number, readonly used: readonly UsedPermit[], readonly findings: readonly Finding[] }
  | { readonly outcome: 'busy' }
  | { readonly outcome: 'unreachable', readonly reason: string }

const leaseMs = 300_000

/** Never throws for what a node does: it is asked again later, from the same height. */
export const createReconcileLane = (deps: ReconcileDeps) => async (wallet: Wallet, chainId: number): Promise<ReconcileOutcome> => {
  const chain = deps.chains.find(chainId)
  if (chain === undefined) return { outcome: 'unreachable', reason: 'not_configured' }
  const name = `reconcile:${reconciliationId({ chainId, walletId: wallet.id })}`
  const lease = await deps.leases.acquire(name, deps.holder, leaseMs)
  if (lease === null) return { outcome: 'busy' }
  // However long a long list of signatures takes. A failure is no loss yet: what is written asks whether it is still held.
  const renewing = setInterval(() => { deps.leases.renew(name, deps.holder, lease.epoch, leaseMs).catch(() => undefined) }, leaseMs / 3)
  try {
    return await reconcile(deps, wallet, chain, { name, epoch: lease.epoch })
  } catch (error) {
    if (error instanceof ChainFault) return { outcome: 'unreachable', reason: error.code }
    if (error instanceof LeaseLost) return { outcome: 'busy' }
    throw error
  } finally {
    clearInterval(renewing)
    await deps.leases.release(name, deps.holder, lease.epoch)
  }
}

async function reconcile (deps: ReconcileDeps, wallet: Wallet, chain: Chain, { name, epoch }: { readonly name: string, readonly epoch: number }): Promise<ReconcileOutcome> {
  const node = await chain.node()
  const [head, before] = [await node.head(), await deps.reconciliations.find({ chainId: chain.chainId, walletId: wallet.id })]
  // Final, so that no reorg makes a finding of what was none.
  const height = Math.max(before?.height ?? 0, head.number - chain.confirmations + 1, 0)
  const tokens = (chain.tokens ?? []).map(({ address }) => address)
  const now = { chainId: chain.chainId, walletId: wallet.id, height, ...await stateAt(node, wallet.address, tokens, height) }
  const { permits, ...compared } = before === undefined
    ? { findings: [], ours: 0, used: [], permits: {} }
    : await deps.compare({ wallet, chainId: chain.chainId, node, tokens, before, now })
  await deps.transact(async (unit) => {
    await deps.leases.assert(name, deps.holder, epoch, unit.session)
    if (!await deps.reconciliations.advance({ ...now, permits }, before?.height, unit)) throw new LeaseLost(name, epoch)
    for (const finding of compared.findings) await raise(deps, unit, wallet, chain.chainId, finding)
    if (compared.used.length > 0) await deps.audit.append(compared.used.map((used) => usedRow(wallet, chain.chainId, used)), unit.session)
  })
  return { outcome: before === undefined ? 'first' : 'compared', height, nonce: now.nonce, balances: now.balances, ...compared }
}

async function stateAt (node: ChainNode, address: string, tokens: readonly string[], height: number): Promise<Pick<Reconciliation, 'nonce' | 'balances'>> {
  const [nonce, wei, ...amounts] = await Promise.all([
    node.nonceAt(address, height), node.balanceAt(address, height), ...tokens.map(async (token) => await tokenBalance(node, token, address, height))
  ])
  return { nonce, balances: { [coin]: wei.toString(), ...Object.fromEntries(tokens.map((token, index) => [token, String(amounts[index])])) } }
}

async function raise ({ reconciliations, audit, tellOperator }: ReconcileDeps, unit: Unit, wallet: Wallet, chainId: number, finding: Finding): Promise<void> {
  if (!await reconciliations.raise({ chainId, walletId: wallet.id }, finding, unit)) return
  await audit.append({
    event: 'reconciliation.alarm', subject: wallet.id, walletId: wallet.id, facts: { kind: finding.kind, chain: chainId, mark: finding.mark, hash: finding.hash }
  }, unit.session)
  await tellOperator(unit, wallet, chainId, finding)
}

const usedRow = ({ id }: Wallet, chainId: number, { token, to, amount, hash, logIndex, signatures }: UsedPermit): AuditEntry => ({
  event: 'reconciliation.permit_used', subject: id, walletId: id, facts: { chain: chainId, token, to, amount: amount.toString(), mark: `${hash}:${logIndex}`, hash, signatures }
})
