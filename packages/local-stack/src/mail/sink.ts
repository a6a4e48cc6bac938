import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { claimPort, takenPort } from '../ports.ts'
import { StackFault } from '../stack-fault.ts'
import type { Mail } from './mail.ts'
import { startViewer } from './viewer.ts'

/** How the sink treats the next deliveries: as they should be, "try again" (451), "never" (550), "nobody of that name" (550 5.1.1), or no answer at all. */
export type MailFault = 'none' | 'temporary' | 'permanent' | 'unknown recipient' | 'silent'

export interface SmtpSink {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Page that lists and shows the mails; `/api/mails` is the same as JSON. */
  readonly viewerUrl: string
  readonly mails: () => Promise<readonly Mail[]>
  /** The first mail, old or new, that satisfies the predicate; an Error after `timeoutMs`. */
  readonly waitForMail: (predicate: (mail: Mail) => boolean, timeoutMs: number) => Promise<Mail>
  readonly clear: () => void
  readonly fail: (fault: MailFault) => void
  readonly close: () => Promise<void>
}

export interface SmtpSinkOptions {
  readonly port?: number | undefined
  readonly viewerPort?: number | undefined
  /** Shown beside the mails that came: what `countersign email preview` writes. */
  readonly previewFolder?: string | undefined
  /** The oldest go first beyond this. */
  readonly keep?: number
}

/**
 * Takes every mail and delivers none. No TLS and no password: it listens on 127.0.0.1 only.
 * @throws StackFault when a port is taken
 */
export const startSmtpSink = async ({ port: wanted, viewerPort, previewFolder, keep = 1_000 }: SmtpSinkOptions = {}): Promise<SmtpSink> => {
  // Loaded when they are wanted: they take a while, and whoever imports this package mostly wants a database alone.
  const [{ simpleParser }, { SMTPServer }] = await Promise.all([import('mailparser'), import('smtp-server')])
  const mails: Mail[] = []
  let fault: MailFault = 'none'

  const server = new SMTPServer({
    authOptional: true,
    // Its certificate would be self-signed, and a client that offers STARTTLS by itself would refuse it.
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    // A client that hangs must not keep the sink from closing.
    closeTimeout: 500,
    size: 2 * 1024 * 1024,
    onMailFrom: (_address, _session, callback) => {
      if (fault === 'silent') return
      if (fault === 'none' || fault === 'unknown recipient') callback()
      else callback(refusal(fault))
    },
    onRcptTo: (_address, _session, callback) => {
      callback(fault === 'unknown recipient' ? Object.assign(new Error('5.1.1 Nobody of that name'), { responseCode: 550 }) : null)
    },
    onData: (stream, session, callback) => {
      const { mailFrom, rcptTo } = session.envelope
      simpleParser(stream).then(({ subject, text, html, messageId, headers }) => {
        mails.push({
          id: randomUUID(),
          receivedAt: new Date().toISOString(),
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          subject: subject ?? '',
          text: text ?? '',
          ...(typeof html === 'string' ? { html } : {}),
          ...(messageId === undefined ? {} : { messageId }),
          headers: Object.fromEntries([...headers].filter((header): header is [string, string] => typeof header[1] === 'string'))
        })
        mails.splice(0, mails.length - keep)
        callback()
      }, callback)
    }
  })
  const port = await claimPort(wanted, 'SMTP')
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => { reject(takenPort(port, 'SMTP')) })
    server.listen(port, '127.0.0.1', resolve)
  })
  // A client that hangs up in the middle is no fault of the sink.
  server.on('error', () => undefined)

  const closeServer = async (): Promise<void> => { await new Promise<void>((resolve) => { server.close(() => { resolve() }) }) }
  const viewer = await startViewer({ port: viewerPort, mails, previewFolder, clear: () => { mails.length = 0 } }).catch(async (error: unknown) => {
    await closeServer()
    throw error
  })

  return {
    host: '127.0.0.1',
    port,
    viewerUrl: viewer.url,
    mails: async () => [...mails],
    waitForMail: async (predicate, timeoutMs) => {
      for (const deadline = Date.now() + timeoutMs; ; await wait(20)) {
        const found = mails.find(predicate)
        if (found !== undefined) return found
        if (Date.now() > deadline) throw new StackFault(`No such mail came within ${timeoutMs} ms; ${mails.length} others did (see ${viewer.url}).`)
      }
    },
    clear: () => { mails.length = 0 },
    fail: (next) => { fault = next },
    close: async () => { await Promise.all([closeServer(), viewer.close()]) }
  }
}

const refusal = (fault: 'temporary' | 'permanent'): Error & { responseCode: number } =>
  Object.assign(new Error(fault === 'temporary' ? 'Try again later' : 'Mailbox refused'), { responseCode: fault === 'temporary' ? 451 : 550 })
