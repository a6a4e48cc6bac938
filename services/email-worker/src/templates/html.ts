/** HTML of mails: everything that was not written in this folder is escaped. Colours of the dark scheme come by class, those of the light one stand at each element, for programs that drop style sheets. */
import type { Colours, Look } from './look.ts'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

const fonts = 'font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif'

/** By which the logo is found inside the mail. */
export const logoContentId = 'logo@countersign'

/** Makes one element in the colours of the light scheme. */
export type Element = (light: Colours) => string

export const paragraph = (text: string): Element => () => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`

export const code = (text: string): Element => () =>
  `<p style="margin:0 0 24px;font-size:32px;letter-spacing:6px;font-weight:600;font-variant-numeric:tabular-nums">${escapeHtml(text)}</p>`

/** @param url of otp-service's making; shown as it is, so that its reader sees where it leads. */
export const link = (url: string): Element => ({ link: colour }) =>
  `<p style="margin:0 0 24px;overflow-wrap:anywhere"><a class="link" style="color:${colour}" href="${escapeHtml(url)}" rel="noreferrer">${escapeHtml(url)}</a></p>`

/** Exactly as given: spaces, line ends and all. */
export const verbatim = (text: string): Element => ({ box, border, text: colour }) =>
  `<pre class="box" style="margin:0 0 24px;padding:16px;border:1px solid ${border};border-radius:6px;background:${box};color:${colour};font-size:14px;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere">${escapeHtml(text)}</pre>`

export const page = (brand: string, { light, dark, logo }: Look, body: readonly Element[]): string => [
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
  '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">',
  `<title>${escapeHtml(brand)}</title><style>${style(dark)}</style></head>`,
  `<body class="page" style="margin:0;padding:24px 16px;background:${light.background};color:${light.text};font-size:16px;line-height:1.5;${fonts}">`,
  '<div style="max-width:560px;margin:0 auto">',
  ...logo === undefined ? [] : [`<p style="margin:0 0 16px"><img src="cid:${logoContentId}" width="${logo.width}" alt="" style="max-width:100%;height:auto"></p>`],
  `<p class="quiet" style="margin:0 0 24px;font-weight:600;color:${light.quiet}">${escapeHtml(brand)}</p>`,
  ...body.map((element) => element(light)),
  '</div></body></html>'
].join('\n')

const style = ({ background, text, quiet, box, border, link: linkColour }: Colours): string => [
  ':root{color-scheme:light dark}',
  '@media (prefers-color-scheme:dark){',
  `.page{background:${background}!important;color:${text}!important}`,
  `.quiet{color:${quiet}!important}`,
  `.box{background:${box}!important;border-color:${border}!important;color:${text}!important}`,
  `.link{color:${linkColour}!important}`,
  '}'
].join('')
