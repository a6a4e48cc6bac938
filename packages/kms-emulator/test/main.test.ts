import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { operations } from '../src/operations.ts'
import { defaultSeeds, operationNames, seedsFromJson } from '../src/index.ts'
import { readSettings } from '../src/settings.ts'

const main = join(import.meta.dirname, '../src/main.js')

function run (t: Test, env: Record<string, string>) {
  const child = spawn(process.execPath, [main], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const output: string[] = []
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => output.push(line))
  return { child, lines, output: () => output.join('\n') }
}

void t.test('the process serves, logs no key, digest or signature, and ends on SIGTERM', async (t) => {
  const dataFile = join(t.testdir(), 'keys.json')
  const privateKey = '22'.repeat(32)
  const { child, lines, output } = run(t, { PORT: '0', KMS_DATA_FILE: dataFile, KMS_SEEDS: JSON.stringify([{ key_id: 'mine', alias: 'alias/mine', private_key: `0x${privateKey}` }]) })
  const [first] = await once(lines, 'line') as [string]
  const { endpoint } = JSON.parse(first) as { endpoint: string }
  const message = Buffer.alloc(32, 7).toString('base64')

  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'x-amz-target': 'TrentService.Sign' },
    body: JSON.stringify({ KeyId: 'alias/mine', Message: message, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' })
  })
  const { Signature } = await response.json() as { Signature: string }

  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  t.strictSame(await exited, [0, null])
  t.match(output(), /"operation":"Sign","status":200/)
  for (const secret of [privateKey, message, Signature]) t.notOk(output().includes(secret))
  t.equal(statSync(dataFile).mode & 0o777, 0o600)
})

void t.test('the process does not start in production, nor with wrong seeds, and says why in one line', async (t) => {
  const secret = 'c0ffee'.repeat(10)
  const cases: [Record<string, string>, RegExp][] = [
    [{ NODE_ENV: 'production' }, /^kms-emulator: NODE_ENV is production.*\n$/],
    [{ KMS_SEEDS: `[{"key_id":"a","private_key":"${secret}"}]` }, /^kms-emulator: KMS_SEEDS\[0\]\.private_key must be .*\n$/]
  ]
  for (const [env, message] of cases) {
    const { child, output } = run(t, { PORT: '0', ...env })
    t.strictSame(await once(child, 'close'), [1, null])
    t.match(output(), message)
    t.notOk(output().includes(secret))
  }
})

void t.test('settings come from the environment with local defaults', (t) => {
  t.strictSame(readSettings({}), { host: '127.0.0.1', port: 4566 })
  t.strictSame(readSettings({ HOST: '0.0.0.0', PORT: '14566', KMS_DATA_FILE: '/data/keys.json', ENVIRONMENT: 'staging' }), { host: '0.0.0.0', port: 14566, dataFile: '/data/keys.json' })
  t.throws(() => readSettings({ ENVIRONMENT: ' Production ' }), /ENVIRONMENT is production/)
  for (const PORT of ['x', '-1', '70000', '1.5']) t.throws(() => readSettings({ PORT }), /PORT must be a number/)
  t.end()
})

void t.test('seeds are read strictly and a refusal never quotes them', (t) => {
  const private_key = '33'.repeat(32)
  t.strictSame(seedsFromJson(JSON.stringify([{ key_id: 'a', alias: 'alias/a', private_key }, { key_id: 'b', private_key }])),
    [{ keyId: 'a', alias: 'alias/a', privateKey: private_key }, { keyId: 'b', privateKey: private_key }])
  const wrong: [string, RegExp][] = [
    [`[{"private_key":"${private_key}"]`, /^KMS_SEEDS must be a JSON list of objects$/],
    [`{"private_key":"${private_key}"}`, /^KMS_SEEDS must be a JSON list of objects$/],
    [JSON.stringify([{ private_key }]), /^KMS_SEEDS\[0\]\.key_id/],
    [JSON.stringify([{ key_id: 'a', alias: 1, private_key }]), /^KMS_SEEDS\[0\]\.alias/],
    [JSON.stringify([{ key_id: 'a', private_key, note: 'x' }]), /^KMS_SEEDS\[0\] may hold/],
    [JSON.stringify([{ key_id: 'a', private_key: '00'.repeat(32) }]), /^KMS_SEEDS\[0\]\.private_key/],
    [JSON.stringify([{ key_id: 'a', private_key: 'ff'.repeat(32) }]), /^KMS_SEEDS\[0\]\.private_key/]
  ]
  for (const [text, message] of wrong) t.throws(() => seedsFromJson(text), { message })
  t.end()
})

void t.test('the operations that can be denied are the operations there are', (t) => {
  t.strictSame([...operations.keys()].sort(), [...operationNames])
  t.equal(defaultSeeds[0]?.keyId, 'test-key-id')
  t.end()
})
