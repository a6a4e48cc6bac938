/** Migrations, and the database commands of every service. */
import { setTimeout as wait } from 'node:timers/promises'
import { createCli } from '@countersign/runtime'
import { sharedMongo, until } from '@countersign/testing'
import type { Db } from 'mongodb'
import t from 'tap'
import { createLeases, createMigrations, databaseCommands, ensureIndexes, LeaseLost, orphans, outboxIndexes, type DatabaseCommandsOptions, type Migration } from '../src/index.ts'

const mongo = await sharedMongo(t)
const fresh = (): Db => mongo.client.db(mongo.freshDatabase())
const people = (db: Db) => db.collection<{ _id: string, name?: string, first?: string }>('people')

const rename: Migration = {
  id: '0001-first-names',
  description: 'name becomes first',
  up: async (db) => { await people(db).updateMany({ name: { $exists: true } }, { $rename: { name: 'first' } }) },
  down: async (db) => { await people(db).updateMany({ first: { $exists: true } }, { $rename: { first: 'name' } }) }
}
const oneWay: Migration = { id: '0002-forget', description: 'drops what nobody reads', up: async (db) => { await people(db).deleteMany({ _id: /^old/ }) } }
const runner = (db: Db, migrations: readonly Migration[], holder = 'test') => createMigrations({ db, leases: createLeases(db), migrations, holder })
const states = async (db: Db, migrations: readonly Migration[]) => (await runner(db, migrations).status()).map(({ id, state }) => `${id} ${state}`)

t.test('pending migrations are applied once, in order, and taken back in the other one', async (t) => {
  const db = fresh()
  await people(db).insertMany([{ _id: 'ada', name: 'Ada' }, { _id: 'old', name: 'x' }])
  t.strictSame(await states(db, [rename, oneWay]), ['0001-first-names pending', '0002-forget pending'])

  t.strictSame(await runner(db, [rename, oneWay]).migrate(), ['0001-first-names', '0002-forget'])
  t.strictSame(await runner(db, [rename, oneWay]).migrate(), [])
  t.strictSame(await people(db).find().toArray(), [{ _id: 'ada', first: 'Ada' }])

  await t.rejects(runner(db, [rename, oneWay]).rollback(2), /0002-forget has no way back/)
  t.strictSame(await states(db, [rename, oneWay]), ['0001-first-names applied', '0002-forget applied'], 'nothing was done')
  const back = { ...oneWay, down: async () => undefined }
  t.strictSame(await runner(db, [rename, back]).rollback(2), ['0002-forget', '0001-first-names'])
  t.strictSame(await people(db).findOne({ _id: 'ada' }), { _id: 'ada', name: 'Ada' })
})

t.test('one that fails is named as interrupted, those before it stay, and the next run goes on with it', async (t) => {
  const db = fresh()
  let fails = true
  const second: Migration = { id: '0002-second', description: 'fails at first', up: () => fails ? Promise.reject(new Error('half way')) : Promise.resolve() }
  await t.rejects(runner(db, [rename, second]).migrate(), /half way/)
  t.strictSame(await states(db, [rename, second]), ['0001-first-names applied', '0002-second interrupted'])
  fails = false
  t.strictSame(await runner(db, [rename, second]).migrate(), ['0002-second'])
})

t.test('of processes that migrate at once one does, and the others say so', async (t) => {
  const db = fresh()
  let runs = 0
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => { release = resolve })
  const slow: Migration = { id: '0001-slow', description: 'waits', up: async () => { runs++; await gate } }
  const first = runner(db, [slow], 'a').migrate()
  await until(() => runs === 1, { what: 'the first to begin' })
  const others = await Promise.allSettled(['b', 'c', 'd'].map((holder) => runner(db, [slow], holder).migrate()))
  for (const outcome of others) t.match(outcome, { status: 'rejected', reason: { message: /another process is migrating/ } })
  release()
  t.strictSame(await first, ['0001-slow'])
  t.equal(runs, 1)
})

t.test('who lost the lock is told, and does not call its work applied', async (t) => {
  const db = fresh()
  const leases = createLeases(db)
  const taken: Migration = {
    id: '0001-taken', description: 'loses its lock', up: async () => {
      await db.collection<{ _id: string }>('leases').updateOne({ _id: 'migrations' }, { $set: { holder: 'somebody else' } })
      await wait(1)
    }
  }
  // Nothing else renews it in between: the end of the work asks.
  await t.rejects(createMigrations({ db, leases, migrations: [taken], holder: 'a' }).migrate(), LeaseLost)
})

t.test('a database of a later version is left alone', async (t) => {
  const db = fresh()
  await runner(db, [rename, oneWay]).migrate()
  t.strictSame(await states(db, [rename]), ['0001-first-names applied', '0002-forget unknown'])
  await t.rejects(runner(db, [rename]).migrate(), /later version.*0002-forget/)
})

t.test('a list without one order is refused', async (t) => {
  for (const ids of [['1-x'], ['0001-X'], ['0001-a', '0001-b'], ['0002-a', '0001-b'], ['0001_a']]) {
    t.throws(() => runner(fresh(), ids.map((id) => ({ ...rename, id }))), TypeError, ids.join())
  }
})

async function command (options: Partial<DatabaseCommandsOptions> & { db: Db }, ...args: string[]) {
  let out = ''
  let err = ''
  const { db, ...rest } = options
  const commands = databaseCommands({ service: 'signer-service', withDb: (work) => work(db), indexes: outboxIndexes, ...rest })
  const code = await createCli({ name: 'x', description: 'x', stdout: (text) => { out += text }, stderr: (text) => { err += text } }).add(...commands).run(['node', 'x', 'db', ...args])
  return { code, out, err, json: (): unknown => JSON.parse(out) }
}

t.test('migrate, rollback and status on the command line', async (t) => {
  const db = fresh()
  const given = { db, migrations: [rename] }
  for (const verb of ['migrate', 'rollback', 'status']) t.match(await command({ db }, verb), { code: 0, out: /this service has no migrations/ }, verb)

  t.match((await command(given, 'status', '--json')).json(), { service: 'signer-service', migrations: [{ id: rename.id, state: 'pending', applied_at: null }] })
  t.match(await command(given, 'migrate', '--dry-run'), { code: 0, out: /0001-first-names would be applied/ })
  t.match(await command(given, 'migrate'), { code: 0, out: /0001-first-names applied/ })
  t.match(await command(given, 'migrate'), { code: 0, out: /no migration is pending/ })
  t.match(await command(given, 'status'), { code: 0, out: /0001-first-names +applied +2/ })
  t.match((await command(given, 'rollback', '--dry-run', '--json')).json(), { dry_run: true, reverted: [rename.id] })
  t.match(await command(given, 'rollback'), { code: 0, out: /0001-first-names taken back/ })
  t.match(await command(given, 'rollback', '--steps', '0'), { code: 2 })
})

t.test('verify tells what does not hold, by name and count', async (t) => {
  const db = fresh()
  const given = { db, migrations: [rename], rowChecks: [orphans('attempts', 'txId', 'transactions')], indexNotes: ['no index deletes anything'] }
  t.match(await command(given, 'indexes', 'verify'), { code: 1, out: /one_row_per_job[\s\S]*on purpose: no index deletes anything/ })
  t.match(await command(given, 'verify'), { code: 1, out: /indexes +failed[\s\S]*0001-first-names is pending/ })

  await ensureIndexes(db, outboxIndexes)
  await runner(db, [rename]).migrate()
  t.match(await command(given, 'indexes', 'verify'), { code: 0, out: /all 3 indexes are as wanted/ })
  t.match(await command(given, 'verify', '--full'), { code: 0, out: /all checks hold/ })

  await db.collection('attempts').insertMany([{ txId: 'tx_1' }, { txId: 'tx_2' }, { txId: null }])
  await db.collection<{ _id: string }>('transactions').insertOne({ _id: 'tx_1' })
  await db.collection('left_over').insertOne({})
  await db.collection('outbox').insertOne({ queue: 'q', jobId: 'j', state: 'open', usefulUntil: new Date(0) })
  const { code, json } = await command(given, 'verify', '--json')
  t.equal(code, 1)
  t.match(json(), {
    checks: [
      { check: 'server', state: 'ok' }, { check: 'collections', state: 'warning', detail: /left_over/ }, { check: 'indexes', state: 'ok' }, { check: 'migrations', state: 'ok' },
      { check: 'outbox', state: 'warning', detail: /^1 jobs ended unsent/ }, { check: 'attempts → transactions', state: 'failed', detail: /^1 rows/ }
    ]
  })
})

t.test('the profile of a while shows how operations were done, and nothing of what they asked', async (t) => {
  const db = fresh()
  await people(db).insertMany(Array.from({ length: 50 }, (_unused, i) => ({ _id: `p${i}` })))
  const looking = command({ db }, 'profile', '--seconds', '1', '--slow-ms', '0')
  await until(async () => (await db.command({ profile: -1 }))['was'] === 1, { what: 'the profiler to be on' })
  await people(db).find({ name: 'secret-name' }).toArray()
  const { code, out } = await looking
  t.equal(code, 0)
  t.match(out, /find +people +COLLSCAN/)
  t.notMatch(out, /secret-name/)
  t.equal((await db.command({ profile: -1 }))['was'], 0)
  t.match(await command({ db }, 'profile', '--seconds', '0'), { code: 2 })
})
