/** A mail's words, from its template and parameters. Plain text and HTML say the same. */
import type { MailContent } from '@countersign/contracts'
import { createSay } from './catalogue.ts'
import { mailboxWords, stepUpWords } from './code-words.ts'
import { page } from './html.ts'
import { plainLook, type Logo, type Look } from './look.ts'
import { noticeWords } from './notice-words.ts'
import { heads, says, type Voice, type Words } from './words.ts'

export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
  /** Shown by the HTML. */
  readonly logo?: Logo
  /** An operator's notice to many: the only mail that somebody may want no more of. */
  readonly bulk?: boolean
}

export type RenderMail = (content: MailContent) => RenderedMail

export interface RenderOptions {
  /** PROJECT_NAME. */
  readonly brand: string
  readonly look?: Look
  readonly now: () => Date
}

/** Only the mails that prove a mailbox or tell of a new factor hold a link, and only otp-service writes those. */
export const createRenderMail = ({ brand, look = plainLook, now }: RenderOptions): RenderMail => {
  const say = createSay(brand, look.texts)
  return (content) => ({ ...written(brand, look, wordsOf({ say, now: now() }, content)), ...content.template === 'broadcast' && { bulk: true } })
}

/** What `email test` sends. */
export const renderTestMail = ({ brand, look = plainLook }: Pick<RenderOptions, 'brand' | 'look'>): RenderedMail => {
  const say = createSay(brand, look.texts)
  return written(brand, look, { subject: say('test.subject'), parts: [says(say('test.what'))] })
}

const written = (brand: string, look: Look, words: Words): RenderedMail => {
  // A reader who opens the mail sees no subject in many programs.
  const parts = [heads(words.subject), ...words.parts]
  return {
    subject: words.subject,
    text: [brand, ...parts.map(({ text }) => text)].join('\n\n') + '\n',
    html: page(brand, look, parts.flatMap(({ html }) => html)),
    ...look.logo !== undefined && { logo: look.logo }
  }
}

function wordsOf (voice: Voice, content: MailContent): Words {
  switch (content.template) {
    case 'code': return stepUpWords(voice, content)
    case 'signup_code':
    case 'login_code':
    case 'password_reset':
    case 'email_link_code': return mailboxWords(voice, content)
    default: return noticeWords(voice, content)
  }
}
