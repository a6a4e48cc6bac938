/** Telephone numbers as factors, as commands. */
import { beginSms, confirmSms, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface SmsUseCases {
  readonly beginSms: (request: RequestOf<typeof beginSms>, asking: Asking) => Promise<ReplyOf<typeof beginSms>>
  readonly confirmSms: (request: RequestOf<typeof confirmSms>, asking: Asking) => Promise<ReplyOf<typeof confirmSms>>
}

export const smsCommands = (useCases: SmsUseCases): CommandHandler[] => [
  handle(beginSms, (request, context) => useCases.beginSms(request, askingOf(context))),
  handle(confirmSms, (request, context) => useCases.confirmSms(request, askingOf(context)))
]
