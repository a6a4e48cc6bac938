/** What an operator does once before a user may ask for transfers. */
import { parseEther, type Address } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { GatewayClient } from './gateway-client.ts'
import type { House } from './house.ts'
import { proveEmail, signIn, type SignedIn } from './main-job.ts'

export interface FundedWallet { readonly id: string, readonly address: Address }

/** A wallet in the KMS with ether on the local chain, and a policy that lets it pay `destinations`, one ether at most. */
export async function openWallet (house: House, name: string, destinations: readonly Address[]): Promise<FundedWallet> {
  const wallet = await house.countersign<FundedWallet>('signer-service', ['wallets', 'create', '--name', name])
  await house.fund(wallet.address, parseEther('100'))
  await house.countersign('signer-service', [
    'policies', 'set', '--wallet', wallet.id, ...destinations.flatMap((destination) => ['--destination', destination]), '--max-value', parseEther('1').toString()
  ])
  return wallet
}

export interface Principal extends SignedIn { readonly email: string }

/** A fresh user with a proved address who may start transfers from that wallet. */
export async function openPrincipal (house: House, gateway: GatewayClient, wallet: FundedWallet, email: string): Promise<Principal> {
  const user = await signIn(gateway, privateKeyToAccount(generatePrivateKey()))
  await proveEmail(house, gateway, user, email)
  await house.countersign('signer-service', ['principals', 'grant', '--user', user.userId, '--wallet', wallet.id, '--may', 'initiate', '--yes'])
  return { ...user, email }
}
