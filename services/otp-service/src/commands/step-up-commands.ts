/** Second proofs for the gateway's actions, as commands. */
import { beginStepUp, sendStepUp, verifyStepUp, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import type { CodeGiven } from '../challenges/verify-challenge.ts'
import { askingOf } from './asking-of.ts'

export interface StepUpUseCases {
  readonly beginStepUp: (request: RequestOf<typeof beginStepUp>, asking: Asking) => Promise<ReplyOf<typeof beginStepUp>>
  readonly sendStepUp: (request: RequestOf<typeof sendStepUp>, asking: Asking) => Promise<ReplyOf<typeof sendStepUp>>
  readonly verifyStepUp: (given: CodeGiven, asking: Asking) => Promise<ReplyOf<typeof verifyStepUp>>
}

export const stepUpCommands = (useCases: StepUpUseCases): CommandHandler[] => [
  handle(beginStepUp, (request, context) => useCases.beginStepUp(request, askingOf(context))),
  handle(sendStepUp, (request, context) => useCases.sendStepUp(request, askingOf(context))),
  handle(verifyStepUp, ({ challenge_id: challengeId, user_id: userId, session_id: sessionId, proof }, context) =>
    useCases.verifyStepUp({ challengeId, userId, sessionId, factorId: proof.factor_id, code: proof.code }, askingOf(context)))
]
