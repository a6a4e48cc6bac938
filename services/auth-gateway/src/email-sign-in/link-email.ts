import { Problem, problems, type AskingPlace } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import { untold, type TellUser } from '../mail/tell-user.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import type { SessionStates } from '../sessions/session-state.ts'
import type { Asker } from '../sign-in/link-wallet.ts'
import { emailIdentityId, type LinkedIdentity } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { CutAddress } from './cut-address.ts'
import type { Mailbox, ProvedMailbox, Sent } from './mailbox.ts'
import type { SecretOfUser } from './opener.ts'
import type { PendingChoices } from './pending-choices.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'
import type { UsedReceipts } from './used-receipts.ts'

export interface AskToLinkDeps {
  readonly users: Pick<UserRepository, 'find'>
  readonly hasher: Pick<PasswordHasher, 'hash'>
  readonly mailbox: Pick<Mailbox, 'begin'>
  readonly pending: Pick<PendingChoices, 'keep'>
  readonly secretOf: SecretOfUser
}

export type AskToLink = (request: { readonly email: string, readonly password: string, readonly place: AskingPlace }, asker: Asker) => Promise<Sent>

/** Longer than any code lives, resent ones included. */
const choiceSeconds = 3_600

/** Every address gets the code: whose it is already, only its holder learns. @throws Problem schemaViolation (weak password), sendLimited, factorLocked, unavailable */
export const createAskToLink = ({ users, hasher, mailbox, pending, secretOf }: AskToLinkDeps): AskToLink =>
  async ({ email, password, place }, { userId, sessionId, requestId }) => {
    const user = await users.find(userId)
    refuseWeakPassword(password, { email, ...user !== undefined && { username: user.username } })
    const passwordHash = await hasher.hash(password)
    const sent = await mailbox.begin({ purpose: 'email_link', email, userId, sessionId, secret: secretOf(userId), deliver: true, place }, requestId)
    await pending.keep(sent.challenge_id, { passwordHash }, choiceSeconds)
    return sent
  }

export interface LinkEmailDeps {
  readonly mailbox: Pick<Mailbox, 'answer'>
  readonly pending: Pick<PendingChoices, 'find'>
  readonly identities: Pick<IdentityRepository, 'find' | 'link' | 'markVerified'>
  readonly passwords: Pick<PasswordRepository, 'set'>
  readonly usedReceipts: Pick<UsedReceipts, 'use'>
  readonly cutAddress: CutAddress
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly users: Pick<UserRepository, 'find'>
  readonly states: Pick<SessionStates, 'userChanged'>
  readonly secretOf: SecretOfUser
  readonly tellUser: TellUser
  readonly audit: Audit
}

export type LinkEmail = (request: { readonly challengeId: string, readonly code: string }, asker: Asker) => Promise<LinkedIdentity>

/**
 * Never merges: an address that another account has proved is refused, one that it only took is cut from it. The own one again changes nothing.
 * @throws Problem codeRejected, identityTaken, factorLocked, unavailable
 */
export const createLinkEmail = ({ mailbox, pending, identities, passwords, usedReceipts, cutAddress, inTransaction, users, states, secretOf, tellUser, audit }: LinkEmailDeps): LinkEmail => {
  return async ({ challengeId, code }, { userId, sessionId, requestId }) => {
    const proved = await mailbox.answer('email_link', { challengeId, code, secret: secretOf(userId) }, requestId)
    if (proved.userId !== userId) throw new Problem(problems.codeRejected)
    const known = await identities.find(emailIdentityId(proved.email))
    if (known !== undefined && known.userId !== userId && !known.verified) await cutAddress(known, requestId)

    const linked = known?.userId === userId ? await prove(known, proved.receiptId, requestId) : await link(proved, { userId, sessionId, requestId })
    const user = await users.find(userId)
    if (user !== undefined) await states.userChanged(user, sessionId)
    return linked
  }

  /** An own address that waits for its proof has it now; its password stays. */
  async function prove (known: LinkedIdentity, receiptId: string, requestId: string): Promise<LinkedIdentity> {
    await inTransaction(async (transaction) => {
      if (!await usedReceipts.use(receiptId, transaction)) throw new Problem(problems.codeRejected)
      const proof = await identities.markVerified(known, transaction)
      if (proof === 'gone') throw new Problem(problems.codeRejected)
      if (proof === 'first') await audit.append({ event: 'identity.verified', subject: known.userId, actor: known.userId, requestId, facts: { kind: 'email', receipt: receiptId } }, transaction)
    })
    return { ...known, verified: true }
  }

  async function link ({ email, receiptId, challengeId }: ProvedMailbox, { userId, requestId }: Asker): Promise<LinkedIdentity> {
    const chosen = await pending.find(challengeId)
    // The address before this one: the new one was just shown to be read.
    const told = (await users.find(userId))?.email ?? null
    let tell = untold
    const identity = { id: emailIdentityId(email), kind: 'email' as const, address: email, verified: true }
    const linked = await identities.link(userId, identity, async (login, transaction) => {
      if (!await usedReceipts.use(receiptId, transaction)) throw new Problem(problems.codeRejected)
      if (chosen !== undefined) await passwords.set({ identityId: login.id, userId, hash: chosen.passwordHash }, transaction)
      tell = await tellUser(told, { template: 'identity_linked', login }, requestId, transaction)
      await audit.append({ event: 'identity.linked', subject: userId, actor: userId, requestId, facts: { kind: 'email', receipt: receiptId } }, transaction)
    })
    if (linked === 'taken') throw new Problem(problems.identityTaken)
    if (linked === 'gone') throw new Problem(problems.unauthorized)
    await tell()
    return linked
  }
}
