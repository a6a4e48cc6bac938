import { Problem, problems } from '@countersign/contracts'
import type { UserRepository } from '../users/user-repository.ts'
import { firstEpoch, type User } from '../users/user.ts'
import type { ProvedLogin } from './check-wallet-proof.ts'

export interface FindOrCreateDeps {
  readonly users: Pick<UserRepository, 'findByIdentity' | 'create' | 'isBeingDeleted'>
  /** A short random suffix for a username that is taken. */
  readonly newSuffix: () => string
}

export type FindOrCreateUser = (proved: ProvedLogin, wanted: string | undefined, requestId: string) => Promise<User>

/**
 * The user of a login that was proved just now. One per identity, also when its first two sign-ins race: the loser reads again.
 * @throws Problem accountDeleting: the login is taken until the deletion of its account is done
 */
export const createFindOrCreateUser = ({ users, newSuffix }: FindOrCreateDeps): FindOrCreateUser =>
  async ({ identity, holder }, wanted, requestId) => {
    if (holder !== undefined) return holder
    let username = wanted ?? `user_${identity.address.replace(/^0x/, '').slice(-8).toLowerCase()}`
    for (let tries = 0; tries < 5; tries++) {
      const made = await users.create({ identity: { ...identity, verified: true }, username, requestId })
      if (typeof made === 'object') return made
      if (made === 'identity taken') {
        const known = await users.findByIdentity(identity.id)
        // Nobody's before the proof: an account that has lived since then, at a later epoch, saw its sessions revoked meanwhile.
        if (known !== undefined) return { ...known, sessionEpoch: firstEpoch }
        if (await users.isBeingDeleted(identity.id)) throw new Problem(problems.accountDeleting)
      }
      if (made === 'username taken') username = `${username.slice(0, 40)}_${newSuffix()}`
    }
    throw new Error('no free username found')
  }
