/** The parts of a mail: each says the same in plain text and in HTML. */
import type { Say } from './catalogue.ts'
import { code, heading, link, paragraph, prose, rows, verbatim, type Element } from './html.ts'

export interface Part { readonly text: string, readonly html: readonly Element[] }

export interface Words { readonly subject: string, readonly parts: readonly Part[] }

/** What the words of a mail are made with. */
export interface Voice {
  readonly say: Say
  /** When the mail is written, for the lives of codes. */
  readonly now: Date
}

export const heads = (text: string): Part => ({ text, html: [heading(text)] })

export const says = (text: string): Part => ({ text, html: [paragraph(text)] })

/** Sentences that were not written here. */
export const quotes = (text: string): Part => ({ text, html: [prose(text)] })

export const shows = (text: string): Part => ({ text, html: [verbatim(text)] })

export const showsCode = ({ say }: Voice, digits: string): Part => ({ text: `${say('code.label')}\n\n${digits}`, html: [code(say('code.label'), digits)] })

/** @param label what happens behind it */
export const showsLink = (label: string, url: string): Part => ({ text: `${label}\n${url}`, html: [link(label, url)] })

/** Rows of a name and what it is; in plain text the names are padded to one width. */
export function showsTable (pairs: readonly (readonly [name: string, value: string])[]): Part {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 2
  return { text: pairs.map(([name, value]) => `${name.padEnd(width)}${value}`).join('\n'), html: [rows(pairs)] }
}

/** RFC 3339 as people read it: `2030-01-01 00:05:00 UTC`. */
export const utc = (timestamp: string): string => `${new Date(timestamp).toISOString().slice(0, 19).replace('T', ' ')} UTC`

const minuteMs = 60_000

/** What is left of it now, in whole minutes: a mail may have waited. */
export function lifeUntil ({ say, now }: Voice, timestamp: string): { readonly life: string, readonly until: string } {
  const minutes = Math.max(1, Math.round((Date.parse(timestamp) - now.getTime()) / minuteMs))
  return { life: minutes === 1 ? say('life.minute') : say('life.minutes', { count: String(minutes) }), until: utc(timestamp) }
}
