/** Wallets as factors, as commands. */
import { answerByWallet, askWallet, beginWallet, confirmWallet, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { Asking } from '../asking.ts'
import { askingOf } from './asking-of.ts'

export interface WalletUseCases {
  readonly beginWallet: (request: RequestOf<typeof beginWallet>, asking: Asking) => Promise<ReplyOf<typeof beginWallet>>
  readonly confirmWallet: (request: RequestOf<typeof confirmWallet>, asking: Asking) => Promise<ReplyOf<typeof confirmWallet>>
  readonly askWallet: (request: RequestOf<typeof askWallet>, asking: Asking) => Promise<ReplyOf<typeof askWallet>>
  readonly answerByWallet: (request: RequestOf<typeof answerByWallet>, asking: Asking) => Promise<ReplyOf<typeof answerByWallet>>
}

export const walletCommands = (useCases: WalletUseCases): CommandHandler[] => [
  handle(beginWallet, (request, context) => useCases.beginWallet(request, askingOf(context))),
  handle(confirmWallet, (request, context) => useCases.confirmWallet(request, askingOf(context))),
  handle(askWallet, (request, context) => useCases.askWallet(request, askingOf(context))),
  handle(answerByWallet, (request, context) => useCases.answerByWallet(request, askingOf(context)))
]
