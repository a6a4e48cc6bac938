/** Challenges, as commands. */
import { createChallenge, resendChallenge, verifyChallenge, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface ChallengeUseCases {
  readonly createChallenge: (request: RequestOf<typeof createChallenge>, asking: Asking) => Promise<ReplyOf<typeof createChallenge>>
  readonly resendChallenge: (request: RequestOf<typeof resendChallenge>, asking: Asking) => Promise<ReplyOf<typeof resendChallenge>>
  readonly verifyChallenge: (request: RequestOf<typeof verifyChallenge>, asking: Asking) => Promise<ReplyOf<typeof verifyChallenge>>
}

export const challengeCommands = (useCases: ChallengeUseCases): CommandHandler[] => [
  handle(createChallenge, (request, context) => useCases.createChallenge(request, askingOf(context))),
  handle(resendChallenge, (request, context) => useCases.resendChallenge(request, askingOf(context))),
  handle(verifyChallenge, (request, context) => useCases.verifyChallenge(request, askingOf(context)))
]
