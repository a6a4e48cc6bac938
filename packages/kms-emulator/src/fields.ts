/** Reads the members of a request; what is missing or out of bounds is a ValidationException that names the member, not its value. */

import { KmsError } from './kms-error.ts'
import type { Tag } from './key-store.ts'

export type Request = Record<string, unknown>

const refuse = (message: string): never => { throw new KmsError('ValidationException', message) }

export function text (request: Request, name: string, maxLength: number): string {
  const value = request[name]
  if (typeof value === 'string' && value.length > 0 && value.length <= maxLength) return value
  return refuse(`1 validation error detected: Value at '${lowerFirst(name)}' failed to satisfy constraint: Member must have length between 1 and ${maxLength}`)
}

export function optionalText (request: Request, name: string, maxLength: number): string {
  return request[name] === undefined || request[name] === '' ? '' : text(request, name, maxLength)
}

/** Base64 of 1 to `maxBytes` bytes, nothing lenient. */
export function bytes (request: Request, name: string, maxBytes: number): Buffer {
  const value = request[name]
  const decoded = typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.alloc(0)
  if (decoded.length > 0 && decoded.length <= maxBytes && decoded.toString('base64') === value) return decoded
  return refuse(`1 validation error detected: Value at '${lowerFirst(name)}' failed to satisfy constraint: Member must have length between 1 and ${maxBytes}`)
}

export function tagList (request: Request): Tag[] {
  const value = request['Tags'] ?? []
  if (!Array.isArray(value) || value.length > 50) return refuse('Tags must be a list of at most 50')
  const tags = value.map(({ TagKey, TagValue }: Partial<Record<keyof Tag, unknown>>): Tag => {
    const sound = typeof TagKey === 'string' && typeof TagValue === 'string' && TagKey.length > 0 && TagKey.length <= 128 && TagValue.length <= 256
    if (!sound || TagKey.toLowerCase().startsWith('aws:')) throw new KmsError('TagException', 'A tag is not valid')
    return { TagKey, TagValue }
  })
  if (new Set(tags.map((tag) => tag.TagKey)).size !== tags.length) throw new KmsError('TagException', 'Duplicate tag keys')
  return tags
}

/** Cuts one page out of a list; the marker is the opaque position of the next. */
export function page<T> (request: Request, items: T[], defaults: { limit: number, maxLimit: number }): { items: T[], NextMarker?: string, Truncated: boolean } {
  const limit = request['Limit'] ?? defaults.limit
  if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > defaults.maxLimit) return refuse(`Limit must be between 1 and ${defaults.maxLimit}`)
  const start = request['Marker'] === undefined ? 0 : position(request['Marker'], items.length)
  const end = start + (limit as number)
  if (end >= items.length) return { items: items.slice(start), Truncated: false }
  return { items: items.slice(start, end), NextMarker: Buffer.from(`at:${end}`).toString('base64'), Truncated: true }
}

function position (marker: unknown, length: number): number {
  const found = typeof marker === 'string' ? /^at:(\d{1,9})$/.exec(Buffer.from(marker, 'base64').toString('latin1')) : null
  const start = found === null ? NaN : Number(found[1])
  if (start <= length) return start
  throw new KmsError('InvalidMarkerException', 'Invalid marker provided.')
}

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)
