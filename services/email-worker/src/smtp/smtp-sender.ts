/** One pool of connections to one mail server. */
import { Readable } from 'node:stream'
import { createTransport } from 'nodemailer'
import type { RenderedMail } from '../templates/render-mail.ts'
import { SmtpFault, smtpFaultOf } from './smtp-fault.ts'

export interface SmtpOptions {
  readonly host: string
  readonly port: number
  readonly auth: { readonly user: string, readonly pass: string } | undefined
  /** Strict: a mail leaves encrypted for a server whose certificate is right, or not at all. Else STARTTLS is taken when offered. */
  readonly strict: boolean
  /** As many as mails are in hand at once: none waits for a connection while its deadline runs. */
  readonly maxConnections: number
  readonly from: { readonly name: string, readonly address: string }
  /** For the Date header. */
  readonly now: () => Date
}

export interface MailIds { readonly deliveryId: string, readonly requestId: string }

/** @throws SmtpFault */
export type SendMail = (to: string, mail: RenderedMail, ids: MailIds) => Promise<void>

export interface SmtpSender {
  readonly send: SendMail
  /** Greets the server and logs in, on a connection of its own. @throws SmtpFault */
  verify (): Promise<void>
  close (): void
}

/** Submission with TLS from the first byte (RFC 8314). */
const implicitTlsPort = 465

/** Longer than any step below may take together; the lease of a delivery is longer still. */
export const sendDeadlineMs = 25_000

export function createSmtpSender ({ host, port, auth, strict, maxConnections, from, now }: SmtpOptions): SmtpSender {
  const transport = createTransport({
    host,
    port,
    secure: port === implicitTlsPort,
    requireTLS: strict && port !== implicitTlsPort,
    tls: { rejectUnauthorized: strict, minVersion: 'TLSv1.2' },
    ...auth !== undefined && { auth: { ...auth } },
    pool: true,
    maxConnections,
    maxMessages: 100,
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
    dnsTimeout: 5_000,
    // RFC 5321 §4.5.3.2.6 asks for minutes after the last dot; giving up sooner than a lease allows only makes duplicates.
    socketTimeout: 24_000,
    // The pool would send again by itself when a connection closes, also after the whole mail went through it.
    maxRequeues: 0,
    // A mail is made of strings that we rendered; nothing in it may read a file or an address.
    disableFileAccess: true,
    disableUrlAccess: true
  })
  // Mails whose body a server has asked for, by Message-ID: from then on, silence does not mean that it was not accepted.
  const begun = new Set<string>()
  transport.use('stream', ({ message, data: { messageId } }, done) => {
    const whole = message.createReadStream.bind(message)
    // Read only when the server has said 354, unlike nodemailer's own stream, which fills its buffer at once.
    message.createReadStream = (options) => Readable.from((async function * () {
      if (messageId !== undefined) begun.add(messageId)
      yield * whole(options)
    })(), { objectMode: false })
    done()
  })
  const messageDomain = from.address.slice(from.address.lastIndexOf('@') + 1)

  return {
    async send (to, { subject, text, html }, { deliveryId, requestId }) {
      const messageId = `<${deliveryId}@${messageDomain}>`
      const sending = transport.sendMail({
        from,
        // Objects, and an envelope of our own: nothing is parsed out of a header (nodemailer before 7.0.7 was fooled by quotes).
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        subject,
        text,
        html,
        date: now(),
        messageId,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Request-Id': requestId }
      })
      try {
        await withinDeadline(sending, () => begun.has(messageId))
      } finally {
        begun.delete(messageId)
      }
    },
    async verify () {
      await withinDeadline(transport.verify())
    },
    close () {
      transport.close()
    }
  }
}

/** A server that drips bytes keeps a socket alive for ever; the lease does not wait for it. */
async function withinDeadline (work: Promise<unknown>, hasBegun = () => false): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([work, new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => { reject(new SmtpFault('no answer in time', { maybeSent: true })) }, sendDeadlineMs)
    })])
  } catch (error) {
    throw error instanceof SmtpFault ? error : smtpFaultOf(error, hasBegun())
  } finally {
    clearTimeout(timer)
  }
}
