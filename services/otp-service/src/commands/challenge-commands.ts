/** Questions of the signer, as commands. */
import {
  answerChallengeByPasskey, answerChallengeByWallet, askPasskeyOfChallenge, askWalletOfChallenge, createChallenge, resendChallenge, verifyChallenge, type ReplyOf, type RequestOf
} from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import type { CodeGiven } from '../challenges/verify-challenge.ts'
import { askingOf } from './asking-of.ts'

export interface ChallengeUseCases {
  readonly createChallenge: (request: RequestOf<typeof createChallenge>, asking: Asking) => Promise<ReplyOf<typeof createChallenge>>
  readonly resendChallenge: (request: RequestOf<typeof resendChallenge>, asking: Asking) => Promise<ReplyOf<typeof resendChallenge>>
  readonly verifyChallenge: (given: CodeGiven, asking: Asking) => Promise<ReplyOf<typeof verifyChallenge>>
  readonly askWalletOfChallenge: (request: RequestOf<typeof askWalletOfChallenge>, asking: Asking) => Promise<ReplyOf<typeof askWalletOfChallenge>>
  readonly answerChallengeByWallet: (request: RequestOf<typeof answerChallengeByWallet>, asking: Asking) => Promise<ReplyOf<typeof answerChallengeByWallet>>
  readonly askPasskeyOfChallenge: (request: RequestOf<typeof askPasskeyOfChallenge>, asking: Asking) => Promise<ReplyOf<typeof askPasskeyOfChallenge>>
  readonly answerChallengeByPasskey: (request: RequestOf<typeof answerChallengeByPasskey>, asking: Asking) => Promise<ReplyOf<typeof answerChallengeByPasskey>>
}

export const challengeCommands = (useCases: ChallengeUseCases): CommandHandler[] => [
  handle(createChallenge, (request, context) => useCases.createChallenge(request, askingOf(context))),
  handle(resendChallenge, (request, context) => useCases.resendChallenge(request, askingOf(context))),
  handle(verifyChallenge, ({ challenge_id: challengeId, user_id: userId, session_id: sessionId, factor_id: factorId, code }, context) =>
    useCases.verifyChallenge({ challengeId, userId, sessionId, factorId, code }, askingOf(context))),
  handle(askWalletOfChallenge, (request, context) => useCases.askWalletOfChallenge(request, askingOf(context))),
  handle(answerChallengeByWallet, (request, context) => useCases.answerChallengeByWallet(request, askingOf(context))),
  handle(askPasskeyOfChallenge, (request, context) => useCases.askPasskeyOfChallenge(request, askingOf(context))),
  handle(answerChallengeByPasskey, (request, context) => useCases.answerChallengeByPasskey(request, askingOf(context)))
]
