/** A delivery: one message on its way to one recipient. Its record decides who sends it, and that it is sent once. */
export type Channel = 'mail' | 'sms'

export type DeliveryState = 'claimed' | 'sent' | 'dropped' | 'failed'

export interface Claim {
  readonly deliveryId: string
  /** Grows with every claim; only the latest may write the end. */
  readonly epoch: number
}

/**
 * - `send`: this worker has it, until its lease ends.
 * - `busy`: another worker has it, or had it when it was killed: ask again later.
 * - `late`: its usefulness ended before it was sent; it was dropped just now.
 * - `over`: it was sent, dropped or given up before.
 * - `in doubt`: two attempts ended without anybody knowing whether the mail went; a third copy is not risked, it was given up just now.
 */
export type ClaimOutcome =
  | { readonly decision: 'send', readonly claim: Claim, /** The attempt before may have sent it. */ readonly maybeAgain: boolean }
  | { readonly decision: 'busy' | 'late' | 'over' | 'in doubt' }

export interface Sent {
  readonly createdAt: Date
  readonly sentAt: Date
}
