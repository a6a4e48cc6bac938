import { Problem, problems } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import { emailIdentityId, type LinkedIdentity } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { User } from '../users/user.ts'
import type { CutAddress } from './cut-address.ts'
import type { ProvedMailbox } from './mailbox.ts'
import type { UsedReceipts } from './used-receipts.ts'

export interface SettleDeps {
  readonly users: Pick<UserRepository, 'find' | 'create' | 'isBeingDeleted'>
  readonly identities: Pick<IdentityRepository, 'find' | 'markVerified'>
  readonly passwords: Pick<PasswordRepository, 'set'>
  readonly usedReceipts: Pick<UsedReceipts, 'use'>
  readonly cutAddress: CutAddress
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly audit: Audit
  /** Letters and digits by chance. */
  readonly newSuffix: () => string
}

export interface Prover {
  /** Whether the account that took the address without proving it is the prover's own: its session, or the browser of its sign-up, was shown. */
  readonly owns: (userId: string) => boolean
  /** For the account that is made when there is none. */
  readonly fresh?: { readonly username?: string, readonly passwordHash?: string }
  /** What else belongs to a proof for an account that has the address, in one transaction with using up the receipt. */
  readonly keep?: (identity: LinkedIdentity, settle: (transaction: ClientSession) => Promise<void>) => Promise<void>
  readonly requestId: string
}

export interface Settled {
  readonly user: User
  readonly identity: LinkedIdentity
  /** The account came to be by this proof. */
  readonly made: boolean
}

export type SettleMailbox = (proved: ProvedMailbox, prover: Prover) => Promise<Settled>

/**
 * Whose is an address whose mailbox was proved? The account's that has proved it before, or the prover's own that took it; one that took
 * it and is not the prover's loses it; and where no account has it, one is made. Nothing is ever merged (CVE class: pre-account hijacking).
 * @throws Problem codeRejected when the receipt was used, or was given for another account than the address is with now; accountDeleting
 */
export const createSettleMailbox = ({ users, identities, passwords, usedReceipts, cutAddress, inTransaction, audit, newSuffix }: SettleDeps): SettleMailbox => {
  return async (proved, prover) => {
    const { requestId } = prover
    let username = prover.fresh?.username ?? `user_${newSuffix()}`
    let cut = false
    for (let tries = 0; tries < 5; tries++) {
      const identity = await identities.find(emailIdentityId(proved.email))
      // What was asked for one account never serves another that has the address by now.
      if (!cut && proved.userId !== null && proved.userId !== identity?.userId) throw new Problem(problems.codeRejected)
      if (identity === undefined) {
        const made = await make(proved, username, prover)
        if (made === 'username taken') username = `${username.slice(0, 40)}_${newSuffix()}`
        else if (made !== 'identity taken') return made
      } else if (identity.verified || prover.owns(identity.userId)) {
        const kept = await keep(identity, proved, prover)
        if (kept !== undefined) return kept
      } else {
        await cutAddress(identity, requestId)
        cut = true
      }
    }
    throw new Error('the address of a proved mailbox did not come to rest with one account')
  }

  async function make ({ email, receiptId }: ProvedMailbox, username: string, { fresh, requestId }: Prover): Promise<Settled | 'identity taken' | 'username taken'> {
    const identity = { id: emailIdentityId(email), kind: 'email' as const, address: email, verified: true }
    const user = await users.create({ identity, username, requestId }, async ({ id: userId }, transaction) => {
      if (!await usedReceipts.use(receiptId, transaction)) throw new Problem(problems.codeRejected)
      if (fresh?.passwordHash !== undefined) await passwords.set({ identityId: identity.id, userId, hash: fresh.passwordHash }, transaction)
    })
    return typeof user === 'string' ? user : { user, identity: { ...identity, userId: user.id, addedAt: user.createdAt }, made: true }
  }

  /** @returns undefined when the address moved meanwhile. */
  async function keep (identity: LinkedIdentity, { receiptId }: ProvedMailbox, { keep: work = justKeep, requestId }: Prover): Promise<Settled | undefined> {
    if (await users.isBeingDeleted(identity.id)) throw new Problem(problems.accountDeleting)
    try {
      await work(identity, async (transaction) => {
        if (!await usedReceipts.use(receiptId, transaction)) throw new Problem(problems.codeRejected)
        const proof = await identities.markVerified(identity, transaction)
        if (proof === 'gone') throw new Moved()
        if (proof === 'first') await audit.append({ event: 'identity.verified', subject: identity.userId, requestId, facts: { kind: 'email', receipt: receiptId } }, transaction)
      })
    } catch (error) {
      if (error instanceof Moved) return undefined
      throw error
    }
    const user = await users.find(identity.userId)
    if (user === undefined) throw new Problem(problems.codeRejected)
    return { user, identity: { ...identity, verified: true }, made: false }
  }

  async function justKeep (_identity: LinkedIdentity, settle: (transaction: ClientSession) => Promise<void>): Promise<void> {
    await inTransaction(settle)
  }
}

class Moved extends Error {}
