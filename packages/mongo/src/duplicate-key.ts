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

/**
 * For whatever may race its own repeat: the loser reads what the winner wrote.
 * @returns a handler for the loser's error, which throws all others, and that one too when nothing was written
 */
export const orFirst = <T>(index: string, first: () => Promise<T | undefined>) => async (error: unknown): Promise<T> => {
  const written = isDuplicateKey(error, index) ? await first() : undefined
  if (written === undefined) throw error
  return written
}
