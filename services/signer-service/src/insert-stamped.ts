/** Inserts a row whose times are the database's own. */
import { exactly, literally } from '@countersign/mongo'
import type { ClientSession, Collection, Document } from 'mongodb'

/**
 * A plain insert cannot take the database's time, an upsert with a pipeline can; its filter never matches an existing row.
 * @param stamped expressions over `$$NOW`, by field.
 * @throws MongoServerError (isDuplicateKey) when the id or a unique field is taken.
 */
export async function insertStamped<Row extends { readonly _id: string }> (
  collection: Collection<Row>, id: string, fields: Omit<Document, '_id'>, stamped: Document, session: ClientSession
): Promise<Row> {
  const literals = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, literally(value)]))
  const row = await collection.findOneAndUpdate(
    { _id: exactly(id), createdAt: { $exists: false } } as never,
    [{ $set: { ...literals, createdAt: '$$NOW', ...stamped } }],
    { upsert: true, returnDocument: 'after', session }
  )
  if (row === null) throw new Error('an insert gave no row')
  return row as Row
}
