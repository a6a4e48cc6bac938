import { MongoServerError } from 'mongodb'

const duplicateKey = 11_000

/**
 * True when the database refused a write because of a unique index.
 * @param index name of the index that must have refused, where a collection has several
 */
export const isDuplicateKey = (error: unknown, index?: string): boolean => {
  if (!(error instanceof MongoServerError) || error.code !== duplicateKey) return false
  return index === undefined || error.message.includes(` index: ${index} dup key`)
}
