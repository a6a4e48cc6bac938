/** Opens a mail with the key of the queue that it came by, and refuses what that queue's producer may not send. */
import { MailContent, mailSealContext, templatesOf, type MailPayload } from '@countersign/contracts'
import { open } from '@countersign/secrets'
import { Compile } from 'typebox/compile'

/** The reason is for logs and the audit; none of them holds a part of the mail. */
export type RefusalReason = 'seal' | 'contract' | 'template'

/** Trying again cannot help: the job was forged, moved, changed, or made by a producer with another contract. */
export class MailRefused extends Error {
  readonly reason: RefusalReason

  constructor (reason: RefusalReason) {
    super(`the mail was refused: ${reason}`)
    this.name = 'MailRefused'
    this.reason = reason
  }
}

/** @throws MailRefused */
export type OpenMail = (queue: string, payload: MailPayload) => MailContent

const contract = Compile(MailContent)

/** @param sealKeys by queue, 32 bytes each: the current one, and the one before while mails sealed with it may still come. */
export const createOpenMail = (sealKeys: Readonly<Record<string, readonly Uint8Array[]>>): OpenMail => (queue, payload) => {
  const keys = sealKeys[queue]
  const allowed = templatesOf[queue]
  if (keys === undefined || allowed === undefined) throw new MailRefused('seal')

  const content = parse(opened(keys, payload.sealed, mailSealContext(queue, payload)))
  if (!contract.Check(content)) throw new MailRefused('contract')
  // Its key is right and its words are right: a stolen gateway still sends no codes.
  if (!allowed.includes(content.template)) throw new MailRefused('template')
  return content
}

function opened (keys: readonly Uint8Array[], sealed: string, associated: string): Buffer {
  for (const key of keys) {
    try {
      return open({ key, sealed, associated })
    } catch {
      // The next one, if there is one.
    }
  }
  throw new MailRefused('seal')
}

function parse (plaintext: Buffer): unknown {
  try {
    return JSON.parse(plaintext.toString('utf8'))
  } catch {
    // V8 quotes the text in its message.
    throw new MailRefused('contract')
  }
}
