/** Indexes are part of correctness (unique, expiry), so they are a list that can be made and compared. */
import { isDeepStrictEqual } from 'node:util'
import { MongoServerError, type Db, type Document } from 'mongodb'

export interface IndexSpec {
  readonly collection: string
  readonly name: string
  /** Fields in order. */
  readonly key: Readonly<Record<string, 1 | -1>>
  readonly unique?: true
  readonly sparse?: true
  readonly expireAfterSeconds?: number
  readonly partialFilterExpression?: Readonly<Document>
}

export interface IndexDifference {
  readonly collection: string
  readonly index: string
  readonly kind: 'missing' | 'different' | 'unexpected'
  /** For people: which option differs and how. */
  readonly detail: string
}

/** The database's indexes are not what the service relies on. */
export class IndexFault extends Error {
  readonly differences: readonly IndexDifference[]

  constructor (differences: readonly IndexDifference[], remedy: string) {
    const lines = differences.map(({ collection, index, detail }) => `  ${collection}.${index}: ${detail}`)
    super(['The indexes of the database are not as wanted:', ...lines, remedy].join('\n'))
    this.name = 'IndexFault'
    this.differences = differences
  }
}

const remedies = {
  ensure: 'Run: countersign db indexes ensure',
  drop: 'An index that differs is not replaced while the system may rely on it: drop it, then run: countersign db indexes ensure'
} as const

/**
 * Makes what is missing; running it again changes nothing, and asks for no right to make indexes where all are there: a service may not
 * touch those of its audit, which an administrator made with its user.
 * @throws IndexFault when an index of that name exists and differs
 */
export const ensureIndexes = async (db: Db, specs: readonly IndexSpec[]): Promise<void> => {
  const differences = await verifyIndexes(db, specs)
  const different = differences.filter(({ kind }) => kind === 'different')
  if (different.length > 0) throw new IndexFault(different, remedies.drop)

  const isMissing = ({ collection, name }: IndexSpec): boolean =>
    differences.some((one) => one.kind === 'missing' && one.collection === collection && one.index === name)
  for (const [collection, wanted] of byCollection(specs.filter(isMissing))) {
    await db.collection(collection).createIndexes(wanted.map(({ collection: _, key, ...options }) => ({ ...options, key: { ...key } })))
  }
}

/** @returns each difference between the database and the list, for the collections of the list; empty when they agree. */
export const verifyIndexes = async (db: Db, specs: readonly IndexSpec[]): Promise<IndexDifference[]> => {
  const found = await Promise.all(byCollection(specs).map(async ([collection, wanted]) =>
    differencesOf(collection, wanted, await readIndexes(db, collection))))
  return found.flat()
}

/**
 * For a process that may not make indexes itself. An index that nobody asked for is no reason to stop.
 * @throws IndexFault naming each missing or different index and the command to run
 */
export const requireIndexes = async (db: Db, specs: readonly IndexSpec[]): Promise<void> => {
  const differences = (await verifyIndexes(db, specs)).filter(({ kind }) => kind !== 'unexpected')
  if (differences.length > 0) throw new IndexFault(differences, remedies.ensure)
}

function byCollection (specs: readonly IndexSpec[]): [string, IndexSpec[]][] {
  const names = new Set(specs.map(({ collection }) => collection))
  return [...names].map((name) => [name, specs.filter(({ collection }) => collection === name)])
}

const namespaceNotFound = 26

async function readIndexes (db: Db, collection: string): Promise<Document[]> {
  try {
    return await db.collection(collection).listIndexes().toArray()
  } catch (error) {
    if (error instanceof MongoServerError && error.code === namespaceNotFound) return []
    throw error
  }
}

function differencesOf (collection: string, wanted: readonly IndexSpec[], present: readonly Document[]): IndexDifference[] {
  const differences: IndexDifference[] = []
  for (const spec of wanted) {
    const index = present.find(({ name }) => name === spec.name)
    if (index === undefined) {
      differences.push({ collection, index: spec.name, kind: 'missing', detail: 'is missing' })
      continue
    }
    const detail = optionDifferences(spec, index).join('; ')
    if (detail !== '') differences.push({ collection, index: spec.name, kind: 'different', detail })
  }
  const known = new Set(['_id_', ...wanted.map(({ name }) => name)])
  for (const { name } of present) {
    if (!known.has(name)) differences.push({ collection, index: name, kind: 'unexpected', detail: 'is not on the list' })
  }
  return differences
}

const optionNames = ['unique', 'sparse', 'expireAfterSeconds', 'partialFilterExpression'] as const

function optionDifferences (spec: IndexSpec, index: Document): string[] {
  const differences: string[] = []
  // The order of the fields matters, which deep equality of objects does not see.
  if (!isDeepStrictEqual(Object.entries(spec.key), Object.entries(index['key']))) {
    differences.push(`key is ${JSON.stringify(index['key'])}, wanted ${JSON.stringify(spec.key)}`)
  }
  for (const option of optionNames) {
    const has: unknown = index[option] === false ? undefined : index[option]
    if (!isDeepStrictEqual(has, spec[option])) differences.push(`${option} is ${show(has)}, wanted ${show(spec[option])}`)
  }
  return differences
}

const show = (value: unknown): string => value === undefined ? 'not set' : JSON.stringify(value)
