/** A mail's words, from its template and parameters. Plain text and HTML say the same. */
import type { MailContent } from '@countersign/contracts'
import { code, page, paragraph, verbatim } from './html.ts'

export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export type RenderMail = (content: MailContent) => RenderedMail

interface Part { readonly text: string, readonly html: string }

const says = (text: string): Part => ({ text, html: paragraph(text) })
const shows = (text: string): Part => ({ text, html: verbatim(text) })

/** @param brand PROJECT_NAME. No template holds a link: a mail of ours that holds one is not of ours. */
export const createRenderMail = (brand: string): RenderMail => (content) => {
  const { subject, parts } = written(brand, content)
  return {
    subject,
    text: [brand, ...parts.map(({ text }) => text)].join('\n\n') + '\n',
    html: page(brand, parts.map(({ html }) => html))
  }
}

function written (brand: string, content: MailContent): { subject: string, parts: Part[] } {
  switch (content.template) {
    case 'code': return {
      // The code itself stays out of the subject, which a locked telephone shows.
      subject: `Your code for ${brand}`,
      parts: [
        { text: `Your code: ${content.parameters.code}`, html: paragraph('Your code:') + code(content.parameters.code) },
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
    case 'session_closed': return {
      subject: `A session at ${brand} was closed`,
      parts: [
        says('A refresh token of your account was used twice, so its session was closed. This happens when a token was copied.'),
        says(`Time: ${utc(content.parameters.at)}`),
        says('Sign in again. If you did nothing unusual, look for other sessions that you do not know and close them.')
      ]
    }
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
  }
}

/** RFC 3339 as people read it: `2030-01-01 00:05:00 UTC`. */
const utc = (timestamp: string): string => `${new Date(timestamp).toISOString().slice(0, 19).replace('T', ' ')} UTC`
