/** Mails with a code: those that prove a mailbox, with a link where one was asked for, and the one that confirms an action. */
import type { MailContent } from '@countersign/contracts'
import { lifeUntil, says, shows, showsCode, showsLink, type Part, type Voice, type Words } from './words.ts'

type CodeMail = Extract<MailContent, { template: 'code' }>
type MailboxMail = Extract<MailContent, { template: 'signup_code' | 'login_code' | 'password_reset' | 'email_link_code' }>

export function stepUpWords (voice: Voice, { parameters: { code, text, expires_at: expiresAt } }: CodeMail): Words {
  const { say } = voice
  return {
    // The code itself stays out of the subject, which a locked telephone shows.
    subject: say('step_up.subject'),
    // What it confirms stands above it: whoever only looks for the code has passed it, and a list of mails shows its beginning and not the code.
    parts: [says(say('step_up.confirms')), shows(text), showsCode(voice, code), says(say('code.life', lifeUntil(voice, expiresAt))), says(say('step_up.read'))]
  }
}

export function mailboxWords (voice: Voice, mail: MailboxMail): Words {
  const { say } = voice
  const { code, expires_at: expiresAt } = mail.parameters
  return {
    subject: say(`${mail.template}.subject`),
    parts: [
      says(mail.template === 'email_link_code' ? say('email_link_code.does', { account: mail.parameters.account }) : say(`${mail.template}.does`)),
      showsCode(voice, code),
      says(`${say('code.life', lifeUntil(voice, expiresAt))} ${say('code.place')}`),
      ...mail.template === 'email_link_code' ? [] : opens(voice, mail),
      says(say('not_you.ignore', { otherwise: say(`${mail.template}.otherwise`) }))
    ]
  }
}

const opens = (voice: Voice, { template, parameters: { link } }: Exclude<MailboxMail, { template: 'email_link_code' }>): Part[] =>
  link === undefined ? [] : [says(voice.say('link.life', lifeUntil(voice, link.expires_at))), showsLink(voice.say(`${template}.open`), link.url)]
