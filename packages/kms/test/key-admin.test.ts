import { CreateAliasCommand, KMSClient, ListResourceTagsCommand } from '@aws-sdk/client-kms'
import t, { type Test } from 'tap'
import { createKeyAdmin } from '../src/index.ts'
import { knownKey, openRing } from './open-rings.ts'

async function openAdmin (t: Test, ...given: Parameters<typeof openRing> extends [Test, ...infer Rest] ? Rest : never) {
  const opened = await openRing(t, ...given)
  const admin = createKeyAdmin(opened.options)
  const client = new KMSClient({ region: 'us-east-1', endpoint: opened.emulator.endpoint, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } })
  t.after(() => {
    admin.close()
    client.destroy()
  })
  return { ...opened, admin, client }
}

void t.test('a created key has alias, description and tags, and the ring signs with it', async (t) => {
  const { admin, ring, client } = await openAdmin(t)

  const key = await admin.createKey({ alias: 'alias/payouts', description: 'payouts of the shop', tags: { team: 'treasury', stage: 'test' } })

  t.match(key, { arn: `arn:aws:kms:us-east-1:000000000000:key/${key.keyId}`, alias: 'alias/payouts' })
  t.equal(await ring.address('alias/payouts'), key.address)
  await t.resolves(ring.signDigest(key.keyId, new Uint8Array(32).fill(7)))
  const { Tags } = await client.send(new ListResourceTagsCommand({ KeyId: key.keyId }))
  t.strictSame(Tags, [{ TagKey: 'team', TagValue: 'treasury' }, { TagKey: 'stage', TagValue: 'test' }])
})

void t.test('a key needs neither alias nor description nor tags', async (t) => {
  const { admin } = await openAdmin(t)
  t.match(await admin.createKey(), { alias: null, address: /^0x/ })
})

void t.test('an alias that is taken leaves no key behind', async (t) => {
  const { admin, emulator } = await openAdmin(t)
  await t.rejects(admin.createKey({ alias: 'alias/first' }), { code: 'refused', reason: 'AlreadyExistsException', retryable: false })
  t.equal(emulator.calls()['CreateKey'], undefined)
})

void t.test('of two creations of one alias that race, the loser is told which key it left', async (t) => {
  const { admin, emulator } = await openAdmin(t)

  const outcomes = await Promise.allSettled([admin.createKey({ alias: 'alias/race' }), admin.createKey({ alias: 'alias/race' })])

  t.strictSame(outcomes.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
  const loser = outcomes.find((outcome) => outcome.status === 'rejected')
  const listed = await admin.listKeys()
  const left = listed.find((key) => key.aliases.length === 0 && key.keyId.length === 36)
  if (emulator.calls()['CreateKey'] === 2) t.match(loser?.reason, { code: 'refused', message: new RegExp(`the key ${left?.keyId} was made all the same`) })
  else t.match(loser?.reason, { code: 'refused' })
})

void t.test('a wrong alias name is refused and tells the key', async (t) => {
  const { admin } = await openAdmin(t)
  await t.rejects(admin.createKey({ alias: 'no prefix' }), { code: 'refused', reason: /^ValidationException; the key [0-9a-f-]{36} was made all the same$/ })
})

void t.test('a creation is never repeated: the answer may have been lost, not the key', async (t) => {
  const { admin, emulator } = await openAdmin(t)
  emulator.faults.set({ throttle: 'always' })
  await t.rejects(admin.createKey(), { code: 'throttled', retryable: true })
  emulator.faults.set({ throttle: 0, down: true })
  await t.rejects(admin.createKey(), { code: 'unavailable', retryable: true })
  t.equal(emulator.calls()['CreateKey'], 2)
})

void t.test('keys are listed over all pages with address, aliases, description and state', async (t) => {
  const { admin, client, emulator } = await openAdmin(t)
  const created = await Promise.all(Array.from({ length: 25 }, (_, index) => admin.createKey({ description: `key ${index}` })))
  for (let index = 0; index < 120; index++) await client.send(new CreateAliasCommand({ AliasName: `alias/many/${index}`, TargetKeyId: created[index % 25]?.keyId }))
  await fetch(emulator.endpoint, { method: 'POST', headers: { 'x-amz-target': 'TrentService.DisableKey' }, body: JSON.stringify({ KeyId: created[3]?.keyId }) })

  const listed = await admin.listKeys()

  t.equal(listed.length, 27)
  t.match(listed.find((key) => key.keyId === 'first-key-id'), { address: knownKey.address, aliases: ['alias/first'], enabled: true })
  t.match(listed.find((key) => key.keyId === created[3]?.keyId), { address: null, enabled: false })
  t.match(listed.find((key) => key.keyId === created[7]?.keyId), { address: created[7]?.address, description: 'key 7', enabled: true })
  t.equal(listed.flatMap((key) => key.aliases).length, 121)
})

void t.test('an identity that may describe nothing is denied, not shown an empty list', async (t) => {
  const { admin, emulator } = await openAdmin(t)
  emulator.faults.set({ deny: ['DescribeKey'] })
  await t.rejects(admin.listKeys(), { code: 'denied', operation: 'DescribeKey' })
  emulator.faults.set({ deny: ['GetPublicKey'] })
  t.strictSame((await admin.listKeys()).map((key) => key.address), [null, null])
  emulator.faults.set({ deny: ['ListKeys'] })
  await t.rejects(admin.listKeys(), { code: 'denied', operation: 'ListKeys' })
})

void t.test('a list that the KMS breaks off fails as a whole', async (t) => {
  const { admin, emulator } = await openAdmin(t, { maxAttempts: 1 }, (call) => {
    if ('operation' in call && call.operation === 'ListKeys') emulator.faults.set({ throttle: 'always' })
  })
  await t.rejects(admin.listKeys(), { code: 'throttled', operation: 'DescribeKey', retryable: true })
})
