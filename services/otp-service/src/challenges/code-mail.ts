/** The mail of a challenge's code: exactly its text, good until the code is not. */
import type { MailContent } from '@countersign/contracts'
import type { OutboxRow } from '@countersign/mongo'
import type { MailWriter } from '../mail/mail-writer.ts'
import type { Transaction } from '../transaction.ts'
import type { Challenge } from './challenge.ts'

export function codeMail ({ address, text, expiresAt }: Challenge, code: string): MailContent {
  if (address === null) throw new Error('a code without an address')
  return { template: 'code', to: address, parameters: { code, text, expires_at: expiresAt.toISOString() } }
}

export const writeCodeMail = async (mails: Pick<MailWriter, 'write'>, challenge: Challenge, code: string, requestId: string, transaction: Transaction): Promise<OutboxRow> =>
  await mails.write(codeMail(challenge, code), { usefulUntil: challenge.expiresAt, requestId }, transaction)
