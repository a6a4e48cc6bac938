/** What must hold of a service's database, as an operator asks after a restore: the server, the lists, and the rows among themselves. */
import type { Store } from '@countersign/contracts'
import type { Db, Document } from 'mongodb'
import { verifyIndexes, type IndexSpec } from '../indexes.ts'
import type { Migrations } from '../migrations/migrations.ts'
import { isUnauthorized, needsAdministrator } from './rights.ts'

export interface CheckResult {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'failed'
  /** For people. Names and counts, no contents. */
  readonly detail: string
}

/** Rows that may not be there. */
export interface RowCheck {
  readonly name: string
  /** What the rows are, in the plural. */
  readonly found: string
  readonly count: (db: Db) => Promise<number>
}

/** Rows of one collection whose field names no row of another. */
export const orphans = (collection: string, field: string, parents: string, match: Document = {}): RowCheck => ({
  name: `${collection} → ${parents}`,
  found: `rows of ${collection} whose ${field} is not in ${parents}`,
  count: async (db) => {
    const [row] = await db.collection(collection).aggregate<{ count: number }>([
      { $match: { ...match, [field]: { $type: 'string' } } },
      { $lookup: { from: parents, localField: field, foreignField: '_id', as: 'parent', pipeline: [{ $project: { _id: 1 } }] } },
      { $match: { parent: { $size: 0 } } },
      { $count: 'count' }
    ]).toArray()
    return row?.count ?? 0
  }
})

export interface VerifyOptions {
  readonly db: Db
  readonly store: Store
  readonly indexes: readonly IndexSpec[]
  readonly migrations: Pick<Migrations, 'status'>
  readonly rowChecks: readonly RowCheck[]
  /** Has MongoDB read every document and index too, which locks collections and needs an administrator. */
  readonly full: boolean
}

export async function verifyDatabase ({ db, store, indexes, migrations, rowChecks, full }: VerifyOptions): Promise<CheckResult[]> {
  const results = [await checkServer(db), await checkCollections(db, store), await checkIndexes(db, indexes), await checkMigrations(migrations)]
  if (store.collections.includes('outbox')) results.push(await checkOutbox(db))
  for (const { name, found, count } of rowChecks) {
    const rows = await count(db)
    results.push(rows === 0 ? { check: name, state: 'ok', detail: '' } : { check: name, state: 'failed', detail: `${rows} ${found}` })
  }
  return full ? [...results, ...await validateAll(db, [...store.collections, ...store.insertOnly])] : results
}

async function checkServer (db: Db): Promise<CheckResult> {
  const { setName, isWritablePrimary } = await db.command({ hello: 1 })
  const fault = setName === undefined ? 'is no member of a replica set: transactions will fail' : isWritablePrimary === true ? '' : 'is not the primary'
  return { check: 'server', state: fault === '' ? 'ok' : 'failed', detail: fault }
}

async function checkCollections (db: Db, { collections, insertOnly }: Store): Promise<CheckResult> {
  const known = new Set([...collections, ...insertOnly])
  const strange = (await db.listCollections({}, { nameOnly: true, authorizedCollections: true }).toArray()).map(({ name }) => name).filter((name) => !known.has(name) && !name.startsWith('system.'))
  return { check: 'collections', state: strange.length === 0 ? 'ok' : 'warning', detail: strange.length === 0 ? '' : `not of this version: ${strange.join(', ')}` }
}

async function checkIndexes (db: Db, indexes: readonly IndexSpec[]): Promise<CheckResult> {
  const differences = await verifyIndexes(db, indexes)
  const wrong = differences.some(({ kind }) => kind !== 'unexpected')
  return {
    check: 'indexes',
    state: wrong ? 'failed' : differences.length > 0 ? 'warning' : 'ok',
    detail: differences.map(({ collection, index, kind }) => `${collection}.${index} is ${kind}`).join(', ')
  }
}

async function checkMigrations ({ status }: Pick<Migrations, 'status'>): Promise<CheckResult> {
  const open = (await status()).filter(({ state }) => state !== 'applied')
  return { check: 'migrations', state: open.length === 0 ? 'ok' : 'failed', detail: open.map(({ id, state }) => `${id} is ${state}`).join(', ') }
}

/** A running service closes these within seconds. */
async function checkOutbox (db: Db): Promise<CheckResult> {
  const late = await db.collection('outbox').countDocuments({ state: 'open', $expr: { $lt: ['$usefulUntil', { $subtract: ['$$NOW', 600_000] }] } })
  return { check: 'outbox', state: late === 0 ? 'ok' : 'warning', detail: late === 0 ? '' : `${late} jobs ended unsent: is the service running?` }
}

/** @returns one line for all where the user may not */
async function validateAll (db: Db, collections: readonly string[]): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const collection of collections) {
    try {
      results.push(await validate(db, collection))
    } catch (error) {
      if (!isUnauthorized(error)) throw error
      return [{ check: 'documents', state: 'failed', detail: `not looked at: ${needsAdministrator}` }]
    }
  }
  return results
}

async function validate (db: Db, collection: string): Promise<CheckResult> {
  const check = `documents of ${collection}`
  try {
    const { valid, errors = [] } = await db.command({ validate: collection }) as { valid?: boolean, errors?: unknown[] }
    return valid === true ? { check, state: 'ok', detail: '' } : { check, state: 'failed', detail: `${errors.length} faults: see the server's log` }
  } catch (error) {
    if ((error as { code?: unknown }).code === namespaceNotFound) return { check, state: 'ok', detail: 'no documents yet' }
    throw error
  }
}

const namespaceNotFound = 26
