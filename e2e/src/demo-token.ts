/** A token of the demo's own, so that an ERC-20 payment can be countersigned: compiled from Solidity, deployed on the local chain, named in CHAINS. */
import { writeFile } from 'node:fs/promises'
import type { TransactionView } from '@countersign/contracts'
import type { Stack } from '@countersign/local-stack'
import { deployContract, type Contract } from '@countersign/testing'
import type { Address } from 'viem'
import type { GatewayClient } from './gateway-client.ts'
import type { Environment } from './house.ts'
import type { SignedIn } from './main-job.ts'

export const demoToken = { symbol: 'DEMO', decimals: 6 } as const
const supply = 10n ** 12n

/** @returns the token, all of it held by the chain's first account, and the signer's CHAINS with it. */
export async function deployDemoToken (stack: Stack): Promise<{ token: Contract, environment: Environment }> {
  const token = await deployContract(stack.chain, 'Token', ['Demo Token', demoToken.symbol, demoToken.decimals, supply])
  const chains = JSON.parse(stack.environmentFor('signer-service')['CHAINS'] ?? '[]') as object[]
  return { token, environment: { 'signer-service': { CHAINS: JSON.stringify(chains.map((chain) => ({ ...chain, tokens: [{ address: token.address, ...demoToken }] }))) } } }
}

export interface DemoPolicy { readonly wallet: string, readonly destination: Address, readonly mostWei: bigint, readonly token: Address, readonly mostUnits: bigint }

/** As a file for `countersign policies set --file`: coins and that token, to one destination, each with a shown proof. */
export async function writePolicy (path: string, { wallet, destination, mostWei, token, mostUnits }: DemoPolicy): Promise<string> {
  const rule = {
    name: 'demo payments', effect: 'allow', wallets: [wallet], destinations: [destination], max_value: mostWei.toString(), tokens: [{ token, max_amount: mostUnits.toString() }], require: { shown_proof: true }
  }
  await writeFile(path, JSON.stringify({ rules: [rule] }))
  return path
}

export interface TokenPayment { readonly walletId: string, readonly token: Address, readonly to: Address, readonly amount: bigint }

export const requestTokenPayment = (gateway: GatewayClient, user: SignedIn, { walletId, token, to, amount }: TokenPayment): Promise<TransactionView> =>
  gateway.call<TransactionView>('POST', '/api/v1/transactions', {
    token: user.accessToken,
    headers: { 'idempotency-key': `demo-token-${user.userId}` },
    body: { wallet_id: walletId, chain_id: 31337, token, to, amount: amount.toString() }
  })
