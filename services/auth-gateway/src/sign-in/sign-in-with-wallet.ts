import type { WalletFamily } from '@countersign/contracts'
import type { Identity } from '../users/identity.ts'
import type { User } from '../users/user.ts'
import type { CheckWalletProof, GivenProof } from './check-wallet-proof.ts'
import type { FindOrCreateUser } from './find-or-create-user.ts'
import type { SignInReport } from './report-sign-in.ts'

export interface SignInDeps {
  readonly check: CheckWalletProof
  readonly userOf: FindOrCreateUser
  readonly report: Pick<SignInReport, 'succeeded'>
}

export interface WalletSignIn extends GivenProof {
  readonly username?: string
}

/** Who signed in, and by which login. */
export interface SignedIn {
  readonly user: User
  readonly identity: Identity
}

export type SignInWithWallet = (family: WalletFamily, request: WalletSignIn) => Promise<SignedIn>

/**
 * The first sign-in of a wallet makes the account.
 * @throws Problem proofRejected, accountDeleting, unavailable
 */
export const createSignInWithWallet = ({ check, userOf, report }: SignInDeps): SignInWithWallet =>
  async (family, { username, ...proof }) => {
    const proved = await check(family, proof, { purpose: 'login' })
    const user = await userOf(proved, username, proof.requestId)
    report.succeeded(family)
    return { user, identity: proved.identity }
  }
