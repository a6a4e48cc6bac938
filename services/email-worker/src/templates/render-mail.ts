/** A mail's words, from its template and parameters. Plain text and HTML say the same. */
import type { MailContent } from '@countersign/contracts'
import { page } from './html.ts'
import { mailboxWords } from './mailbox-words.ts'
import { noticeWords } from './notice-words.ts'
import { says, shows, showsCode, utc, type Words } from './words.ts'

export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export type RenderMail = (content: MailContent) => RenderedMail

/** @param brand PROJECT_NAME. Only the mails that prove a mailbox hold a link, and only otp-service writes those. */
export const createRenderMail = (brand: string): RenderMail => (content) => {
  const { subject, parts } = wordsOf(brand, content)
  return {
    subject,
    text: [brand, ...parts.map(({ text }) => text)].join('\n\n') + '\n',
    html: page(brand, parts.map(({ html }) => html))
  }
}

function wordsOf (brand: string, content: MailContent): Words {
  switch (content.template) {
    case 'code': return {
      // The code itself stays out of the subject, which a locked telephone shows.
      subject: `Your code for ${brand}`,
      parts: [
        showsCode(content.parameters.code),
        says('It confirms exactly this and nothing else:'),
        shows(content.parameters.text),
        says(`The code is good until ${utc(content.parameters.expires_at)}, for one use.`),
        says(`Read the lines above before you type it in. Nobody from ${brand} will ever ask you for it.`)
      ]
    }
    case 'factor_changed': return {
      subject: `The address of your codes at ${brand} was changed`,
      parts: [
        says(`Codes that confirm transactions now go to ${content.parameters.masked} and no longer to this address.`),
        says(`Time of the change: ${utc(content.parameters.at)}`),
        says('If this was not you, tell the operator of this service at once: somebody holds your session and read a code in this mailbox.')
      ]
    }
    case 'factor_reset_asked': return {
      subject: `Your second factors at ${brand} will be taken away`,
      parts: [
        says(`At ${utc(content.parameters.at)} an operator of this service was asked to take the second factors of your account away, because they were said to be lost.`),
        shows(`account  ${content.parameters.account}\ntime     ${utc(content.parameters.due_at)}`),
        says('If you did not ask for it, answer anything with a code that comes to this address before that time, a second proof for an action or the confirmation of a transaction: that cancels it. And tell the operator of this service at once.')
      ]
    }
    case 'factor_reset_done': return {
      subject: `Your second factors at ${brand} were taken away`,
      parts: [
        says(`The second factors of the account ${content.parameters.account} were taken away at ${utc(content.parameters.at)}. No code comes to this address any more.`),
        says('Prove an address again to have a second factor. If you did not ask for this, tell the operator of this service at once.')
      ]
    }
    case 'signup_code':
    case 'login_code':
    case 'password_reset':
    case 'email_link_code': return mailboxWords(brand, content)
    case 'wallet_low': return {
      subject: `${brand}: a wallet cannot pay`,
      parts: [
        says('A wallet has less than the transactions that wait for it need. They go out once it is funded.'),
        shows([
          `wallet   ${content.parameters.wallet_id}`,
          `chain    ${content.parameters.chain_id}`,
          `balance  ${content.parameters.balance}`,
          `needed   ${content.parameters.needed}`
        ].join('\n')),
        says('Amounts are in the smallest unit of the chain.')
      ]
    }
    default: return noticeWords(brand, content)
  }
}
