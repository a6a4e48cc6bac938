/**
 * The text that a wallet signs, composed here and compared byte for byte later: EIP-4361 for Ethereum, the same shape (CAIP-122) for
 * the other families. The chain is named by the reference of its CAIP-2 id.
 */
export interface SignInMessageFields {
  /** host[:port] of the gateway's origin. */
  readonly domain: string
  readonly origin: string
  readonly brand: string
  readonly purpose: ChallengePurpose
  /** As in "your Ethereum account". */
  readonly chainName: string
  /** Canonical, as wallets show it. */
  readonly address: string
  readonly chainReference: string
  readonly nonce: string
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** Of the account that the wallet is linked to; only for `link`. */
  readonly userId?: string
}

/** A proof for one purpose never serves the other: the person who signs reads which one it is. */
export type ChallengePurpose = 'login' | 'link'

const statement = ({ brand, purpose, userId }: Pick<SignInMessageFields, 'brand' | 'purpose' | 'userId'>): string =>
  purpose === 'login'
    ? `Sign in to ${brand}. This costs nothing and moves nothing.`
    : `Link this wallet to the ${brand} account ${userId}: who holds that account may then sign in with it.`

export const signInMessage = ({ domain, origin, chainName, address, chainReference, nonce, issuedAt, expiresAt, ...said }: SignInMessageFields): string => [
  `${domain} wants you to sign in with your ${chainName} account:`,
  address,
  '',
  statement(said),
  '',
  `URI: ${origin}`,
  'Version: 1',
  `Chain ID: ${chainReference}`,
  `Nonce: ${nonce}`,
  `Issued At: ${issuedAt.toISOString()}`,
  `Expiration Time: ${expiresAt.toISOString()}`
].join('\n')

/** The nonce inside a message of ours, for callers of the earlier systems, who send no challenge id back. */
export const nonceIn = (text: string): string | undefined => /^Nonce: ([0-9a-f]{32})$/m.exec(text.slice(0, 4_096))?.[1]
