import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { operationNames, startKmsEmulator } from '@countersign/kms-emulator'
import t from 'tap'
import { createKeyRing, type KmsFault } from '../src/index.ts'
import { knownKey, openRing, seeds } from './open-rings.ts'

const keyId = 'first-key-id'
const keyArn = `arn:aws:kms:us-east-1:000000000000:key/${keyId}`
const sign = 'kms_requests_total{operation="Sign",outcome='

void t.test('it needs GetPublicKey and Sign and nothing else', async (t) => {
  const { emulator, ring } = await openRing(t)
  emulator.faults.set({ deny: operationNames.filter((name) => name !== 'GetPublicKey' && name !== 'Sign') })

  await ring.check(keyId)
  t.equal(await ring.address(keyId), knownKey.address)
  await ring.signDigest(keyId, randomBytes(32))
  await ring.check()

  t.strictSame(Object.keys(emulator.calls()).sort(), ['GetPublicKey', 'Sign'])
})

void t.test('the public key is asked for once, even by callers that race, and a failure is not kept', async (t) => {
  const { emulator, ring } = await openRing(t, { maxAttempts: 1 })

  emulator.faults.set({ down: true })
  await t.rejects(ring.address(keyId), { code: 'unavailable', retryable: true })
  emulator.faults.clear()
  const before = emulator.calls()['GetPublicKey'] ?? 0
  await Promise.all(Array.from({ length: 20 }, () => ring.signDigest(keyId, randomBytes(32))))
  await ring.publicKey(keyId)

  t.equal(emulator.calls()['GetPublicKey'], before + 1)
})

void t.test('a key may be named by ARN or alias', async (t) => {
  const { ring } = await openRing(t)
  for (const name of [keyArn, 'alias/first', 'arn:aws:kms:us-east-1:000000000000:alias/first']) {
    t.equal(await ring.address(name), knownKey.address)
    await t.resolves(ring.signDigest(name, randomBytes(32)))
  }
})

void t.test('a throttle that ends is ridden out within the call', async (t) => {
  const { emulator, ring, metric } = await openRing(t)
  await ring.address(keyId)
  emulator.faults.set({ throttle: 2 })

  await t.resolves(ring.signDigest(keyId, randomBytes(32)))

  t.equal(emulator.calls()['Sign'], 3)
  t.equal(await metric(`${sign}"ok"}`), 1)
})

void t.test('a throttle that does not end is a retryable fault after the allowed attempts', async (t) => {
  const { emulator, ring, metric } = await openRing(t, { maxAttempts: 2 })
  await ring.address(keyId)
  emulator.faults.set({ throttle: 'always' })

  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'throttled', retryable: true, operation: 'Sign', reason: 'ThrottlingException' })

  t.equal(emulator.calls()['Sign'], 2)
  t.equal(await metric(`${sign}"throttled"}`), 1)
})

void t.test('a denied or disabled key fails at once, not to be retried', async (t) => {
  const { emulator, ring } = await openRing(t)
  await ring.address(keyId)

  emulator.faults.set({ deny: ['Sign'] })
  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'denied', retryable: false })
  t.equal(emulator.calls()['Sign'], 1)

  emulator.faults.clear()
  await fetch(emulator.endpoint, { method: 'POST', headers: { 'x-amz-target': 'TrentService.DisableKey' }, body: JSON.stringify({ KeyId: keyId }) })
  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'disabled', retryable: false })
  await t.rejects(ring.check(keyId), { code: 'disabled', retryable: false })
})

void t.test('garbage in place of DER is refused', async (t) => {
  const { emulator, ring, metric } = await openRing(t)
  emulator.faults.set({ garbageDer: true })

  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'bad_signature', retryable: false, message: 'kms Sign: bad_signature (not a DER sequence)' })

  t.equal(await metric(`${sign}"bad_signature"}`), 1)
  t.equal(await metric('kms_sign_duration_seconds_count{outcome="bad_signature"}'), 1)
})

void t.test('a high S is made low every time', async (t) => {
  const { emulator, ring } = await openRing(t)
  emulator.faults.set({ forceHighS: true })
  for (let i = 0; i < 20; i++) {
    const { s } = await ring.signDigest(keyId, randomBytes(32))
    t.ok(s <= 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n, 'at most half of the order')
  }
})

void t.test('a signature by another key is refused', async (t) => {
  const { emulator, ring } = await openRing(t)
  emulator.faults.set({ wrongKey: true })
  for (let i = 0; i < 10; i++) {
    await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'bad_signature', reason: 'the signature does not recover the known public key' })
  }
})

void t.test('a KMS that is too slow is unavailable when the time is over', async (t) => {
  const { emulator, ring } = await openRing(t, { timeoutMs: 300, maxAttempts: 2 })
  await ring.address(keyId)
  emulator.faults.set({ delayMs: 60_000 })
  const startedAt = performance.now()

  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'unavailable', retryable: true, reason: 'TimeoutError' })

  const elapsedMs = performance.now() - startedAt
  t.ok(elapsedMs >= 250 && elapsedMs < 3000, `${Math.round(elapsedMs)} ms`)
  t.ok((emulator.calls()['Sign'] ?? 0) <= 2)
})

void t.test('the time limit also ends the pause between two attempts', async (t) => {
  const { emulator, ring } = await openRing(t, { timeoutMs: 40, maxAttempts: 8 })
  emulator.faults.set({ throttle: 'always' })
  const startedAt = performance.now()
  // The SDK pauses for up to 500 ms, then 1, 2, 4 … s.
  await t.rejects(ring.check(keyId), { code: /unavailable|throttled/, retryable: true })
  t.ok(performance.now() - startedAt < 1500)
})

void t.test('a dropped connection and a closed port are unavailable', async (t) => {
  const { emulator, ring } = await openRing(t)
  await ring.address(keyId)

  emulator.faults.set({ down: true })
  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'unavailable', retryable: true })
  t.equal(emulator.calls()['Sign'], 3, 'all attempts were made')
  await emulator.close()
  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'unavailable', retryable: true, reason: /ECONNREFUSED/ })
})

void t.test('signs wait their turn behind the client-side limit, and who would wait too long is throttled without a call', async (t) => {
  const { emulator, ring } = await openRing(t, { signsPerSecond: 5, timeoutMs: 1000 })
  await ring.address(keyId)

  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => ring.signDigest(keyId, randomBytes(32))))

  const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason as unknown)
  // One at once, and two within the half second that may be waited.
  t.equal(refused.length, 7)
  for (const fault of refused) t.match(fault, { code: 'throttled', retryable: true, reason: 'client-side limit' })
  t.equal(emulator.calls()['Sign'], 3)
})

void t.test('retries pay the client-side limit too', async (t) => {
  const { emulator, ring } = await openRing(t, { signsPerSecond: 0.01, maxAttempts: 3 })
  await ring.address(keyId)
  emulator.faults.set({ throttle: 'always' })

  await t.rejects(ring.signDigest(keyId, randomBytes(32)), { code: 'throttled', reason: 'client-side limit' })

  t.equal(emulator.calls()['Sign'], 1)
})

void t.test('a key that is not the one known before fails its check', async (t) => {
  const { emulator, ring } = await openRing(t)
  await ring.address('alias/first')
  const { port } = new URL(emulator.endpoint)
  await emulator.close()
  const moved = await startKmsEmulator({ host: '127.0.0.1', port: Number(port), seeds: [{ keyId: 'other', alias: 'alias/first', privateKey: '44'.repeat(32) }] })
  t.after(() => moved.close())

  await t.rejects(ring.check('alias/first'), { code: 'bad_key', reason: 'the public key is another than before' })
  await t.rejects(ring.signDigest('alias/first', randomBytes(32)), { code: 'bad_signature' })
})

void t.test('a key of another kind is no key of ours', async (t) => {
  const answer = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', PublicKey: '' }
  const server = createServer((_request, response) => { response.end(JSON.stringify(answer)) })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.after(() => { server.close() })
  const { options } = await openRing(t)
  const ring = createKeyRing({ ...options, endpoint: `http://127.0.0.1:${(server.address() as { port: number }).port}` })
  t.after(() => { ring.close() })

  await t.rejects(ring.address('p256'), { code: 'bad_key', retryable: false })
  answer.KeySpec = 'ECC_SECG_P256K1'
  await t.rejects(ring.address('empty'), { code: 'bad_key', reason: 'not the SPKI of a secp256k1 key' })
})

void t.test('logs tell operation, outcome and eight characters of the key; no digest, signature, key or credential', async (t) => {
  const { emulator, ring, lines } = await openRing(t, { credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' } })
  const digest = randomBytes(32)
  const { r, s } = await ring.signDigest(keyArn, digest)
  emulator.faults.set({ deny: ['Sign'] })
  const fault = await ring.signDigest(keyArn, digest).catch((error: unknown) => error) as Error

  t.match(lines.map((line) => JSON.parse(line) as unknown), [
    { level: 'info', msg: 'digest signed', operation: 'Sign', key: 'first-ke' },
    { level: 'warn', msg: 'kms call failed', operation: 'Sign', key: 'first-ke', fault: 'denied', reason: 'AccessDeniedException' }
  ])
  const told = lines.join('') + fault.message + JSON.stringify(fault) + String(fault.stack)
  const hidden = [digest.toString('hex'), digest.toString('base64'), r.toString(16), s.toString(16), knownKey.privateKey.slice(2), 'AKIDEXAMPLE', 'wJalrXUtnFEMI', '000000000000', keyId]
  for (const text of hidden) t.notOk(told.includes(text))
  t.equal(fault.cause, undefined)
})

void t.test('more calls than connections end in time, and the log tells', async (t) => {
  const { emulator, ring, lines } = await openRing(t, { timeoutMs: 5000, maxAttempts: 1 })
  emulator.faults.set({ delayMs: 60_000 })

  const outcomes = await Promise.allSettled(Array.from({ length: 400 }, () => ring.check(keyId)))

  t.ok(outcomes.every((outcome) => outcome.status === 'rejected' && (outcome.reason as KmsFault).code === 'unavailable'))
  t.match(lines.map((line) => JSON.parse(line) as { msg: string }).find(({ msg }) => msg === 'kms connections are all busy'), { level: 'warn', maxSockets: 128 })
})

void t.test('two rings may share one registry', async (t) => {
  const { ring, options, metric } = await openRing(t)
  const other = createKeyRing(options)
  t.after(() => { other.close() })

  await Promise.all([ring.signDigest(keyId, randomBytes(32)), other.signDigest(seeds[1]?.keyId ?? '', randomBytes(32))])

  t.equal(await metric(`${sign}"ok"}`), 2)
  t.equal(await metric('kms_requests_total{operation="GetPublicKey",outcome="ok"}'), 2)
  t.equal(await metric('kms_sign_duration_seconds_count{outcome="ok"}'), 2)
})

void t.test('options that allow no call are refused', async (t) => {
  const { options } = await openRing(t)
  for (const wrong of [{ timeoutMs: 0 }, { timeoutMs: NaN }, { maxAttempts: 0 }, { maxAttempts: 1.5 }, { signsPerSecond: 0 }, { signsPerSecond: NaN }]) {
    t.throws(() => createKeyRing({ ...options, ...wrong }), { name: 'RangeError' })
  }
})
