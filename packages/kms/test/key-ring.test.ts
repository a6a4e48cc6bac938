import t from 'tap'
import { createKeyRing, createLocalKeyRing } from '../src/index.ts'
import { keyRingConformance } from './key-ring-conformance.ts'
import { knownKey, openRing } from './open-rings.ts'

void t.test('the ring over the KMS conforms', (t) => keyRingConformance(t, async (t) => {
  const { ring } = await openRing(t)
  return { ring, keyId: 'first-key-id', address: knownKey.address }
}))

void t.test('the ring over a raw key conforms', (t) => keyRingConformance(t, async () =>
  ({ ring: createLocalKeyRing(knownKey), keyId: 'local', address: knownKey.address })))

/** The same against AWS itself or another emulator: AWS_REGION, AWS_ENDPOINT_URL and credentials as the SDK reads them. */
const liveKeyId = process.env['COUNTERSIGN_TEST_KMS_KEY_ID']
if (liveKeyId !== undefined) {
  void t.test('the ring over the KMS of the environment conforms', (t) => keyRingConformance(t, async (t) => {
    const { options } = await openRing(t)
    const { endpoint: _emulator, ...live } = options
    return { ring: createKeyRing({ ...live, region: process.env['AWS_REGION'] ?? 'us-east-1', timeoutMs: 30_000 }), keyId: liveKeyId }
  }))
}

void t.test('a local ring takes only a private key of the curve and does not quote what it refuses', (t) => {
  for (const privateKey of ['', 'c0ffee', 'zz'.repeat(32), '00'.repeat(32), 'ff'.repeat(32), `0x${'11'.repeat(33)}`]) {
    t.throws(() => createLocalKeyRing({ privateKey }), { name: 'TypeError', message: 'the private key must be 64 hex digits, a number from 1 to the order of secp256k1' })
  }
  t.end()
})

void t.test('a local ring may have another name and shows its key to no serialiser', async (t) => {
  const ring = createLocalKeyRing({ ...knownKey, keyId: 'hot' })
  t.equal(await ring.address('hot'), knownKey.address)
  await t.rejects(ring.address('local'), { code: 'not_found' })
  t.equal(JSON.stringify(ring), '{}')
})
