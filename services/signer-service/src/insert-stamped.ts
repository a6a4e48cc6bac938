/** Inserts a row whose times are the database's own. */
import { exactly, literally } from '@countersign/mongo'
import type { ClientSession, Collection, Document, Filter } from 'mongodb'

/**
 * A plain insert cannot take the database's time, an upsert with a pipeline can; its filter never matches an existing row.
 * @param stamped expressions over `$$NOW`, by field.
 * @throws MongoServerError (isDuplicateKey) when the id or a unique field is taken.
 */
export async function insertStamped<Row extends { readonly _id: string }> (
  collection: Collection<Row>, id: string, fields: Omit<Document, '_id'>, stamped: Document, session: ClientSession
): Promise<Row> {
  const row = await collection.findOneAndUpdate(absent<Row>(id), stampedFields(fields, stamped), { upsert: true, returnDocument: 'after', session })
  if (row === null) throw new Error('an insert gave no row')
  return row as Row
}

/** Many in one round trip. @throws MongoBulkWriteError (isDuplicateKey) when an id or a unique field is taken. */
export async function insertAllStamped<Row extends { readonly _id: string }> (
  collection: Collection<Row>, rows: readonly (Omit<Document, '_id'> & { readonly id: string })[], session: ClientSession
): Promise<void> {
  const { upsertedCount } = await collection.bulkWrite(rows.map(({ id, ...fields }) => ({ updateOne: { filter: absent<Row>(id), update: stampedFields(fields), upsert: true } })), { session })
  if (upsertedCount !== rows.length) throw new Error('an insert gave no row')
}

const absent = <Row extends { readonly _id: string }>(id: string): Filter<Row> => ({ _id: exactly(id), createdAt: { $exists: false } }) as never

const stampedFields = (fields: Document, stamped: Document = {}): Document[] =>
  [{ $set: { ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, literally(value)])), createdAt: '$$NOW', ...stamped } }]
