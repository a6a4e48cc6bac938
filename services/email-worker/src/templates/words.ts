/** The parts of a mail: each says the same in plain text and in HTML. */
import type { Say } from './catalogue.ts'
import { code, link, paragraph, verbatim, type Element } from './html.ts'

export interface Part { readonly text: string, readonly html: readonly Element[] }

export interface Words { readonly subject: string, readonly parts: readonly Part[] }

/** What the words of a mail are made with. */
export interface Voice {
  readonly say: Say
  /** When the mail is written, for the lives of codes. */
  readonly now: Date
}

export const says = (text: string): Part => ({ text, html: [paragraph(text)] })

export const shows = (text: string): Part => ({ text, html: [verbatim(text)] })

export const showsCode = ({ say }: Voice, digits: string): Part => ({ text: `${say('code.label')} ${digits}`, html: [paragraph(say('code.label')), code(digits)] })

export const showsLink = (url: string): Part => ({ text: url, html: [link(url)] })

/** Rows of a name and what it is, the names padded to one width. */
export function showsTable (rows: readonly (readonly [name: string, value: string])[]): Part {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return shows(rows.map(([name, value]) => `${name.padEnd(width)}${value}`).join('\n'))
}

/** RFC 3339 as people read it: `2030-01-01 00:05:00 UTC`. */
export const utc = (timestamp: string): string => `${new Date(timestamp).toISOString().slice(0, 19).replace('T', ' ')} UTC`

const minuteMs = 60_000

/** What is left of it now, in whole minutes: a mail may have waited. */
export function lifeUntil ({ say, now }: Voice, timestamp: string): { readonly life: string, readonly until: string } {
  const minutes = Math.max(1, Math.round((Date.parse(timestamp) - now.getTime()) / minuteMs))
  return { life: minutes === 1 ? say('life.minute') : say('life.minutes', { count: String(minutes) }), until: utc(timestamp) }
}
