import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createKeyStore } from '../src/key-store.ts'
import { defaultSeeds } from '../src/index.ts'

const region = 'us-east-1'

void t.test('keys, aliases, tags and states survive a restart', (t) => {
  const dataFile = join(t.testdir(), 'new', 'keys.json')
  const before = createKeyStore({ region, seeds: defaultSeeds, dataFile })
  const created = before.create({ description: 'payouts', tags: [{ TagKey: 'team', TagValue: 'treasury' }] })
  before.createAlias('alias/payouts', created.keyId)
  before.setEnabled(created, false)

  const after = createKeyStore({ region, seeds: defaultSeeds, dataFile })

  t.strictSame(after.find('alias/payouts'), { ...created, privateKey: Buffer.from(created.privateKey) })
  t.strictSame(after.keys().map((key) => key.keyId), ['test-key-id', 'audit-key-id', created.keyId])
  t.equal(statSync(dataFile).mode & 0o777, 0o600)
  t.end()
})

void t.test('a data file that others could read is closed to them', (t) => {
  const dataFile = join(t.testdir(), 'keys.json')
  createKeyStore({ region, seeds: defaultSeeds, dataFile })
  chmodSync(dataFile, 0o644)

  createKeyStore({ region, seeds: [], dataFile })

  t.equal(statSync(dataFile).mode & 0o777, 0o600)
  t.end()
})

void t.test('a broken data file is refused and kept, and its content stays out of the message', (t) => {
  const dataFile = join(t.testdir(), 'keys.json')
  for (const content of ['{"keys": "c0ffee', '{"version":2}', '']) {
    writeFileSync(dataFile, content)
    t.throws(() => createKeyStore({ region, seeds: defaultSeeds, dataFile }), { message: `${dataFile} is not a data file of the KMS emulator: move it away to start with new keys` })
    t.equal(readFileSync(dataFile, 'utf8'), content)
  }
  t.end()
})

void t.test('a directory in place of the file is a fault at start', (t) => {
  t.throws(() => createKeyStore({ region, seeds: [], dataFile: t.testdir() }), { code: 'EISDIR' })
  t.end()
})

void t.test('a seed that contradicts the data file is refused', (t) => {
  const dataFile = join(t.testdir(), 'keys.json')
  createKeyStore({ region, seeds: defaultSeeds, dataFile })
  const privateKey = '11'.repeat(32)

  t.throws(() => createKeyStore({ region, seeds: [{ keyId: 'test-key-id', privateKey }], dataFile }), /holds another key under the seeded id test-key-id/)
  t.throws(() => createKeyStore({ region, seeds: [{ keyId: 'other', alias: 'alias/countersign-test', privateKey }], dataFile }), /alias\/countersign-test belongs to another key/)
  t.end()
})
