/** Writes the mail of a challenge's code: exactly its text, good until the code is not. */
import type { OutboxRow } from '@countersign/mongo'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Transaction } from '../transaction.ts'
import type { Challenge } from './challenge.ts'

export const writeCodeMail = async (mails: Pick<MailWriter, 'write'>, challenge: Challenge, code: string, requestId: string, transaction: Transaction): Promise<OutboxRow> => {
  if (challenge.address === null) throw new Error('a code without an address')
  return await mails.write({
    template: 'code',
    to: challenge.address,
    parameters: { code, text: challenge.text, expires_at: challenge.expiresAt.toISOString() }
  }, { usefulUntil: challenge.expiresAt, requestId }, transaction)
}
