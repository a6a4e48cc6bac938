/** Pages that show what strangers wrote. No script, image, form or frame of theirs runs here: text only, and one style by its hash. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

const style = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ddd }
pre { white-space: pre-wrap; padding: 1rem; border: 1px solid #ddd; border-radius: .3rem; background: #f7f7f7; font-size: 1rem }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } a { color: #9cf } pre { background: #222; border-color: #444 } th, td { border-color: #444 } }`

export const pageHeaders = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store'
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
export const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '')

export const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${style}</style></head><body>${body}</body></html>\n`

/** A page of the internet may point its own host name at 127.0.0.1 (DNS rebinding); what is shown here holds codes. */
export const isAskedLocally = ({ headers: { host } }: IncomingMessage, port: number): boolean => [`127.0.0.1:${port}`, `localhost:${port}`].includes(host ?? '')

export const send = (response: ServerResponse, status: number, type: string, body: string, sent = pageHeaders): void => {
  response.writeHead(status, { ...sent, 'content-type': `${type}; charset=utf-8` }).end(body)
}

export const sendJson = (response: ServerResponse, value: unknown): void => { send(response, 200, 'application/json', `${JSON.stringify(value)}\n`) }
