/** What a family of wallets knows of its addresses, networks and proofs. The rest of signing in is the same for all. */
import type { WalletFamily } from '@countersign/contracts'
import type { TypedData } from '@countersign/wallet-proofs'

export interface AccountGiven {
  readonly address: string
  readonly network?: string
  /** EIP-155; the evm family alone reads it. */
  readonly chainId?: number
}

/** An address that somebody wants to prove, in its one spelling. */
export interface WalletAccount {
  readonly address: string
  readonly network: string
  /** Of the CAIP-2 chain id, as the message shows it. */
  readonly chainReference: string
  readonly chainName: string
}

export interface AccountFault { readonly fault: { readonly path: string, readonly message: string } }

export interface WalletProof {
  /** As issued, so the whole text is trusted; the signature is what is looked at. */
  readonly message: string
  readonly signature: string
  readonly publicKey?: string
}

/** An account that is proved, under one id for all of its spellings. */
export interface ProvedAccount {
  /** CAIP-10 with the canonical address. */
  readonly id: string
  readonly kind: WalletFamily
  /** As shown. */
  readonly address: string
}

export type ProofVerdict =
  | { readonly outcome: 'proved', readonly identity: ProvedAccount }
  | { readonly outcome: 'refused', readonly reason: string }
  /** Nobody can tell at the moment: a chain or a queue does not answer. */
  | { readonly outcome: 'unavailable' }

export interface Family {
  /** Canonical account of an address and network as a caller spells them. */
  readonly read: (given: AccountGiven) => WalletAccount | AccountFault
  /** Ids of the logins that a proof of this account may be filed under. */
  readonly loginsOf: (account: WalletAccount) => readonly string[]
  /** @param askChain false: nothing was issued to this caller, so no node is asked on his behalf */
  readonly prove: (account: WalletAccount, proof: WalletProof, askChain: boolean) => Promise<ProofVerdict>
}

export interface EvmFamily extends Family {
  /** @param proof over typed data (EIP-712), as issued */
  readonly proveTypedData: (account: WalletAccount, proof: { readonly typedData: TypedData, readonly signature: string }, askChain: boolean) => Promise<ProofVerdict>
}

export type Families = Readonly<Record<Exclude<WalletFamily, 'evm'>, Family>> & { readonly evm: EvmFamily }

export const addressFault = (message: string): AccountFault => ({ fault: { path: 'body/address', message } })
export const networkFault: AccountFault = { fault: { path: 'body/network', message: 'is not a configured network' } }
