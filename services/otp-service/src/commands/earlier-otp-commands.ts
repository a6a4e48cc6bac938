/** Codes of the earlier OTP system, as commands. */
import { earlierOtpStatus, sendEarlierOtp, verifyEarlierOtp, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface EarlierOtpUseCases {
  readonly sendEarlierOtp: (request: RequestOf<typeof sendEarlierOtp>, asking: Asking) => Promise<ReplyOf<typeof sendEarlierOtp>>
  readonly earlierOtpStatus: (request: RequestOf<typeof earlierOtpStatus>, asking: Asking) => Promise<ReplyOf<typeof earlierOtpStatus>>
  readonly verifyEarlierOtp: (request: RequestOf<typeof verifyEarlierOtp>, asking: Asking) => Promise<ReplyOf<typeof verifyEarlierOtp>>
}

export const earlierOtpCommands = (useCases: EarlierOtpUseCases): CommandHandler[] => [
  handle(sendEarlierOtp, (request, context) => useCases.sendEarlierOtp(request, askingOf(context))),
  handle(earlierOtpStatus, (request, context) => useCases.earlierOtpStatus(request, askingOf(context))),
  handle(verifyEarlierOtp, (request, context) => useCases.verifyEarlierOtp(request, askingOf(context)))
]
