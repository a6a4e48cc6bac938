/**
 * A rotation makes a new wallet beside the old one; what the old one holds goes over by ordinary transactions, asked for, decided and
 * confirmed like any other. The old wallet is retired once nothing worth moving is left. Its key is never put in another's place.
 */
import type { Audit } from '@countersign/mongo'
import type { AttemptRepository } from '../attempts/attempt-repository.ts'
import type { Chains } from '../chain/chains.ts'
import { gasLimitFor, wantedFees } from '../lanes/fees.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { Transact } from '../unit.ts'
import type { ChainHolding, ReadHoldings } from './holdings.ts'
import { walletState, type Wallet } from './wallet.ts'
import type { WalletRepository } from './wallet-repository.ts'

export interface RotationDeps {
  readonly wallets: Pick<WalletRepository, 'find' | 'successorOf' | 'retire'>
  readonly transactions: Pick<TransactionRepository, 'unfinishedFrom'>
  readonly attempts: Pick<AttemptRepository, 'openFillers'>
  readonly chains: Pick<Chains, 'find'>
  readonly readHoldings: ReadHoldings
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

/** One transfer to be asked for, as the body of POST /api/v1/transactions but for the wallet and the destination. */
export interface WantedTransfer { readonly chainId: number, readonly symbol: string, readonly token: string | null, readonly value: bigint }

export interface Rotation {
  readonly from: Wallet
  /** Undefined while nothing was begun. */
  readonly to: Wallet | undefined
  readonly holdings: readonly ChainHolding[]
  readonly transfers: readonly WantedTransfer[]
  /** Why the old wallet cannot be retired yet; empty when it can. */
  readonly open: readonly string[]
}

/** Wei of a chain's coin that are not worth moving. */
export type DustOf = (chainId: number) => bigint

/** @throws Error when there is no such wallet */
export const createReadRotation = (deps: RotationDeps) => async (id: string, dustOf: DustOf): Promise<Rotation> => {
  const from = await deps.wallets.find(id)
  if (from === undefined) throw new Error(`there is no wallet ${id}: see wallets list`)
  const [to, holdings] = [await deps.wallets.successorOf(id), await deps.readHoldings(from)]
  const transfers = (await Promise.all(holdings.map(async (holding) => await transfersOf(deps, holding, dustOf(holding.chainId))))).flat()
  const open = [...to === undefined ? ['the rotation was not begun'] : [], ...openOn(holdings, dustOf), ...await onTheirWay(deps, from)]
  return { from, to, holdings, transfers, open }
}

/** @throws Error naming what is still open */
export const createFinishRotation = (deps: RotationDeps) => {
  const readRotation = createReadRotation(deps)
  return async (id: string, dustOf: DustOf): Promise<{ readonly wallet: Wallet, readonly changed: boolean }> => {
    const { from, to, holdings, open } = await readRotation(id, dustOf)
    if (walletState(from) === 'retired') return { wallet: from, changed: false }
    if (open.length > 0 || to === undefined) throw new Error(`not yet: ${open.join('; ')}`)
    return await deps.transact(async (unit) => {
      const wallet = await deps.wallets.retire(id, unit)
      if (wallet === undefined) return { wallet: from, changed: false }
      const left = holdings.flatMap(({ chainId, assets }) => assets.map(({ token, balance }) => `eip155:${chainId}/${token ?? 'coin'}: ${balance ?? 'unknown'}`))
      await deps.audit.append({ event: 'wallet.retired', subject: id, walletId: id, actor: 'operator', facts: { successor: to.id, left } }, unit.session)
      return { wallet, changed: true }
    })
  }
}

function openOn (holdings: readonly ChainHolding[], dustOf: DustOf): string[] {
  return holdings.flatMap(({ chainId, assets, reason }) => [
    ...reason === null ? [] : [`chain ${chainId} does not say what the wallet holds (${reason})`],
    // A token has no dust of its own: what is left of it would need the old key.
    ...assets.filter(({ token, balance }) => balance !== null && balance > (token === null ? dustOf(chainId) : 0n))
      .map(({ symbol, balance }) => `the wallet holds ${String(balance)} of the smallest unit of ${symbol} on chain ${chainId}`)
  ])
}

async function onTheirWay ({ transactions, attempts }: RotationDeps, { id, chainIds }: Wallet): Promise<string[]> {
  const unfinished = await transactions.unfinishedFrom(id)
  const fillers = await Promise.all(chainIds.map(async (chainId) => await attempts.openFillers({ chainId, walletId: id })))
  return [
    ...unfinished === 0 ? [] : [`${unfinished} transactions of the wallet are not finished`],
    ...fillers.flat().length === 0 ? [] : ['a nonce of the wallet is being filled']
  ]
}

/** Of the coin all but what the transfers themselves may cost: tokens go first, since they are paid for in it. */
async function transfersOf ({ chains }: RotationDeps, { chainId, assets }: ChainHolding, dust: bigint): Promise<WantedTransfer[]> {
  const tokens = assets.flatMap(({ token, symbol, balance }) => token === null || balance === null || balance === 0n ? [] : [{ chainId, symbol, token, value: balance }])
  const coin = assets.find(({ token }) => token === null)
  if (coin === undefined || coin.balance === null || coin.balance <= dust) return tokens
  const value = coin.balance - await reserve(chains, chainId)
  return value > 0n ? [...tokens, { chainId, symbol: coin.symbol, token: null, value }] : tokens
}

/** Wei for one plain transfer, at twice of what would be offered now: the market moves before it is confirmed. */
async function reserve (chains: Pick<Chains, 'find'>, chainId: number): Promise<bigint> {
  const chain = chains.find(chainId)
  if (chain === undefined) return 0n
  const node = await chain.node()
  const [{ baseFee }, tip] = await Promise.all([node.head(), node.priorityFee()])
  const wanted = 2n * gasLimitFor(0n) * wantedFees({ baseFee, tip }).maxFeePerGas
  return wanted < BigInt(chain.maxFeeTotal) ? wanted : BigInt(chain.maxFeeTotal)
}
