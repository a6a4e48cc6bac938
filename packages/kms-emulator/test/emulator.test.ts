import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { connect } from 'node:net'
import {
  CreateAliasCommand, CreateKeyCommand, DescribeKeyCommand, DisableKeyCommand, EnableKeyCommand, GetPublicKeyCommand, KMSClient,
  ListAliasesCommand, ListKeysCommand, ListResourceTagsCommand, SignCommand,
  type ListAliasesCommandOutput, type ListKeysCommandOutput, type SignCommandInput
} from '@aws-sdk/client-kms'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import t, { type Test } from 'tap'
import { startKmsEmulator, type KmsEmulatorOptions } from '../src/index.ts'

const keyArn = 'arn:aws:kms:us-east-1:000000000000:key/test-key-id'
const aliasArn = 'arn:aws:kms:us-east-1:000000000000:alias/countersign-test'

async function start (t: Test, options: Partial<KmsEmulatorOptions> = {}) {
  const emulator = await startKmsEmulator({ host: '127.0.0.1', port: 0, ...options })
  const client = new KMSClient({
    region: 'us-east-1',
    endpoint: emulator.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1
  })
  t.after(async () => {
    client.destroy()
    await emulator.close()
  })
  const sign = async (input: Partial<SignCommandInput>): Promise<Uint8Array> => {
    const answer = await client.send(new SignCommand({ KeyId: 'test-key-id', SigningAlgorithm: 'ECDSA_SHA_256', MessageType: 'DIGEST', Message: undefined, ...input }))
    return answer.Signature as Uint8Array
  }
  return { emulator, client, sign }
}

const createKey = new CreateKeyCommand({ KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'SIGN_VERIFY', Description: 'payouts', Tags: [{ TagKey: 'team', TagValue: 'treasury' }] })

void t.test('a key is the same by id, ARN, alias name and alias ARN', async (t) => {
  const { client } = await start(t)

  const answers = await Promise.all(['test-key-id', keyArn, 'alias/countersign-test', aliasArn].map((KeyId) => client.send(new GetPublicKeyCommand({ KeyId }))))

  for (const answer of answers) {
    t.match(answer, { KeyId: keyArn, KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'SIGN_VERIFY', SigningAlgorithms: ['ECDSA_SHA_256'] })
    t.strictSame(answer.PublicKey, answers[0]?.PublicKey)
  }
  t.equal(createPublicKey({ key: Buffer.from(answers[0]?.PublicKey as Uint8Array), format: 'der', type: 'spki' }).asymmetricKeyDetails?.namedCurve, 'secp256k1')
})

void t.test('a digest is signed as it is and a raw message is hashed first, as OpenSSL agrees', async (t) => {
  const { client, sign } = await start(t)
  const spki = (await client.send(new GetPublicKeyCommand({ KeyId: 'test-key-id' }))).PublicKey as Uint8Array
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const message = randomBytes(300)

  const overDigest = await sign({ Message: createHash('sha256').update(message).digest() })
  const overRaw = await sign({ Message: message, MessageType: 'RAW' })

  t.ok(verify('sha256', message, publicKey, overDigest))
  t.ok(verify('sha256', message, publicKey, overRaw))
})

void t.test('the same digest signed again gives another signature, and about half of them have a high S', async (t) => {
  const { sign } = await start(t)
  const digest = randomBytes(32)

  const signatures = await Promise.all(Array.from({ length: 100 }, () => sign({ Message: digest })))

  t.equal(new Set(signatures.map((der) => Buffer.from(der).toString('hex'))).size, 100)
  const high = signatures.filter((der) => secp256k1.Signature.fromBytes(der, 'der').hasHighS()).length
  t.ok(high > 15 && high < 85, `${high} of 100 are high`)
})

void t.test('what AWS refuses is refused under the same name', async (t) => {
  const { client, sign } = await start(t)
  const digest = randomBytes(32)
  const refused = async (name: string, attempt: Promise<unknown>): Promise<void> => { await t.rejects(attempt, { name, $metadata: { httpStatusCode: 400 } }) }

  await refused('ValidationException', sign({ Message: randomBytes(31) }))
  await refused('ValidationException', sign({ Message: randomBytes(33) }))
  await refused('ValidationException', sign({ Message: new Uint8Array() }))
  await refused('ValidationException', sign({ Message: randomBytes(4097), MessageType: 'RAW' }))
  await refused('ValidationException', sign({ Message: digest, MessageType: 'EXTERNAL_MU' }))
  await refused('ValidationException', sign({ Message: digest, KeyId: '' }))
  await refused('InvalidKeyUsageException', sign({ Message: digest, SigningAlgorithm: 'ECDSA_SHA_384' }))
  await refused('NotFoundException', sign({ Message: digest, KeyId: 'missing' }))
  await refused('NotFoundException', sign({ Message: digest, KeyId: 'alias/missing' }))
  await refused('NotFoundException', sign({ Message: digest, KeyId: keyArn.replace('us-east-1', 'eu-west-1') }))
  await refused('UnsupportedOperationException', client.send(new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })))
  await refused('ValidationException', client.send(new CreateKeyCommand({ KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'ENCRYPT_DECRYPT' })))
  await refused('TagException', client.send(new CreateKeyCommand({ ...createKey.input, Tags: [{ TagKey: 'aws:x', TagValue: '' }] })))
  await refused('TagException', client.send(new CreateKeyCommand({ ...createKey.input, Tags: [{ TagKey: 'a', TagValue: '' }, { TagKey: 'a', TagValue: '' }] })))
  await refused('ValidationException', client.send(new CreateKeyCommand({ ...createKey.input, Tags: Array.from({ length: 51 }, (_, i) => ({ TagKey: `k${i}`, TagValue: '' })) })))
  await refused('ValidationException', client.send(new CreateAliasCommand({ AliasName: 'no-prefix', TargetKeyId: 'test-key-id' })))
  await refused('InvalidAliasNameException', client.send(new CreateAliasCommand({ AliasName: 'alias/aws/x', TargetKeyId: 'test-key-id' })))
  await refused('AlreadyExistsException', client.send(new CreateAliasCommand({ AliasName: 'alias/countersign-test', TargetKeyId: 'test-key-id' })))
  await refused('NotFoundException', client.send(new CreateAliasCommand({ AliasName: 'alias/new', TargetKeyId: 'alias/countersign-test' })))
  await refused('ValidationException', client.send(new ListKeysCommand({ Limit: 1001 })))
  await refused('InvalidMarkerException', client.send(new ListKeysCommand({ Marker: 'bm9uc2Vuc2U=' })))
})

void t.test('a created key has its own public key, description, tags and alias', async (t) => {
  const { client } = await start(t)

  const { KeyMetadata: key } = await client.send(createKey)
  await client.send(new CreateAliasCommand({ AliasName: 'alias/payouts', TargetKeyId: key?.Arn }))

  t.match((await client.send(new DescribeKeyCommand({ KeyId: 'alias/payouts' }))).KeyMetadata, {
    KeyId: key?.KeyId, Description: 'payouts', Enabled: true, KeyState: 'Enabled', KeySpec: 'ECC_SECG_P256K1', KeyManager: 'CUSTOMER'
  })
  t.strictSame((await client.send(new ListResourceTagsCommand({ KeyId: key?.KeyId }))).Tags, [{ TagKey: 'team', TagValue: 'treasury' }])
  t.match((await client.send(new ListAliasesCommand({ KeyId: key?.KeyId }))).Aliases, [{ AliasName: 'alias/payouts', TargetKeyId: key?.KeyId }])
  t.notSame((await client.send(new GetPublicKeyCommand({ KeyId: key?.KeyId }))).PublicKey, (await client.send(new GetPublicKeyCommand({ KeyId: 'test-key-id' }))).PublicKey)
})

void t.test('a disabled key signs nothing until it is enabled again', async (t) => {
  const { client, sign } = await start(t)
  const Message = randomBytes(32)

  await client.send(new DisableKeyCommand({ KeyId: 'test-key-id' }))
  await t.rejects(sign({ Message }), { name: 'DisabledException' })
  await t.rejects(client.send(new GetPublicKeyCommand({ KeyId: 'test-key-id' })), { name: 'DisabledException' })
  t.match((await client.send(new DescribeKeyCommand({ KeyId: 'test-key-id' }))).KeyMetadata, { Enabled: false, KeyState: 'Disabled' })

  await client.send(new EnableKeyCommand({ KeyId: 'test-key-id' }))
  await t.resolves(sign({ Message }))
})

void t.test('keys and aliases are listed page by page, each once', async (t) => {
  const { client } = await start(t, { seeds: [] })
  const made = await Promise.all(Array.from({ length: 7 }, () => client.send(createKey)))
  await Promise.all(made.map(({ KeyMetadata }, index) => client.send(new CreateAliasCommand({ AliasName: `alias/k${index}`, TargetKeyId: KeyMetadata?.KeyId }))))

  const keys: unknown[] = []
  const aliases: unknown[] = []
  let Marker: string | undefined
  do {
    const page: ListKeysCommandOutput = await client.send(new ListKeysCommand({ Limit: 3, Marker }))
    keys.push(...page.Keys?.map((key) => key.KeyId) ?? [])
    Marker = page.NextMarker
  } while (Marker !== undefined)
  do {
    const page: ListAliasesCommandOutput = await client.send(new ListAliasesCommand({ Limit: 2, Marker }))
    aliases.push(...page.Aliases?.map((alias) => alias.TargetKeyId) ?? [])
    Marker = page.NextMarker
  } while (Marker !== undefined)

  const ids = made.map(({ KeyMetadata }) => KeyMetadata?.KeyId).sort()
  t.strictSame(keys.sort(), ids)
  t.strictSame(aliases.sort(), ids)
})

void t.test('of two creations of one alias that race, one succeeds', async (t) => {
  const { client } = await start(t)
  const create = () => client.send(new CreateAliasCommand({ AliasName: 'alias/race', TargetKeyId: 'test-key-id' }))

  const outcomes = await Promise.allSettled([create(), create()])

  t.strictSame(outcomes.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
})

void t.test('faults in process', async (t) => {
  const { emulator, client, sign } = await start(t)
  const Message = randomBytes(32)
  t.afterEach(() => { emulator.faults.clear() })

  await t.test('a counted throttle ends by itself', async (t) => {
    emulator.faults.set({ throttle: 2 })
    await t.rejects(sign({ Message }), { name: 'ThrottlingException' })
    await t.rejects(sign({ Message }), { name: 'ThrottlingException' })
    await t.resolves(sign({ Message }))
  })

  await t.test('a throttle for ever does not', async (t) => {
    emulator.faults.set({ throttle: 'always' })
    for (let i = 0; i < 5; i++) await t.rejects(sign({ Message }), { name: 'ThrottlingException' })
  })

  await t.test('a denied operation is denied and the others work', async (t) => {
    emulator.faults.set({ deny: ['Sign'] })
    await t.rejects(sign({ Message }), { name: 'AccessDeniedException' })
    await t.resolves(client.send(new GetPublicKeyCommand({ KeyId: 'test-key-id' })))
  })

  await t.test('a delay is waited for', async (t) => {
    emulator.faults.set({ delayMs: 120 })
    const startedAt = performance.now()
    await sign({ Message })
    t.ok(performance.now() - startedAt >= 115)
  })

  await t.test('garbage is no DER', async (t) => {
    emulator.faults.set({ garbageDer: true })
    const garbage = await sign({ Message })
    t.throws(() => secp256k1.Signature.fromBytes(garbage, 'der'))
  })

  await t.test('S is high every time when asked for', async (t) => {
    emulator.faults.set({ forceHighS: true })
    for (let i = 0; i < 10; i++) t.ok(secp256k1.Signature.fromBytes(await sign({ Message }), 'der').hasHighS())
  })

  await t.test('another key signs when asked for', async (t) => {
    emulator.faults.set({ wrongKey: true })
    const spki = (await client.send(new GetPublicKeyCommand({ KeyId: 'test-key-id' }))).PublicKey as Uint8Array
    t.notOk(secp256k1.verify(await sign({ Message }), Message, spki.subarray(-65), { prehash: false, lowS: false, format: 'der' }))
  })

  await t.test('a connection is dropped when down', async (t) => {
    emulator.faults.set({ down: true })
    await t.rejects(sign({ Message }), { code: /ECONNRESET|EPIPE/ })
  })

  await t.test('a wrong switch changes nothing', (t) => {
    emulator.faults.set({ delayMs: 5 })
    t.throws(() => { emulator.faults.set({ delayMs: 10, throttle: -1 }) }, /throttle must be a count or "always"/)
    t.throws(() => { emulator.faults.set({ deny: ['Everything'] }) }, /deny must be a list out of CreateAlias/)
    t.throws(() => { emulator.faults.set({ slow: true } as object) }, /no fault switch of that name/)
    t.equal(emulator.faults.current().delayMs, 5)
    t.end()
  })
})

void t.test('faults and health over HTTP', async (t) => {
  const { emulator, sign } = await start(t)
  const url = `${emulator.endpoint}/_faults`
  const post = (body: string, type = 'application/json') => fetch(url, { method: 'POST', body, headers: { 'content-type': type } })

  t.equal((await post('{"throttle":1,"forceHighS":true}')).status, 200)
  t.match(await (await fetch(url)).json(), { throttle: 1, forceHighS: true, down: false })
  await t.rejects(sign({ Message: randomBytes(32) }), { name: 'ThrottlingException' })
  t.match(await (await fetch(url)).json(), { throttle: 0 })

  t.equal((await post('{"down":"yes"}')).status, 400)
  t.equal((await post('[]')).status, 400)
  t.equal((await post('{"down":true}', 'text/plain')).status, 415, 'a web page cannot post without a preflight')
  await post('{"down":true}')
  t.match(await (await fetch(url, { method: 'DELETE' })).json(), { down: false, forceHighS: false }, 'the switches answer while the emulator is down')

  t.match(await (await fetch(`${emulator.endpoint}/_health`)).json(), { status: 'healthy', keys: 2, calls: { Sign: 1 } })
  t.strictSame(emulator.calls(), { Sign: 1 })
  t.equal((await fetch(`${emulator.endpoint}/_other`)).status, 404)
})

void t.test('an unknown operation and a broken body are refused in the protocol', async (t) => {
  const { emulator } = await start(t)
  const post = async (target: string, body: string): Promise<unknown> => {
    const response = await fetch(emulator.endpoint, { method: 'POST', body, headers: { 'x-amz-target': target } })
    return response.json()
  }

  t.match(await post('TrentService.Decrypt', '{}'), { __type: 'UnknownOperationException' })
  t.match(await post('', '{}'), { __type: 'UnknownOperationException' })
  t.match(await post('TrentService.Sign', '{'), { __type: 'SerializationException' })
  t.match(await post('TrentService.Sign', `{"KeyId":"${'x'.repeat(200_000)}"}`), { __type: 'SerializationException' })
  t.match(await post('TrentService.Sign', '{"KeyId":"test-key-id","SigningAlgorithm":"ECDSA_SHA_256","Message":"not base64"}'), { __type: 'ValidationException' })
})

void t.test('it closes at once, with a call in flight and a connection held open', async (t) => {
  const emulator = await startKmsEmulator({ host: '127.0.0.1', port: 0 })
  emulator.faults.set({ delayMs: 60_000 })
  const held = connect(Number(new URL(emulator.endpoint).port), '127.0.0.1')
  held.on('error', () => {})
  const call = fetch(emulator.endpoint, { method: 'POST', body: '{}', headers: { 'x-amz-target': 'TrentService.ListKeys' } }).catch((error: unknown) => error)
  while (emulator.calls()['ListKeys'] === undefined) await new Promise((resolve) => { setImmediate(resolve) })

  await emulator.close()

  t.ok(await call instanceof Error)
})
