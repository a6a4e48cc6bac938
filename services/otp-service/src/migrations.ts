/** Changes of what an earlier version of this service left in its database. */
import { MongoServerError, type Db } from 'mongodb'
import type { Migration } from '@countersign/mongo'

/** Nothing of that name, in a collection or at all. */
const absent = [26, 27]

const dropIndex = async (db: Db, collection: string, name: string): Promise<void> => {
  await db.collection(collection).dropIndex(name).catch((error: unknown) => {
    if (!(error instanceof MongoServerError && absent.includes(Number(error.code)))) throw error
  })
}

export const migrations: readonly Migration[] = [{
  id: '0001-challenges-are-counted-before-they-go',
  description: 'Drop the indexes by which ended challenges went before any report had counted them',
  up: async (db) => {
    for (const collection of ['challenges', 'mailbox_challenges']) await dropIndex(db, collection, 'expiry')
  }
}, {
  id: '0002-several-factors-of-a-kind',
  description: 'Drop the index that let a user have one factor of each kind; one over kind and slot stands in its place',
  up: (db) => dropIndex(db, 'factors', 'one_factor_per_kind')
}]
