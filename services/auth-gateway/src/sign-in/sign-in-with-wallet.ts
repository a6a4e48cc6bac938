import type { WalletFamily } from '@countersign/contracts'
import type { User } from '../users/user.ts'
import type { Identity } from '../users/identity.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { CheckWalletProof, GivenProof } from './check-wallet-proof.ts'

export interface SignInDeps {
  readonly check: CheckWalletProof
  readonly users: Pick<UserRepository, 'findByIdentity' | 'create'>
  readonly succeeded: (family: WalletFamily) => void
  /** A short random suffix for a username that is taken. */
  readonly newSuffix: () => string
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
 * @throws Problem proofRejected, unavailable
 */
export const createSignInWithWallet = ({ check, users, succeeded, newSuffix }: SignInDeps): SignInWithWallet => {
  return async (family, { username, ...proof }) => {
    const identity = await check(family, proof, { purpose: 'login' })
    const user = await findOrCreate(identity, username, proof.requestId)
    succeeded(family)
    return { user, identity }
  }

  /** One user per identity, also when its first two sign-ins race: the loser reads again. */
  async function findOrCreate (identity: Identity, wanted: string | undefined, requestId: string): Promise<User> {
    let username = wanted ?? `user_${identity.address.replace(/^0x/, '').slice(-8).toLowerCase()}`
    for (let tries = 0; tries < 5; tries++) {
      const known = await users.findByIdentity(identity.id)
      if (known !== undefined) return known
      const made = await users.create({ identity: { ...identity, verified: true }, username, requestId })
      if (typeof made === 'object') return made
      if (made === 'username taken') username = `${username.slice(0, 40)}_${newSuffix()}`
    }
    throw new Error('no free username found, or the account of this login is being deleted')
  }
}
