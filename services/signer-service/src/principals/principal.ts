/** Who may ask for what. Granted on the signer's own command line only; a message of another service can at most take it away, with the account. */
export interface Principal {
  /** A user id. */
  readonly id: string
  readonly kind: 'user'
  /** The chain of proofs that the operator checked; a receipt of another one confirms nothing. */
  readonly factorRoot: string
  readonly may: readonly 'initiate'[]
  readonly wallets: readonly string[]
  readonly grantedAt: Date
}

/** @returns why this principal may not use this wallet, or undefined. Absent principals may nothing. */
export function refusalOf (principal: Principal | undefined, walletId: string): string | undefined {
  if (principal === undefined) return 'no_principal'
  if (principal.kind !== 'user') return 'not_a_user'
  if (!principal.may.includes('initiate')) return 'may_not_initiate'
  return principal.wallets.includes(walletId) ? undefined : 'wallet_not_granted'
}
