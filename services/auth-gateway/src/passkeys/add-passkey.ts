/**
 * Adds a passkey through otp-service, which keeps it; noted here is that it signs its user in. A login of the account like others, but for one
 * thing: it goes with its factor, in the other service, so that it never counts as the login that is left.
 */
import { beginPasskey, confirmPasskey, Problem, problems, type ReplyOf, type RequestOf } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { CommandClient } from '@countersign/redis'
import type { SessionStates } from '../sessions/session-state.ts'
import type { Asker, StillOpen } from '../sign-in/link-wallet.ts'
import type { TellFirstFactor } from '../step-ups/tell-first-factor.ts'
import { passkeyIdentityId } from '../users/identity.ts'
import type { IdentityRepository } from '../users/identity-repository.ts'
import type { UserRepository } from '../users/user-repository.ts'

export interface AddPasskeyDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly users: Pick<UserRepository, 'find' | 'noteFactors'>
  readonly identities: Pick<IdentityRepository, 'linkPasskey'>
  readonly states: Pick<SessionStates, 'userChanged'>
  readonly stillOpen: StillOpen
  readonly tellFirstFactor: TellFirstFactor
  readonly audit: Audit
}

export interface AddPasskey {
  /** @param account how the authenticator calls it. @throws Problem stepUpRequired, tooMany, unavailable */
  begin (asker: Asker, account: string, stepUpId: string | undefined): Promise<ReplyOf<typeof beginPasskey>>
  /** @throws Problem proofRejected, unauthorized, unavailable */
  confirm (asker: Asker, made: Pick<RequestOf<typeof confirmPasskey>, 'factor_id' | 'credential' | 'name'>): Promise<Pick<ReplyOf<typeof confirmPasskey>, 'factor'>>
}

export const createAddPasskey = ({ commands, users, identities, states, stillOpen, tellFirstFactor, audit }: AddPasskeyDeps): AddPasskey => ({
  async begin ({ userId, sessionId, requestId }, account, stepUpId) {
    return await commands.call(beginPasskey, { user_id: userId, session_id: sessionId, account, ...stepUpId !== undefined && { step_up: stepUpId } }, { requestId, actor: userId }).catch(async (error: unknown) => {
      // There are factors that this gateway did not know of: from here on its doors ask for one, too.
      if (error instanceof Problem && error.kind === problems.stepUpRequired) await users.noteFactors(userId, 'some')
      throw error
    })
  },

  async confirm (asker, made) {
    const { userId, sessionId, requestId } = asker
    // Its answer may be lost. Sent again it is read again, and the login linked then.
    await users.noteFactors(userId, 'unknown')
    const { factor, credential_hash: hash } = await commands.call(confirmPasskey, { user_id: userId, session_id: sessionId, ...made }, { requestId, actor: userId })
    await users.noteFactors(userId, 'some')
    const linked = await identities.linkPasskey(userId, { id: passkeyIdentityId(hash), kind: 'passkey', address: factor.id }, async ({ id, kind }, transaction) => {
      if (!await stillOpen(sessionId, transaction)) throw new Problem(problems.unauthorized)
      await audit.append({ event: 'identity.linked', subject: userId, actor: userId, requestId, facts: { identity: id, kind, factor: factor.id } }, transaction)
    })
    if (linked === 'gone') throw new Problem(problems.unauthorized)
    const user = await users.find(userId)
    if (user !== undefined) await states.userChanged(user, sessionId)
    await tellFirstFactor(asker, factor)
    return { factor }
  }
})
