/** The text message of a challenge's code: all of the action in one line, good until the code is not. */
import { isPhoneNumber, type SmsContent } from '@countersign/contracts'
import type { OutboxEntry, OutboxRow } from '@countersign/mongo'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { SmsWriter } from '../sms/sms-writer.ts'
import type { Transaction } from '../transaction.ts'
import type { Challenge } from './challenge.ts'
import { codeMail } from './code-mail.ts'

function codeSms ({ address, shortText, expiresAt }: Challenge, code: string): SmsContent {
  if (address === null || shortText === undefined) throw new Error('a code without a number, or about what fits into no text message')
  return { template: 'code', to: address, parameters: { code, text: shortText, expires_at: expiresAt.toISOString() } }
}

export const writeCodeSms = async (texts: Pick<SmsWriter, 'write'>, challenge: Challenge, code: string, requestId: string, transaction: Transaction): Promise<OutboxRow> =>
  await texts.write(codeSms(challenge, code), { usefulUntil: challenge.expiresAt, requestId }, transaction)

/** By mail or by text message, as the form of the address says. Sealed; it is written into the outbox by whoever asks. */
export type SealCode = (challenge: Challenge, code: string, requestId: string) => OutboxEntry

export const createSealCode = ({ mails, texts }: { readonly mails: Pick<MailWriter, 'entryOf'>, readonly texts: Pick<SmsWriter, 'entryOf'> }): SealCode => (challenge, code, requestId) => {
  const given = { usefulUntil: challenge.expiresAt, requestId }
  return challenge.address !== null && isPhoneNumber(challenge.address) ? texts.entryOf(codeSms(challenge, code), given) : mails.entryOf(codeMail(challenge, code), given)
}
