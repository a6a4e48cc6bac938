import { getSystemErrorName } from 'node:util'
import { DeliveryFault, type FaultKind } from '../deliveries/delivery-fault.ts'

/** A fault of the mail server, or of the way to it. */
export class SmtpFault extends DeliveryFault {
  constructor (reason: string, kind: FaultKind = {}) {
    super('mail', reason, kind)
    this.name = 'SmtpFault'
  }
}

interface TransportError { readonly code?: unknown, readonly responseCode?: unknown, readonly command?: unknown, readonly response?: unknown, readonly errno?: unknown }

/** Codes of nodemailer for refusals of this very mail, as opposed to the connection or the login, whose faults an operator mends. */
const aboutTheMail = new Set(['EENVELOPE', 'EMESSAGE'])

/** No mailbox, or one that was switched off (RFC 3463 §3.2, §3.3). 5.1.7 and 5.1.8 are about the sender, 5.7.x is policy: neither is the reader's. */
const deadMailbox = /^5\.(1\.(0|1|2|3|6|10)|2\.1)$/
/** For servers that say no more than a number (RFC 5321 §4.2.3): no such mailbox, moved, no such name. */
const deadWithoutWords = new Set([550, 551, 553])

/**
 * 5xx about the mail is final (RFC 5321 §4.2.1); everything else may pass.
 * @param bodyBegun the server had asked for the body: only its answer says that it does not have the mail.
 */
export function smtpFaultOf (error: unknown, bodyBegun = false): SmtpFault {
  const { code, responseCode, command, response, errno } = (typeof error === 'object' && error !== null ? error : {}) as TransportError
  const word = typeof code === 'string' && /^[A-Z0-9_]{1,32}$/.test(code) ? code : 'unknown'
  // nodemailer says ESOCKET of every socket; the system knows which fault it was.
  if (typeof responseCode !== 'number') return new SmtpFault(typeof errno === 'number' && errno < 0 ? getSystemErrorName(errno) : word, { maybeSent: bodyBegun })
  const step = typeof command === 'string' && /^[A-Z ]{1,16}$/.test(command) ? command : ''
  const status = typeof response === 'string' ? /^[245][0-9]{2}[ -]([245]\.[0-9]{1,3}\.[0-9]{1,3})\b/.exec(response)?.[1] : undefined
  const permanent = responseCode >= 500 && aboutTheMail.has(word)
  return new SmtpFault(['smtp', responseCode, status, step].filter((part) => part !== undefined && part !== '').join(' '), {
    permanent,
    noSuchRecipient: permanent && (status === undefined ? step === 'RCPT TO' && deadWithoutWords.has(responseCode) : deadMailbox.test(status))
  })
}
