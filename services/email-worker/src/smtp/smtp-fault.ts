import { getSystemErrorName } from 'node:util'

/** What the mail server, or the way to it, refused; without the server's words, which repeat the recipient. */
export class SmtpFault extends Error {
  /** Such as `smtp 451 RCPT TO` or `ECONNREFUSED`. */
  readonly reason: string
  /** The server will say the same tomorrow. */
  readonly permanent: boolean
  /** Nobody knows whether the mail went: it may still be on its way. */
  readonly maybeSent: boolean

  constructor (reason: string, { permanent = false, maybeSent = false }: { permanent?: boolean, maybeSent?: boolean } = {}) {
    super(`the mail was not accepted: ${reason}`)
    this.name = 'SmtpFault'
    this.reason = reason
    this.permanent = permanent
    this.maybeSent = maybeSent
  }
}

interface TransportError { readonly code?: unknown, readonly responseCode?: unknown, readonly command?: unknown, readonly errno?: unknown }

/** Codes of nodemailer for refusals of this very mail, as opposed to the connection or the login, whose faults an operator mends. */
const aboutTheMail = new Set(['EENVELOPE', 'EMESSAGE'])

/**
 * 5xx about the mail is final (RFC 5321 §4.2.1); everything else may pass.
 * @param bodyBegun the server had asked for the body: only its answer says that it does not have the mail.
 */
export function smtpFaultOf (error: unknown, bodyBegun = false): SmtpFault {
  const { code, responseCode, command, errno } = (typeof error === 'object' && error !== null ? error : {}) as TransportError
  const word = typeof code === 'string' && /^[A-Z0-9_]{1,32}$/.test(code) ? code : 'unknown'
  // nodemailer says ESOCKET of every socket; the system knows which fault it was.
  if (typeof responseCode !== 'number') return new SmtpFault(typeof errno === 'number' && errno < 0 ? getSystemErrorName(errno) : word, { maybeSent: bodyBegun })
  const step = typeof command === 'string' && /^[A-Z ]{1,16}$/.test(command) ? ` ${command}` : ''
  return new SmtpFault(`smtp ${responseCode}${step}`, { permanent: responseCode >= 500 && aboutTheMail.has(word) })
}
