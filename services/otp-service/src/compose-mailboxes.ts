/** Wires the proofs of mailboxes. */
import { randomInt } from 'node:crypto'
import { createOutbox, type Audit } from '@countersign/mongo'
import { newId } from '@countersign/runtime'
import { deriveKey, randomToken, type ReceiptSigner } from '@countersign/secrets'
import type { Db } from 'mongodb'
import { budgetRules } from './budgets/budget.ts'
import { createBudgetRepository } from './budgets/budget-repository.ts'
import type { HouseFailures } from './budgets/house-failures.ts'
import type { ChallengeEvents } from './challenges/challenge-events.ts'
import type { Codes } from './challenges/codes.ts'
import type { MailboxUseCases } from './commands/mailbox-commands.ts'
import type { Config } from './config.ts'
import { createMailWriter, type MailWriter } from './mail/mail-writer.ts'
import type { SendLimit } from './mail/send-limit.ts'
import { createAnswerMailbox } from './mailboxes/answer-mailbox.ts'
import { createBeginMailbox } from './mailboxes/begin-mailbox.ts'
import { createCancelMailbox } from './mailboxes/cancel-mailbox.ts'
import { createLinks } from './mailboxes/links.ts'
import { createMailboxBudgets, mailboxBudgetLabel } from './mailboxes/mailbox-budgets.ts'
import { createDispatchLater, createSealMailboxMail, createWriteMailboxMail, withheldMails } from './mailboxes/mailbox-mail.ts'
import { createMailboxRepository, type MailboxRepository } from './mailboxes/mailbox-repository.ts'
import { createOpenMailbox } from './mailboxes/open-mailboxes.ts'
import { createProveMailbox } from './mailboxes/prove-mailbox.ts'
import { createResendMailbox } from './mailboxes/resend-mailbox.ts'
import { createSendMailbox } from './mailboxes/send-mailbox.ts'
import type { ReceiptRepository } from './receipts/receipt-repository.ts'
import type { Dispatch, Transact } from './transaction.ts'

export interface MailboxParts {
  readonly db: Db
  readonly config: Config
  readonly codes: Codes
  readonly mails: MailWriter
  readonly receipts: ReceiptRepository
  readonly sign: ReceiptSigner['signMailbox']
  readonly sendLimit: SendLimit
  readonly house: HouseFailures
  readonly audit: Audit
  readonly events: ChallengeEvents
  readonly transact: Transact
  readonly dispatch: Dispatch
}

export function composeMailboxes ({ db, config, codes, mails, receipts, sign, sendLimit, house, audit, events, transact, dispatch }: MailboxParts): MailboxUseCases & { readonly mailboxes: MailboxRepository } {
  const mailboxes = createMailboxRepository(db)
  const links = createLinks(config.secretKey, config.previousSecretKey)
  const budgets = createMailboxBudgets(
    createBudgetRepository(db, budgetRules(config.lockSeconds), 'mailbox_budgets'),
    deriveKey(config.secretKey, mailboxBudgetLabel)
  )
  const nowhere = createOutbox(db, { collection: withheldMails })
  const withheld = createMailWriter({ outbox: nowhere, sealKey: config.mailSealKey, newDeliveryId: () => newId('dlv') })
  const send = createSendMailbox({ budgets, codes, links, sendLimit, events, dispatchLater: createDispatchLater(dispatch, () => randomInt(10, 100)) })
  const openMailbox = createOpenMailbox({ mailboxes, sealMail: createSealMailboxMail(mails), outbox: createOutbox(db), withheld: nowhere, audit, transact })
  const asking = { mailboxes, send, ...config.codes }
  const proving = createProveMailbox({ mailboxes, budgets, receipts, sign, audit, events, transact, newReceiptId: () => newId('rcp') })

  return {
    mailboxes,
    beginMailbox: createBeginMailbox({ ...asking, openMailbox, newChallengeId: () => newId('chl'), linkOrigin: config.linkOrigin }),
    resendMailbox: createResendMailbox({ ...asking, writeMail: createWriteMailboxMail({ mails, withheld }), audit, transact }),
    answerMailbox: createAnswerMailbox({ mailboxes, budgets, proving, codes, links, house, audit, events, newReservationId: () => randomToken(12) }),
    cancelMailbox: createCancelMailbox({ mailboxes, audit, transact })
  }
}
