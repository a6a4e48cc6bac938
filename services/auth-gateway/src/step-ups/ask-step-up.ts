/** Has otp-service open a step-up, and notes here which action it was asked for. */
import { beginStepUp, isOfAction, listFactors, Problem, problems, type ReplyOf, type StepUpAction } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { StepUpRepository } from './step-up-repository.ts'

export interface AskStepUpDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly stepUps: Pick<StepUpRepository, 'begin'>
  readonly users: Pick<UserRepository, 'noteFactors'>
}

/** @throws Problem schemaViolation, notFound, factorRequired, unavailable */
export type AskStepUp = (asker: Asker, action: StepUpAction) => Promise<ReplyOf<typeof beginStepUp>>

export const createAskStepUp = ({ commands, stepUps, users }: AskStepUpDeps): AskStepUp =>
  async ({ userId, sessionId, requestId }, action) => {
    if (!isOfAction(action)) throw new Problem(problems.schemaViolation, { faults: [{ path: 'body/action/resource_id', message: 'is not what this action is done to' }] })
    const asked = await commands.call(beginStepUp, { user_id: userId, session_id: sessionId, action }, { requestId, actor: userId }).catch(async (error: unknown) => {
      // They were reset.
      if (error instanceof Problem && error.kind === problems.factorRequired) await users.noteFactors(userId, 'unknown')
      throw error
    })
    await Promise.all([users.noteFactors(userId, 'some'), stepUps.begin({ id: asked.challenge_id, userId, sessionId, action })])
    return asked
  }

export type ReadFactors = (asker: Asker) => Promise<ReplyOf<typeof listFactors>>

export interface ReadFactorsDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly users: Pick<UserRepository, 'find' | 'noteFactors'>
  /** What else goes with a factor. */
  readonly removed: (who: Pick<Asker, 'userId' | 'requestId'>, factorId: string) => Promise<void>
}

/** Logins of passkeys that an operator's reset took away, or whose removal was not heard of, go now. */
export const createReadFactors = ({ commands, users, removed }: ReadFactorsDeps): ReadFactors =>
  async ({ userId, requestId }) => {
    // Before the factors: one that is linked by now has its factor there.
    const passkeys = (await users.find(userId))?.identities.filter(({ kind }) => kind === 'passkey') ?? []
    const found = await commands.call(listFactors, { user_id: userId }, { requestId, actor: userId })
    await users.noteFactors(userId, found.factors.length > 0 ? 'some' : 'unknown')
    for (const { address: factorId } of passkeys) if (!found.factors.some(({ id }) => id === factorId)) await removed({ userId, requestId }, factorId)
    return found
  }
