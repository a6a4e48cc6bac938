/** Proofs of mailboxes, as commands. */
import { answerMailbox, beginMailbox, cancelMailbox, resendMailbox, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface MailboxUseCases {
  readonly beginMailbox: (request: RequestOf<typeof beginMailbox>, asking: Asking) => Promise<ReplyOf<typeof beginMailbox>>
  readonly resendMailbox: (request: RequestOf<typeof resendMailbox>, asking: Asking) => Promise<ReplyOf<typeof resendMailbox>>
  readonly answerMailbox: (request: RequestOf<typeof answerMailbox>, asking: Asking) => Promise<ReplyOf<typeof answerMailbox>>
  readonly cancelMailbox: (request: RequestOf<typeof cancelMailbox>, asking: Asking) => Promise<ReplyOf<typeof cancelMailbox>>
}

export const mailboxCommands = (useCases: MailboxUseCases): CommandHandler[] => [
  handle(beginMailbox, (request, context) => useCases.beginMailbox(request, askingOf(context))),
  handle(resendMailbox, (request, context) => useCases.resendMailbox(request, askingOf(context))),
  handle(answerMailbox, (request, context) => useCases.answerMailbox(request, askingOf(context))),
  handle(cancelMailbox, (request, context) => useCases.cancelMailbox(request, askingOf(context)))
]
