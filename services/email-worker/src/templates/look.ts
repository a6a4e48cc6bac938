/** How mails look: colours for light and dark, a logo, and texts that replace ours. */
import { Type, type Static } from 'typebox'
import type { Texts } from './catalogue.ts'

const Colour = Type.String({ pattern: '^#[0-9a-fA-F]{6}$' })
const Colours = Type.Object({ background: Colour, text: Colour, quiet: Colour, box: Colour, border: Colour, button: Colour, button_text: Colour }, { additionalProperties: false })
export type Colours = Static<typeof Colours>

/** The shape of `theme.json`. */
export const Theme = Type.Object({
  light: Type.Optional(Type.Partial(Colours, { additionalProperties: false })),
  dark: Type.Optional(Type.Partial(Colours, { additionalProperties: false })),
  logo_width: Type.Optional(Type.Integer({ minimum: 16, maximum: 480 }))
}, { additionalProperties: false })
export type Theme = Static<typeof Theme>

/** WCAG 2.2 §1.4.3: text that most people can read. */
const leastContrast = 4.5

const pairs: readonly (readonly [text: keyof Colours, on: keyof Colours])[] =
  [['text', 'background'], ['quiet', 'background'], ['text', 'box'], ['quiet', 'box'], ['button_text', 'button']]

/** What nobody could read in these colours; undefined when all can be read. */
export function faultOfColours (colours: Colours): string | undefined {
  const pair = pairs.find(([text, on]) => contrast(colours[text], colours[on]) < leastContrast)
  return pair && `${pair[0]} on ${pair[1]} has a contrast of ${contrast(colours[pair[0]], colours[pair[1]]).toFixed(1)}, less than ${leastContrast}`
}

/** WCAG 2.2, "contrast ratio" and "relative luminance". */
function contrast (one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

function luminance (colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.212_6 * red + 0.715_2 * green + 0.072_2 * blue
}

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
  light: { background: '#ffffff', text: '#101828', quiet: '#475467', box: '#f7f8fa', border: '#d0d5dd', button: '#175cd3', button_text: '#ffffff' },
  dark: { background: '#14171c', text: '#f2f4f7', quiet: '#b5bcc8', box: '#1f242c', border: '#3a424f', button: '#84b6ff', button_text: '#0b1220' },
  texts: {}
}
