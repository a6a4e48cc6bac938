/** The parts of a mail: each says the same in plain text and in HTML. */
import { code, link, paragraph, verbatim } from './html.ts'

export interface Part { readonly text: string, readonly html: string }

export interface Words { readonly subject: string, readonly parts: readonly Part[] }

export const says = (text: string): Part => ({ text, html: paragraph(text) })

export const shows = (text: string): Part => ({ text, html: verbatim(text) })

export const showsCode = (digits: string): Part => ({ text: `Your code: ${digits}`, html: paragraph('Your code:') + code(digits) })

export const showsLink = (url: string): Part => ({ text: url, html: link(url) })

/** RFC 3339 as people read it: `2030-01-01 00:05:00 UTC`. */
export const utc = (timestamp: string): string => `${new Date(timestamp).toISOString().slice(0, 19).replace('T', ' ')} UTC`
