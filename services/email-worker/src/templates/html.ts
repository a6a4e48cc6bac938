/** HTML of mails: everything that was not written in this folder is escaped. Colours of the dark scheme come by class, those of the light one stand at each element, for programs that drop style sheets. */
import type { Colours, Look } from './look.ts'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

const fonts = 'font-family:system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif'
const monospaced = 'font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,Liberation Mono,monospace'

/** By which the logo is found inside the mail. */
export const logoContentId = 'logo@countersign'

/** Makes one element in the colours of the light scheme. */
export type Element = (light: Colours) => string

export const heading = (text: string): Element => () => `<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3;font-weight:600">${escapeHtml(text)}</h1>`

export const paragraph = (text: string): Element => () => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`

/** In one piece on the narrowest telephone, and marked as a whole by one touch. */
export const code = (label: string, digits: string): Element => ({ quiet, box, border, text: colour }) => [
  `<div class="box" style="margin:0 0 24px;padding:16px;border:1px solid ${border};border-radius:8px;background:${box};color:${colour};text-align:center">`,
  `<p class="quiet" style="margin:0 0 4px;font-size:14px;color:${quiet}">${escapeHtml(label)}</p>`,
  `<p class="code" style="margin:0;font-size:32px;line-height:1.3;letter-spacing:6px;text-indent:6px;font-weight:600;white-space:nowrap;user-select:all;-webkit-user-select:all;${monospaced}">${escapeHtml(digits)}</p>`,
  '</div>'
].join('')

/** @param url of otp-service's making; it also stands there as it is, so that its reader sees where the button leads. */
export const link = (label: string, url: string): Element => ({ quiet, button, button_text: buttonText }) => [
  `<p style="margin:0 0 12px"><a class="button" style="display:inline-block;box-sizing:border-box;min-height:48px;padding:12px 24px;border-radius:8px;background:${button};color:${buttonText};font-weight:600;line-height:24px;text-decoration:none" href="${escapeHtml(url)}" rel="noreferrer">${escapeHtml(label)}</a></p>`,
  `<p class="quiet" style="margin:0 0 24px;font-size:14px;overflow-wrap:anywhere;word-break:break-word;color:${quiet}">${escapeHtml(url)}</p>`
].join('')

/** Somebody's sentences, with their line ends. */
export const prose = (text: string): Element => () => `<p style="margin:0 0 16px;white-space:pre-wrap">${escapeHtml(text)}</p>`

/** Exactly as given: spaces, line ends and all. */
export const verbatim = (text: string): Element => ({ box, border, text: colour }) =>
  `<pre class="box" style="margin:0 0 24px;padding:16px;border:1px solid ${border};border-radius:8px;background:${box};color:${colour};font-size:14px;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;word-break:break-word;${monospaced}">${escapeHtml(text)}</pre>`

/** Each name above what it is, which leaves a telephone's whole width to the latter. */
export const rows = (pairs: readonly (readonly [name: string, value: string])[]): Element => ({ quiet, box, border, text: colour }) => [
  `<div class="box" style="margin:0 0 24px;padding:16px 16px 4px;border:1px solid ${border};border-radius:8px;background:${box};color:${colour}">`,
  ...pairs.map(([name, value]) =>
    `<p style="margin:0 0 12px;overflow-wrap:anywhere;word-break:break-word"><span class="quiet" style="display:block;font-size:14px;color:${quiet}">${escapeHtml(name)}</span> ${escapeHtml(value)}</p>`),
  '</div>'
].join('')

export const page = (brand: string, { light, dark, logo }: Look, body: readonly Element[]): string => [
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
  '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">',
  `<title>${escapeHtml(brand)}</title><style>${style(dark)}</style></head>`,
  `<body class="page" style="margin:0;padding:24px 16px 8px;overflow-wrap:anywhere;background:${light.background};color:${light.text};font-size:16px;line-height:1.5;${fonts}">`,
  '<div style="max-width:560px;margin:0 auto">',
  ...logo === undefined ? [] : [`<p style="margin:0 0 16px"><img src="cid:${logoContentId}" width="${logo.width}" alt="" style="max-width:100%;height:auto"></p>`],
  `<p class="quiet rule" style="margin:0 0 24px;padding:0 0 12px;border-bottom:1px solid ${light.border};font-weight:600;overflow-wrap:anywhere;color:${light.quiet}">${escapeHtml(brand)}</p>`,
  ...body.map((element) => element(light)),
  '</div></body></html>'
].join('\n')

const style = ({ background, text, quiet, box, border, button, button_text: buttonText }: Colours): string => [
  ':root{color-scheme:light dark}',
  '@media (prefers-color-scheme:dark){',
  `.page{background:${background}!important;color:${text}!important}`,
  `.quiet{color:${quiet}!important}`,
  `.box{background:${box}!important;border-color:${border}!important;color:${text}!important}`,
  `.rule{border-color:${border}!important}`,
  `.button{background:${button}!important;color:${buttonText}!important}`,
  '}'
].join('')
