/** Factors, as commands. */
import { beginEmailFactor, beginFactorWipe, beginTotp, confirmEmailFactor, confirmFactorWipe, confirmTotp, describeFactors, listFactors, makeRecoveryCodes, objectToFactor, removeFactor, renameFactor, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface FactorUseCases {
  readonly beginEmailFactor: (request: RequestOf<typeof beginEmailFactor>, asking: Asking) => Promise<ReplyOf<typeof beginEmailFactor>>
  readonly confirmEmailFactor: (request: RequestOf<typeof confirmEmailFactor>, asking: Asking) => Promise<ReplyOf<typeof confirmEmailFactor>>
  readonly beginFactorWipe: (request: RequestOf<typeof beginFactorWipe>, asking: Asking) => Promise<ReplyOf<typeof beginFactorWipe>>
  readonly confirmFactorWipe: (request: RequestOf<typeof confirmFactorWipe>, asking: Asking) => Promise<ReplyOf<typeof confirmFactorWipe>>
  readonly beginTotp: (request: RequestOf<typeof beginTotp>, asking: Asking) => Promise<ReplyOf<typeof beginTotp>>
  readonly confirmTotp: (request: RequestOf<typeof confirmTotp>, asking: Asking) => Promise<ReplyOf<typeof confirmTotp>>
  readonly makeRecoveryCodes: (request: RequestOf<typeof makeRecoveryCodes>, asking: Asking) => Promise<ReplyOf<typeof makeRecoveryCodes>>
  readonly removeFactor: (request: RequestOf<typeof removeFactor>, asking: Asking) => Promise<ReplyOf<typeof removeFactor>>
  readonly objectToFactor: (request: RequestOf<typeof objectToFactor>, asking: Asking) => Promise<ReplyOf<typeof objectToFactor>>
  readonly renameFactor: (request: RequestOf<typeof renameFactor>) => Promise<ReplyOf<typeof renameFactor>>
  readonly describeFactors: (request: RequestOf<typeof describeFactors>) => Promise<ReplyOf<typeof describeFactors>>
  readonly listFactors: (request: RequestOf<typeof listFactors>) => Promise<ReplyOf<typeof listFactors>>
}

export const factorCommands = (useCases: FactorUseCases): CommandHandler[] => [
  handle(beginEmailFactor, (request, context) => useCases.beginEmailFactor(request, askingOf(context))),
  handle(confirmEmailFactor, (request, context) => useCases.confirmEmailFactor(request, askingOf(context))),
  handle(beginFactorWipe, (request, context) => useCases.beginFactorWipe(request, askingOf(context))),
  handle(confirmFactorWipe, (request, context) => useCases.confirmFactorWipe(request, askingOf(context))),
  handle(beginTotp, (request, context) => useCases.beginTotp(request, askingOf(context))),
  handle(confirmTotp, (request, context) => useCases.confirmTotp(request, askingOf(context))),
  handle(makeRecoveryCodes, (request, context) => useCases.makeRecoveryCodes(request, askingOf(context))),
  handle(removeFactor, (request, context) => useCases.removeFactor(request, askingOf(context))),
  handle(objectToFactor, (request, context) => useCases.objectToFactor(request, askingOf(context))),
  handle(renameFactor, (request) => useCases.renameFactor(request)),
  handle(describeFactors, (request) => useCases.describeFactors(request)),
  handle(listFactors, (request) => useCases.listFactors(request))
]
