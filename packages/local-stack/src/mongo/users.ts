/**
 * One database user per service, with a role of its own: its collections, and of the insert-only ones neither update nor remove, nor any
 * index: with a unique one over a field of its choice, a stolen service could have its own audit refuse what it does next.
 */
import { stores, type ServiceName } from '@countersign/contracts'
import { MongoClient, MongoServerError, type Db } from 'mongodb'
import { StackFault } from '../stack-fault.ts'

const role = 'countersign-service'
const own = ['find', 'insert', 'update', 'remove', 'createCollection', 'createIndex', 'dropIndex', 'listIndexes', 'collStats']
const insertOnly = ['find', 'insert', 'listIndexes', 'collStats']

const alreadyExists = (error: unknown): boolean => error instanceof MongoServerError && (error.code === 51_002 || error.code === 51_003)

const privilegesOf = (service: ServiceName) => {
  const { database, collections, insertOnly: guarded } = stores[service]
  const on = (collection: string, actions: readonly string[]) => ({ resource: { db: database, collection }, actions })
  return [
    on('', ['listCollections']),
    ...collections.map((name) => on(name, own)),
    ...guarded.map((name) => on(name, insertOnly))
  ]
}

const makeOrChange = async (db: Db, name: 'Role' | 'User', subject: string, settings: object): Promise<void> => {
  try {
    await db.command({ [`create${name}`]: subject, ...settings })
  } catch (error) {
    if (!alreadyExists(error)) throw error
    await db.command({ [`update${name}`]: subject, ...settings })
  }
}

/** Makes the insert-only collections, and the users, or gives existing ones this password and today's rights. @throws MongoServerError when the administrator may not */
export const ensureMongoUsers = async (adminUri: string, passwords: Readonly<Record<ServiceName, string>>): Promise<void> => {
  const client = await new MongoClient(adminUri, { serverSelectionTimeoutMS: 10_000 }).connect()
  try {
    await Promise.all((Object.keys(passwords) as ServiceName[]).map(async (service) => {
      const db = client.db(stores[service].database)
      // Makes the collection, too.
      for (const { collection, name, key } of stores[service].insertOnlyIndexes) await db.collection(collection).createIndex({ ...key }, { name })
      await makeOrChange(db, 'Role', role, { privileges: privilegesOf(service), roles: [] })
      await makeOrChange(db, 'User', service, { pwd: passwords[service], roles: [role] })
    }))
  } finally {
    await client.close()
  }
}

/** The administrator's URL with a service's user in it; the user lives in its own database. Several hosts are fine, so this is no `URL`. */
export const mongoUriFor = (adminUri: string, service: ServiceName, password: string): string => {
  const { database } = stores[service]
  const [, scheme, hosts, query] = /^(mongodb(?:\+srv)?:\/\/)(?:[^@/]*@)?([^/?]+)(?:\/[^?]*)?(?:\?(.*))?$/.exec(adminUri) ?? []
  if (scheme === undefined || hosts === undefined) throw new StackFault('MONGODB_URI is not a MongoDB URL: it begins with mongodb:// or mongodb+srv:// and names a host.')
  const parameters = new URLSearchParams(query)
  parameters.set('authSource', database)
  return `${scheme}${service}:${encodeURIComponent(password)}@${hosts}/${database}?${parameters.toString()}`
}
