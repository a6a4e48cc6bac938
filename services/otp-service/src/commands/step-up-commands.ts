/** Second proofs for the gateway's actions, as commands. */
import { beginStepUp, sendStepUp, verifyStepUp, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface StepUpUseCases {
  readonly beginStepUp: (request: RequestOf<typeof beginStepUp>, asking: Asking) => Promise<ReplyOf<typeof beginStepUp>>
  readonly sendStepUp: (request: RequestOf<typeof sendStepUp>, asking: Asking) => Promise<ReplyOf<typeof sendStepUp>>
  readonly verifyStepUp: (request: RequestOf<typeof verifyStepUp>, asking: Asking) => Promise<ReplyOf<typeof verifyStepUp>>
}

export const stepUpCommands = (useCases: StepUpUseCases): CommandHandler[] => [
  handle(beginStepUp, (request, context) => useCases.beginStepUp(request, askingOf(context))),
  handle(sendStepUp, (request, context) => useCases.sendStepUp(request, askingOf(context))),
  handle(verifyStepUp, (request, context) => useCases.verifyStepUp(request, askingOf(context)))
]
