/** How a login is named to its owner. */
import { maskAddress, type IdentityKind } from '@countersign/contracts'

export const methodNames: Readonly<Record<IdentityKind, string>> = {
  evm: 'Ethereum wallet', solana: 'Solana wallet', cosmos: 'Cosmos wallet', stacks: 'Stacks wallet', bitcoin: 'Bitcoin wallet', email: 'e-mail', passkey: 'passkey'
}

/** Wallet addresses are public, and owners know them by their ends; a mail may be read by others than its owner, so that mail addresses are masked. */
export const shownLogin = ({ kind, address }: { readonly kind: IdentityKind, readonly address: string }): string =>
  kind === 'email' ? maskAddress(address) : address.length <= 14 ? address : `${address.slice(0, 8)}…${address.slice(-6)}`
