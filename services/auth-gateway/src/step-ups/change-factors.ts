/** Changes of factors, through otp-service: it decides, by step-ups on its own record. Noted here is only whether the user has any. */
import { beginSms, beginTotp, beginWallet, confirmSms, confirmTotp, confirmWallet, makeRecoveryCodes, objectToFactor, Problem, problems, removeFactor, renameFactor, type ReplyOf, type RequestOf } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { TellFirstFactor } from './tell-first-factor.ts'
import type { UserRepository } from '../users/user-repository.ts'

export interface ChangeFactorsDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly users: Pick<UserRepository, 'noteFactors'>
  readonly tellFirstFactor: TellFirstFactor
  /** What else went with a factor. */
  readonly removed: (who: Pick<Asker, 'userId' | 'requestId'>, factorId: string) => Promise<void>
}

export interface ChangeFactors {
  /** @throws Problem stepUpRequired, stateConflict, unavailable */
  beginTotp (asker: Asker, stepUpId: string | undefined): Promise<ReplyOf<typeof beginTotp>>
  /** @throws Problem codeRejected, unavailable */
  confirmTotp (asker: Asker, answer: Pick<RequestOf<typeof confirmTotp>, 'factor_id' | 'code' | 'name'>): Promise<ReplyOf<typeof confirmTotp>>
  /** @throws Problem schemaViolation, stepUpRequired, stateConflict, tooMany, unavailable */
  beginWallet (asker: Asker, wallet: Omit<RequestOf<typeof beginWallet>, 'user_id' | 'session_id' | 'step_up'>, stepUpId: string | undefined): Promise<ReplyOf<typeof beginWallet>>
  /** @throws Problem proofRejected, rateLimited, unavailable */
  confirmWallet (asker: Asker, answer: Pick<RequestOf<typeof confirmWallet>, 'factor_id' | 'signature' | 'public_key'>): Promise<ReplyOf<typeof confirmWallet>>
  /** @throws Problem stepUpRequired, numberNotServed, stateConflict, factorLocked, sendLimited, unavailable */
  beginSms (asker: Asker, number: Pick<RequestOf<typeof beginSms>, 'phone_number' | 'name' | 'place'>, stepUpId: string | undefined): Promise<ReplyOf<typeof beginSms>>
  /** @throws Problem codeRejected, factorLocked, unavailable */
  confirmSms (asker: Asker, answer: Pick<RequestOf<typeof confirmSms>, 'challenge_id' | 'code'>): Promise<ReplyOf<typeof confirmSms>>
  /** @throws Problem stepUpRequired, factorRequired, unavailable */
  makeRecoveryCodes (asker: Asker, stepUpId: string | undefined): Promise<ReplyOf<typeof makeRecoveryCodes>>
  /** @throws Problem stepUpRequired, notFound, stateConflict, unavailable */
  remove (asker: Asker, factorId: string, stepUpId: string | undefined): Promise<void>
  /** By the token of a mail. @throws Problem codeRejected, unavailable */
  object (token: string, requestId: string): Promise<Pick<ReplyOf<typeof objectToFactor>, 'removed'>>
  /** @throws Problem notFound, stateConflict, unavailable */
  rename (asker: Asker, factorId: string, name: string): Promise<ReplyOf<typeof renameFactor>>
}

export function createChangeFactors ({ commands, users, tellFirstFactor, removed }: ChangeFactorsDeps): ChangeFactors {
  const of = ({ userId, sessionId }: Asker, stepUpId?: string) => ({ user_id: userId, session_id: sessionId, ...stepUpId !== undefined && { step_up: stepUpId } })
  const by = ({ userId, requestId }: Asker) => ({ requestId, actor: userId })
  /** There are factors that this gateway did not know of: from here on its doors ask for one, too. */
  const learning = async <T>({ userId }: Asker, call: Promise<T>): Promise<T> => await call.catch(async (error: unknown) => {
    if (error instanceof Problem && error.kind === problems.stepUpRequired) await users.noteFactors(userId, 'some')
    throw error
  })

  const adding = async <T extends ReplyOf<typeof confirmTotp>>(asker: Asker, add: () => Promise<T>): Promise<T> => {
    // Its answer may be lost.
    await users.noteFactors(asker.userId, 'unknown')
    const added = await add()
    await users.noteFactors(asker.userId, 'some')
    await tellFirstFactor(asker, added.factor)
    return added
  }

  return {
    beginTotp: (asker, stepUpId) => learning(asker, commands.call(beginTotp, of(asker, stepUpId), by(asker))),
    confirmTotp: (asker, answer) => adding(asker, () => commands.call(confirmTotp, { ...of(asker), ...answer }, by(asker))),
    beginWallet: (asker, wallet, stepUpId) => learning(asker, commands.call(beginWallet, { ...of(asker, stepUpId), ...wallet }, by(asker))),
    confirmWallet: (asker, answer) => adding(asker, () => commands.call(confirmWallet, { ...of(asker), ...answer }, by(asker))),
    beginSms: (asker, number, stepUpId) => learning(asker, commands.call(beginSms, { ...of(asker, stepUpId), ...number }, by(asker))),
    confirmSms: (asker, answer) => adding(asker, () => commands.call(confirmSms, { ...of(asker), ...answer }, by(asker))),
    makeRecoveryCodes: (asker, stepUpId) => learning(asker, commands.call(makeRecoveryCodes, of(asker, stepUpId), by(asker))),
    async remove (asker, factorId, stepUpId) {
      const { factors_left: left } = await learning(asker, commands.call(removeFactor, { ...of(asker, stepUpId), factor_id: factorId }, by(asker)))
      await users.noteFactors(asker.userId, left > 0 ? 'some' : 'unknown')
      await removed(asker, factorId)
    },
    async object (token, requestId) {
      const { removed: isGone, factor } = await commands.call(objectToFactor, { token }, { requestId })
      if (factor !== undefined) await removed({ userId: factor.user_id, requestId }, factor.id)
      return { removed: isGone }
    },
    rename: (asker, factorId, name) => commands.call(renameFactor, { user_id: asker.userId, factor_id: factorId, name }, by(asker))
  }
}
