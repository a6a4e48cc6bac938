/** Opens a message with the key of the queue that it came by, and refuses what that queue's producer may not send. */
import { MailContent, mailSealContext, SmsContent, templatesOf, type MailPayload } from '@countersign/contracts'
import { open } from '@countersign/secrets'
import { Compile } from 'typebox/compile'

/** The reason is for logs and the audit; none of them holds a part of the message. */
export type RefusalReason = 'seal' | 'contract' | 'template'

/** Trying again cannot help: the job was forged, moved, changed, or made by a producer with another contract. */
export class DeliveryRefused extends Error {
  readonly reason: RefusalReason

  constructor (reason: RefusalReason) {
    super(`the message was refused: ${reason}`)
    this.name = 'DeliveryRefused'
    this.reason = reason
  }
}

/** @throws DeliveryRefused */
export type OpenSealed<Content> = (queue: string, payload: MailPayload) => Content

/** By queue, 32 bytes each: the current one, and the one before while messages sealed with it may still come. */
export type SealKeys = Readonly<Record<string, readonly Uint8Array[]>>

const [mail, sms] = [Compile(MailContent), Compile(SmsContent)]

const createOpenSealed = <Content extends { readonly template: string }>(
  sealKeys: SealKeys, isContent: (value: unknown) => value is Content, templates: Readonly<Record<string, readonly string[]>>
): OpenSealed<Content> => (queue, payload) => {
  const keys = sealKeys[queue]
  const allowed = templates[queue]
  if (keys === undefined || allowed === undefined) throw new DeliveryRefused('seal')

  const content = parse(opened(keys, payload.sealed, mailSealContext(queue, payload)))
  if (!isContent(content)) throw new DeliveryRefused('contract')
  // Its key is right and its words are right: a stolen gateway still sends no codes.
  if (!allowed.includes(content.template)) throw new DeliveryRefused('template')
  return content
}

export const createOpenMail = (sealKeys: SealKeys): OpenSealed<MailContent> => createOpenSealed(sealKeys, (value) => mail.Check(value), templatesOf)

/** @param queues of text messages; each of them may carry any */
export const createOpenSms = (sealKeys: SealKeys, queues: readonly string[]): OpenSealed<SmsContent> =>
  createOpenSealed(sealKeys, (value) => sms.Check(value), Object.fromEntries(queues.map((queue) => [queue, ['code']])))

function opened (keys: readonly Uint8Array[], sealed: string, associated: string): Buffer {
  for (const key of keys) {
    try {
      return open({ key, sealed, associated })
    } catch {
      // The next one, if there is one.
    }
  }
  throw new DeliveryRefused('seal')
}

function parse (plaintext: Buffer): unknown {
  try {
    return JSON.parse(plaintext.toString('utf8'))
  } catch {
    // V8 quotes the text in its message.
    throw new DeliveryRefused('contract')
  }
}
