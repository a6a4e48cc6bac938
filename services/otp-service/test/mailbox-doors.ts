/** otp-service's mailboxes as the gateway meets them. */
import { createHash, randomBytes } from 'node:crypto'
import { answerMailbox, beginMailbox, resendMailbox, type MailboxPurpose, type MailContent, type ReplyOf, type RequestOf } from '@countersign/contracts'
import { newId } from '@countersign/runtime'
import { until } from '@countersign/testing'
import { newAddress, type openHouse } from './open-otp.ts'

export type Begin = RequestOf<typeof beginMailbox>
/** A login by code and link to a fresh address, unless it says otherwise; `link_base: null` for none. */
export type Wanted = Partial<Omit<Begin, 'link_base'>> & { readonly link_base?: string | null }
type Answered = ReplyOf<typeof answerMailbox>
export type MailboxMail = Extract<MailContent, { template: 'signup_code' | 'login_code' | 'password_reset' | 'email_link_code' }>
export interface Row {
  _id: string, attempts_left: number, sends: number, user_id: string | null, code_mac: string, link_mac: string | null
  created_at: Date, code_expires_at: Date, link_expires_at: Date | null, ends_at: Date, cancelled_at: Date | null
}

export const linkBase = 'https://app.example.com/sign-in/link'
export const newOpener = (): string => createHash('sha256').update(randomBytes(32)).digest('base64url')

/** Begins, answers and reads, as a browser and its mailbox would. */
export const mailboxesOf = ({ gateway, mails, db, ask }: Pick<Awaited<ReturnType<typeof openHouse>>, 'gateway' | 'mails' | 'db' | 'ask'>) => {
  const given = (commandId?: string) => ({ ...ask, ...commandId !== undefined && { commandId } })
  const begin = async ({ link_base: base = linkBase, ...more }: Wanted = {}, commandId?: string) => {
    const request: Begin = { purpose: 'login_email', user_id: newId('usr'), email: newAddress(), opener: newOpener(), deliver: true, ...base !== null && { link_base: base }, ...more }
    return { request, view: await gateway.call(beginMailbox, request, given(commandId)) }
  }
  const isProof = (mail: MailContent): mail is MailboxMail => ['signup_code', 'login_code', 'password_reset', 'email_link_code'].includes(mail.template)
  const sentTo = (to: string): MailboxMail[] => mails.to(to).filter(isProof)
  const mailTo = async (to: string, nth = 1): Promise<MailboxMail> => await until(() => sentTo(to)[nth - 1], { what: 'the mail' })
  const linkOf = ({ parameters }: MailboxMail): string | undefined => 'link' in parameters ? parameters.link?.url : undefined
  const tokenOf = (mail: MailboxMail): string => new URL(linkOf(mail) ?? 'https://none.example.com#token=').hash.slice('#token='.length)
  /** A challenge, with what its mail says. */
  const challenge = async (more: Wanted = {}) => {
    const email = more.email ?? newAddress()
    const before = sentTo(email).length
    const { request, view } = await begin({ ...more, email })
    const mail = await mailTo(email, before + 1)
    return { request, view, id: view.challenge_id, mail, code: mail.parameters.code, token: tokenOf(mail) }
  }
  const byCode = ({ purpose, opener }: Pick<Begin, 'purpose' | 'opener'>, id: string, code: string, commandId?: string): Promise<Answered> =>
    gateway.call(answerMailbox, { purpose, proof: { challenge_id: id, opener, code } }, given(commandId))
  const byLink = (purpose: MailboxPurpose, token: string, opener?: string, commandId?: string): Promise<Answered> =>
    gateway.call(answerMailbox, { purpose, proof: { link_token: token, ...opener !== undefined && { opener } } }, given(commandId))
  const resend = ({ purpose, opener }: Pick<Begin, 'purpose' | 'opener'>, id: string, commandId?: string) => gateway.call(resendMailbox, { challenge_id: id, purpose, opener }, given(commandId))
  const rows = db.collection<Row>('mailbox_challenges')
  const row = async (id: string) => await rows.findOne({ _id: id }) as Row
  return { begin, mailTo, linkOf, tokenOf, challenge, byCode, byLink, resend, rows, row }
}
