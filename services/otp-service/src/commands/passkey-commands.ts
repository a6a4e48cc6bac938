/** Passkeys, as commands. */
import { beginPasskey, beginPasskeySignIn, beginPasskeyStepUp, confirmPasskey, verifyPasskeySignIn, verifyPasskeyStepUp, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface PasskeyUseCases {
  readonly beginPasskey: (request: RequestOf<typeof beginPasskey>, asking: Asking) => Promise<ReplyOf<typeof beginPasskey>>
  readonly confirmPasskey: (request: RequestOf<typeof confirmPasskey>, asking: Asking) => Promise<ReplyOf<typeof confirmPasskey>>
  readonly beginPasskeyStepUp: (request: RequestOf<typeof beginPasskeyStepUp>, asking: Asking) => Promise<ReplyOf<typeof beginPasskeyStepUp>>
  readonly verifyPasskeyStepUp: (request: RequestOf<typeof verifyPasskeyStepUp>, asking: Asking) => Promise<ReplyOf<typeof verifyPasskeyStepUp>>
  readonly beginPasskeySignIn: (asking: Asking) => Promise<ReplyOf<typeof beginPasskeySignIn>>
  readonly verifyPasskeySignIn: (request: RequestOf<typeof verifyPasskeySignIn>, asking: Asking) => Promise<ReplyOf<typeof verifyPasskeySignIn>>
}

export const passkeyCommands = (useCases: PasskeyUseCases): CommandHandler[] => [
  handle(beginPasskey, (request, context) => useCases.beginPasskey(request, askingOf(context))),
  handle(confirmPasskey, (request, context) => useCases.confirmPasskey(request, askingOf(context))),
  handle(beginPasskeyStepUp, (request, context) => useCases.beginPasskeyStepUp(request, askingOf(context))),
  handle(verifyPasskeyStepUp, (request, context) => useCases.verifyPasskeyStepUp(request, askingOf(context))),
  handle(beginPasskeySignIn, (_request, context) => useCases.beginPasskeySignIn(askingOf(context))),
  handle(verifyPasskeySignIn, (request, context) => useCases.verifyPasskeySignIn(request, askingOf(context)))
]
