/** Mails that prove a mailbox: a code, a link where one was asked for, and what either of them does. */
import type { MailContent } from '@countersign/contracts'
import { says, showsCode, showsLink, utc, type Part, type Words } from './words.ts'

type MailboxMail = Extract<MailContent, { template: 'signup_code' | 'login_code' | 'password_reset' | 'email_link_code' }>

export function mailboxWords (brand: string, mail: MailboxMail): Words {
  const { subject, does, unasked } = saidBy(brand, mail)
  const { code, expires_at: expiresAt, link } = mail.parameters
  return {
    subject,
    parts: [
      says(does),
      showsCode(code),
      says(`The code is good until ${utc(expiresAt)}, for one use, and only where it was asked for.`),
      ...link === undefined ? [] : opens(link),
      says(`If it was not you, ignore this mail: ${unasked} Nobody from ${brand} will ever ask you for the code or the link.`)
    ]
  }
}

const opens = ({ url, expires_at: expiresAt }: { readonly url: string, readonly expires_at: string }): Part[] => [
  says(`Or open this link, good until ${utc(expiresAt)}, for one use:`),
  showsLink(url)
]

function saidBy (brand: string, mail: MailboxMail): { subject: string, does: string, unasked: string } {
  switch (mail.template) {
    case 'signup_code': return {
      subject: `Confirm your address for ${brand}`,
      does: `Somebody, probably you, wants to open an account at ${brand} with this address. This code confirms that the address is yours.`,
      unasked: 'without the code no account gets your address.'
    }
    case 'login_code': return {
      subject: `Sign in to ${brand}`,
      does: `Somebody, probably you, wants to sign in to ${brand} with this address. Whoever has this code gets in.`,
      unasked: 'without the code nobody gets in.'
    }
    case 'password_reset': return {
      subject: `Reset your password for ${brand}`,
      does: `Somebody, probably you, wants to set a new password for your account at ${brand}. Whoever has this code can do that.`,
      unasked: 'without the code your password stays as it is.'
    }
    case 'email_link_code': return {
      subject: `Confirm your address for ${brand}`,
      does: `The account ${mail.parameters.account} at ${brand} wants to use this address to sign in. From then on whoever reads this mailbox can sign in to that account.`,
      unasked: 'without the code nothing changes.'
    }
  }
}
