/** What the signer asks of otp-service, on its own list: no other service has a say in it. */
import {
  answerChallengeByPasskey, answerChallengeByWallet, askPasskeyOfChallenge, askWalletOfChallenge, createChallenge, describeFactors, resendChallenge, verifyChallenge, type Command, type ReplyOf, type RequestOf
} from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'

export interface AskIds {
  readonly requestId: string
  /** The same for a repetition; absent: a new command. */
  readonly commandId?: string
}

type Ask<C extends Command> = (request: RequestOf<C>, ids: AskIds) => Promise<ReplyOf<C>>

/** @throws Problem what otp-service refuses with, or unavailable */
export interface OtpDoor {
  readonly describe: Ask<typeof describeFactors>
  readonly create: Ask<typeof createChallenge>
  readonly resend: Ask<typeof resendChallenge>
  readonly verify: Ask<typeof verifyChallenge>
  readonly askWallet: Ask<typeof askWalletOfChallenge>
  readonly answerByWallet: Ask<typeof answerChallengeByWallet>
  readonly askPasskey: Ask<typeof askPasskeyOfChallenge>
  readonly answerByPasskey: Ask<typeof answerChallengeByPasskey>
}

export function createOtpDoor (commands: Pick<CommandClient, 'call'>): OtpDoor {
  const ask = <C extends Command>(command: C): Ask<C> => async (request, ids) =>
    await commands.call(command, request, { ...ids, actor: (request as { readonly user_id: string }).user_id })
  return {
    describe: ask(describeFactors),
    create: ask(createChallenge),
    resend: ask(resendChallenge),
    verify: ask(verifyChallenge),
    askWallet: ask(askWalletOfChallenge),
    answerByWallet: ask(answerChallengeByWallet),
    askPasskey: ask(askPasskeyOfChallenge),
    answerByPasskey: ask(answerChallengeByPasskey)
  }
}
