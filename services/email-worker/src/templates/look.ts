/** How mails look: colours for light and dark, a logo, and texts that replace ours. */
import { Type, type Static } from 'typebox'
import type { Texts } from './catalogue.ts'

const Colour = Type.String({ pattern: '^#[0-9a-fA-F]{6}$' })
const Colours = Type.Object({ background: Colour, text: Colour, quiet: Colour, box: Colour, border: Colour, link: Colour }, { additionalProperties: false })
export type Colours = Static<typeof Colours>

/** The shape of `theme.json`. */
export const Theme = Type.Object({
  light: Type.Optional(Type.Partial(Colours, { additionalProperties: false })),
  dark: Type.Optional(Type.Partial(Colours, { additionalProperties: false })),
  logo_width: Type.Optional(Type.Integer({ minimum: 16, maximum: 480 }))
}, { additionalProperties: false })
export type Theme = Static<typeof Theme>

export interface Logo {
  readonly content: Buffer
  readonly type: 'image/png' | 'image/jpeg'
  /** Pixels; the height follows. */
  readonly width: number
}

export interface Look {
  readonly light: Colours
  readonly dark: Colours
  /** Travels inside the mail: nothing is fetched when a mail is read, so nobody learns that it was. */
  readonly logo?: Logo
  readonly texts: Texts
}

export const plainLook: Look = {
  light: { background: '#ffffff', text: '#101828', quiet: '#475467', box: '#f7f8fa', border: '#d0d5dd', link: '#175cd3' },
  dark: { background: '#14171c', text: '#f2f4f7', quiet: '#b5bcc8', box: '#1f242c', border: '#3a424f', link: '#84b6ff' },
  texts: {}
}
