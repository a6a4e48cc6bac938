/** HTML of mails: everything that was not written in this folder is escaped. */

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

const fonts = 'font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif'

export const paragraph = (text: string): string => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`

export const code = (text: string): string =>
  `<p style="margin:0 0 24px;font-size:32px;letter-spacing:6px;font-weight:600;font-variant-numeric:tabular-nums">${escapeHtml(text)}</p>`

/** @param url of otp-service's making; shown as it is, so that its reader sees where it leads. */
export const link = (url: string): string =>
  `<p style="margin:0 0 24px;overflow-wrap:anywhere"><a href="${escapeHtml(url)}" rel="noreferrer">${escapeHtml(url)}</a></p>`

/** Exactly as given: spaces, line ends and all. */
export const verbatim = (text: string): string =>
  `<pre style="margin:0 0 24px;padding:16px;border:1px solid #d0d5dd;border-radius:6px;background:#f7f8fa;font-size:14px;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere">${escapeHtml(text)}</pre>`

export const page = (brand: string, body: readonly string[]): string => [
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>',
  `<body style="margin:0;padding:24px;background:#ffffff;color:#101828;font-size:16px;line-height:1.5;${fonts}">`,
  `<div style="max-width:560px;margin:0 auto"><p style="margin:0 0 24px;font-weight:600">${escapeHtml(brand)}</p>`,
  ...body,
  '</div></body></html>'
].join('\n')
