import { stores } from '@countersign/contracts'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { sharedMongo } from '@countersign/testing'
import { createAudit, ensureIndexes, outboxIndexes, requireIndexes, verifyIndexes, type IndexSpec } from '../src/index.ts'

const mongo = await sharedMongo(t)
const fresh = () => mongo.client.db(mongo.freshDatabase())

const { insertOnlyIndexes: auditIndexes } = stores['auth-gateway']
const specs: readonly IndexSpec[] = [
  { collection: 'people', name: 'by_email', key: { email: 1 }, unique: true },
  { collection: 'people', name: 'newest', key: { team: 1, addedAt: -1 }, partialFilterExpression: { left: false } },
  { collection: 'visits', name: 'expiry', key: { at: 1 }, expireAfterSeconds: 60 },
  ...outboxIndexes,
  ...auditIndexes
]

void t.test('indexes are made once, and making them again changes nothing', async (t) => {
  const db = fresh()

  t.equal((await verifyIndexes(db, specs)).length, specs.length, 'all are missing at first')
  await ensureIndexes(db, specs)
  await ensureIndexes(db, specs)

  t.strictSame(await verifyIndexes(db, specs), [])
  await requireIndexes(db, specs)
})

void t.test('a user who may not make indexes starts on those that are there', async (t) => {
  const db = fresh()
  await ensureIndexes(db, auditIndexes)
  await db.command({ createUser: 'reader', pwd: 'of-indexes', roles: [{ role: 'read', db: db.databaseName }] })
  t.teardown(async () => { await db.command({ dropUser: 'reader' }) })
  const uri = new URL(mongo.uri)
  const client = await new MongoClient(`mongodb://reader:of-indexes@${uri.host}/${db.databaseName}?directConnection=true`).connect()
  t.teardown(async () => { await client.close() })
  const reader = client.db(db.databaseName)

  await ensureIndexes(reader, auditIndexes)
  await t.rejects(ensureIndexes(reader, specs), { code: 13 }, 'but makes none')
})

void t.test('each difference is named, and the fault names the command to run', async (t) => {
  const db = fresh()
  await db.collection('people').createIndexes([
    { name: 'by_email', key: { email: 1 } },
    { name: 'newest', key: { addedAt: -1, team: 1 }, partialFilterExpression: { left: false } },
    { name: 'hand_made', key: { shoeSize: 1 } }
  ])

  const differences = await verifyIndexes(db, specs.filter(({ collection }) => collection === 'people' || collection === 'visits'))

  t.strictSame(differences, [
    { collection: 'people', index: 'by_email', kind: 'different', detail: 'unique is not set, wanted true' },
    { collection: 'people', index: 'newest', kind: 'different', detail: 'key is {"addedAt":-1,"team":1}, wanted {"team":1,"addedAt":-1}' },
    { collection: 'people', index: 'hand_made', kind: 'unexpected', detail: 'is not on the list' },
    { collection: 'visits', index: 'expiry', kind: 'missing', detail: 'is missing' }
  ])
  await t.rejects(requireIndexes(db, specs), {
    name: 'IndexFault', message: /people\.by_email: unique is not set, wanted true[\s\S]*visits\.expiry: is missing[\s\S]*Run: countersign db indexes ensure$/
  })
})

void t.test('an index that differs is never replaced behind the back of a running system', async (t) => {
  const db = fresh()
  await db.collection('people').createIndex({ email: 1 }, { name: 'by_email' })

  await t.rejects(ensureIndexes(db, specs), { name: 'IndexFault', message: /by_email[\s\S]*drop it, then run: countersign db indexes ensure/ })

  t.strictSame((await db.listCollections().toArray()).map(({ name }) => name), ['people'], 'nothing was made half')
})

void t.test('an index nobody asked for is told but stops nobody', async (t) => {
  const db = fresh()
  await ensureIndexes(db, specs)
  await db.collection('people').createIndex({ shoeSize: 1 }, { name: 'hand_made' })

  t.match(await verifyIndexes(db, specs), [{ index: 'hand_made', kind: 'unexpected' }])
  await requireIndexes(db, specs)
})

void t.test('audit rows get their order from the server', async (t) => {
  const db = fresh()
  const audit = createAudit(db)

  await audit.append({ event: 'wallet.added', subject: 'wal_1', actor: 'usr_1', facts: { digest: '0xabc', attempt: 2 } })
  await audit.append({ event: 'wallet.removed', subject: 'wal_1' })

  const [first, second] = await db.collection('audit').find().sort({ recordedAt: 1 }).toArray()
  t.match(first, { _id: /^aud_/, event: 'wallet.added', subject: 'wal_1', actor: 'usr_1', facts: { digest: '0xabc', attempt: 2 } })
  t.equal(second?.['event'], 'wallet.removed')
  t.ok(first?.['recordedAt'].t > 1_600_000_000, 'the server put its time in')
})

void t.test('audit rows that come at the same time go together, and one that is refused fails for its own caller alone, and nobody\'s twice', async (t) => {
  const db = fresh()
  await db.createCollection('audit', { validator: { event: { $ne: 'refused' } } })
  const audit = createAudit(db)

  const settled = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => audit.append({ event: i === 4 ? 'refused' : 'kept', subject: `sub_${i}` })))

  t.same(settled.map(({ status }) => status), Array.from({ length: 10 }, (_, i) => i === 4 ? 'rejected' : 'fulfilled'))
  const rows = await db.collection('audit').find({}, { projection: { subject: 1 } }).toArray()
  t.same(rows.map(({ subject }) => String(subject)).sort(), Array.from({ length: 10 }, (_, i) => `sub_${i}`).filter((subject) => subject !== 'sub_4'))
})
