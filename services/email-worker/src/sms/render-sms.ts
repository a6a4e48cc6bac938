/** The words of a text message: the action first, so that whoever reads the code has read what it does. */
import type { SmsContent } from '@countersign/contracts'
import type { Look } from '../templates/look.ts'
import { createSay } from '../templates/catalogue.ts'
import { lifeUntil } from '../templates/words.ts'
import { fitsOneSms } from './gsm7.ts'

export interface RenderSmsOptions {
  /** PROJECT_NAME. */
  readonly brand: string
  readonly look: Pick<Look, 'texts'>
  /** Host name of the site at which codes are typed in. */
  readonly domain: string | undefined
  readonly now: () => Date
}

export type RenderSms = (content: SmsContent) => string

/**
 * The last line binds the code to its site, for browsers that fill it in (WICG "Origin-bound one-time codes"). It stands where it fits:
 * an action is never shortened, and a message that needs two parts anyway is not made longer.
 */
export const createRenderSms = ({ brand, look: { texts }, domain, now }: RenderSmsOptions): RenderSms => {
  const say = createSay(brand, texts)
  return ({ parameters: { code, text, expires_at: expiresAt } }) => {
    const { life } = lifeUntil({ say, now: now() }, expiresAt)
    const words = `${brand}: ${text}. ${say('sms.code')} ${code}, ${say('sms.life', { life })}`
    const bound = `${words}\n@${domain} #${code}`
    return domain !== undefined && fitsOneSms(bound) ? bound : words
  }
}
