/** What a mail server or a provider, or the way to it, refused; without its words, which repeat the recipient. */
export interface FaultKind {
  /** The same will be said tomorrow. */
  readonly permanent?: boolean
  /** Nobody knows whether the message went: it may still be on its way. */
  readonly maybeSent?: boolean
  /** It is known that the address leads nowhere. */
  readonly noSuchRecipient?: boolean
}

export class DeliveryFault extends Error {
  /** Such as `smtp 451 RCPT TO`, `sms 400 21211` or `ECONNREFUSED`. */
  readonly reason: string
  readonly permanent: boolean
  readonly maybeSent: boolean
  readonly noSuchRecipient: boolean

  constructor (what: string, reason: string, { permanent = false, maybeSent = false, noSuchRecipient = false }: FaultKind = {}) {
    super(`the ${what} was not accepted: ${reason}`)
    this.name = 'DeliveryFault'
    this.reason = reason
    this.permanent = permanent
    this.maybeSent = maybeSent
    this.noSuchRecipient = noSuchRecipient
  }
}
