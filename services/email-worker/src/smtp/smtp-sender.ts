/** One pool of connections to one mail server. */
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { createTransport } from 'nodemailer'
import { logoContentId } from '../templates/html.ts'
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
  /** Where a reader of bulk mails asks for no more of them: a mailto: or https: URL. */
  readonly unsubscribe?: string | undefined
  /** Signs every mail; `privateKey` is RSA, PEM. */
  readonly dkim?: { readonly domainName: string, readonly keySelector: string, readonly privateKey: string } | undefined
  /** A mail is given up after this long; its lease is longer. */
  readonly deadlineMs: number
  /** For the Date header. */
  readonly now: () => Date
}

export interface MailIds { readonly deliveryId: string, readonly requestId: string }

/** From `body begun` on, silence does not mean that the mail was not accepted; what is `given up` will not be begun any more. */
interface Attempt { state: 'waiting' | 'body begun' | 'given up' }

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

/** Silence ends the connection a little before the deadline gives up on it: then it is known that nothing more can come. */
const silenceShare = 0.96
const longestGreetingMs = 5_000

export function createSmtpSender ({ host, port, auth, strict, maxConnections, from, unsubscribe, dkim, deadlineMs, now }: SmtpOptions): SmtpSender {
  const silenceMs = Math.floor(deadlineMs * silenceShare)
  const greetingMs = Math.min(longestGreetingMs, silenceMs)
  const closing = new AbortController()
  const transport = createTransport({
    host,
    port,
    secure: port === implicitTlsPort,
    requireTLS: strict && port !== implicitTlsPort,
    tls: { rejectUnauthorized: strict, minVersion: 'TLSv1.2' },
    ...auth !== undefined && { auth: { ...auth } },
    ...dkim !== undefined && { dkim: { ...dkim } },
    pool: true,
    maxConnections,
    maxMessages: 100,
    getSocket: (_options: unknown, done: Connected) => { connectWithoutDelay({ host, port, withinMs: greetingMs, signal: closing.signal }, done) },
    connectionTimeout: greetingMs,
    greetingTimeout: greetingMs,
    dnsTimeout: greetingMs,
    // RFC 5321 §4.5.3.2.6 asks for minutes after the last dot; giving up sooner than a lease allows only makes duplicates.
    socketTimeout: silenceMs,
    // The pool would send again by itself when a connection closes, also after the whole mail went through it.
    maxRequeues: 0,
    // A mail is made of strings that we rendered; nothing in it may read a file or an address.
    disableFileAccess: true,
    disableUrlAccess: true
  })
  transport.use('stream', ({ message, data }, done) => {
    const { attempt } = data as { attempt?: Attempt }
    const whole = message.createReadStream.bind(message)
    // Read only when the server has said 354, unlike nodemailer's own stream, which fills its buffer at once.
    message.createReadStream = (options) => Readable.from((async function * () {
      // Without its end the server does not take the mail, and the connection is closed.
      if (attempt?.state === 'given up') throw new Error('too late')
      if (attempt !== undefined) attempt.state = 'body begun'
      yield * whole(options)
    })(), { objectMode: false })
    done()
  })
  const messageDomain = from.address.slice(from.address.lastIndexOf('@') + 1)

  return {
    async send (to, { subject, text, html, logo, bulk = false }, { deliveryId, requestId }) {
      const attempt: Attempt = { state: 'waiting' }
      const message = {
        attempt,
        from,
        // Objects, and an envelope of our own: nothing is parsed out of a header (nodemailer before 7.0.7 was fooled by quotes).
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        subject,
        text,
        html,
        ...logo !== undefined && { attachments: [{ filename: false as const, content: logo.content, contentType: logo.type, cid: logoContentId, contentDisposition: 'inline' as const }] },
        date: now(),
        messageId: `<${deliveryId}@${messageDomain}>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Request-Id': requestId, ...bulk && unsubscribe !== undefined && { 'List-Unsubscribe': `<${unsubscribe}>` } }
      }
      await withinDeadline(deadlineMs, transport.sendMail(message), attempt)
    },
    async verify () {
      await withinDeadline(deadlineMs, transport.verify())
    },
    close () {
      closing.abort()
      transport.close()
    }
  }
}

interface Connecting { readonly host: string, readonly port: number, readonly withinMs: number, readonly signal: AbortSignal }

type Connected = (error: Error | null, socket?: { readonly connection: Socket }) => void

/** nodemailer writes a mail and its last dot apart, and connects by itself with Nagle's algorithm on: the dot would wait until the mail's bytes are acknowledged, which takes a server up to 40 ms. */
function connectWithoutDelay ({ host, port, withinMs, signal }: Connecting, done: Connected): void {
  const socket = connect({ host, port, noDelay: true, keepAlive: true })
  const end = (code: string): void => { socket.destroy(Object.assign(new Error('no connection'), { code })) }
  const closed = (): void => { end('ECONNECTION') }
  const timer = setTimeout(() => { end('ETIMEDOUT') }, withinMs)
  signal.addEventListener('abort', closed)
  const settled = (error: Error | null): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', closed)
    socket.off('error', settled)
    done(error, ...error === null ? [{ connection: socket }] : [])
  }
  socket.once('error', settled)
  socket.once('connect', () => { settled(null) })
}

/** A server that drips bytes keeps a socket alive for ever; the lease does not wait for it. */
async function withinDeadline (deadlineMs: number, work: Promise<unknown>, attempt: Attempt = { state: 'waiting' }): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([work, new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const maybeSent = attempt.state === 'body begun'
        if (!maybeSent) attempt.state = 'given up'
        reject(new SmtpFault('no answer in time', { maybeSent }))
      }, deadlineMs)
    })])
  } catch (error) {
    throw error instanceof SmtpFault ? error : smtpFaultOf(error, attempt.state === 'body begun')
  } finally {
    clearTimeout(timer)
  }
}
