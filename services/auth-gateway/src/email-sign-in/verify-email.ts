import type { Mailbox, MailboxAnswer } from './mailbox.ts'
import type { PendingChoices } from './pending-choices.ts'
import type { Settled, SettleMailbox } from './settle-mailbox.ts'

export interface VerifyEmailRequest {
  readonly answer: MailboxAnswer
  /** Of the session that was shown. */
  readonly userId?: string
  readonly requestId: string
}

export interface VerifyEmailDeps {
  readonly mailbox: Pick<Mailbox, 'answer'>
  readonly pending: Pick<PendingChoices, 'find'>
  readonly settle: SettleMailbox
}

export interface VerifiedEmail extends Settled {
  /** The account came to be by this proof, in the browser that had signed up for it. */
  readonly opensSession: boolean
}

export type VerifyEmail = (request: VerifyEmailRequest) => Promise<VerifiedEmail>

/**
 * Proves the address of a sign-up. What was chosen at the sign-up counts only for the browser that chose it: a link that is opened anywhere
 * else proves no more than that somebody reads the mailbox, who may be the victim of whoever signed up.
 * @throws Problem codeRejected, factorLocked, unavailable
 */
export const createVerifyEmail = ({ mailbox, pending, settle }: VerifyEmailDeps): VerifyEmail =>
  async ({ answer, userId, requestId }) => {
    const proved = await mailbox.answer('signup', answer, requestId)
    const chosenHere = proved.userId === null && proved.sameOpener
    const chosen = chosenHere ? await pending.find(proved.challengeId) : undefined
    const settled = await settle(proved, {
      requestId,
      owns: (ownerId) => ownerId === userId || (proved.sameOpener && ownerId === proved.userId),
      ...chosen !== undefined && { fresh: chosen }
    })
    return { ...settled, opensSession: settled.made && chosenHere }
  }
