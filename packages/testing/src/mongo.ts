import { randomBytes } from 'node:crypto'
import { MongoClient, type Db } from 'mongodb'
import { startMongo } from '@countersign/local-stack'
import { scratchDirectory, type TestContext } from './test-context.ts'

export interface TestMongo {
  /** Administrator URL without a database. */
  readonly uri: string
  /** Name of this test's own database. */
  readonly database: string
  readonly client: MongoClient
  readonly db: Db
  /** One more fresh database, dropped with the test as well. */
  readonly freshDatabase: () => string
}

/** What the test command sets when it has started one mongod for all test files: an administrator URL of a replica set. */
export const sharedMongoVariable = 'COUNTERSIGN_TEST_MONGODB_URI'

const startOwn = async (t: TestContext): Promise<string> => {
  const directory = await scratchDirectory(t, 'mongo')
  const server = await startMongo({ directory, password: randomBytes(24).toString('base64url') })
  t.teardown(server.stop)
  return server.adminUri
}

/**
 * A database of a real replica set, empty, of this test alone, dropped after it. Uses the server that the test command started, else
 * starts one.
 */
export const sharedMongo = async (t: TestContext): Promise<TestMongo> => {
  const uri = process.env[sharedMongoVariable] ?? await startOwn(t)
  const client = await new MongoClient(uri, { serverSelectionTimeoutMS: 10_000 }).connect()
  const databases: string[] = []
  const freshDatabase = (): string => {
    const name = `test_${randomBytes(8).toString('hex')}`
    databases.push(name)
    return name
  }
  t.teardown(async () => {
    for (const name of databases) await client.db(name).dropDatabase()
    await client.close()
  })
  const database = freshDatabase()
  return { uri, database, client, db: client.db(database), freshDatabase }
}
