/** One mail that came in over SMTP. `to` are the envelope's recipients: who would really get it. */
export interface Mail {
  readonly id: string
  readonly receivedAt: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  readonly html?: string
  readonly messageId?: string
  readonly headers: Readonly<Record<string, string>>
}
