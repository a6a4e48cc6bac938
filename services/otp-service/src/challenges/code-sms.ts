/** Writes the text message of a challenge's code: all of the action in one line, good until the code is not. */
import { isPhoneNumber } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { SmsWriter } from '../sms/sms-writer.ts'
import type { Transaction } from '../transaction.ts'
import type { Challenge } from './challenge.ts'
import { writeCodeMail } from './code-mail.ts'

export const writeCodeSms = async (texts: Pick<SmsWriter, 'write'>, challenge: Challenge, code: string, requestId: string, transaction: Transaction): Promise<OutboxRow> => {
  if (challenge.address === null || challenge.shortText === undefined) throw new Error('a code without a number, or about what fits into no text message')
  return await texts.write({
    template: 'code',
    to: challenge.address,
    parameters: { code, text: challenge.shortText, expires_at: challenge.expiresAt.toISOString() }
  }, { usefulUntil: challenge.expiresAt, requestId }, transaction)
}

/** By mail or by text message, as the form of the address says. */
export type WriteCode = (challenge: Challenge, code: string, requestId: string, transaction: Transaction) => Promise<OutboxRow>

export const createWriteCode = ({ mails, texts }: { readonly mails: MailWriter, readonly texts: SmsWriter }): WriteCode => async (challenge, ...rest) =>
  challenge.address !== null && isPhoneNumber(challenge.address) ? await writeCodeSms(texts, challenge, ...rest) : await writeCodeMail(mails, challenge, ...rest)
