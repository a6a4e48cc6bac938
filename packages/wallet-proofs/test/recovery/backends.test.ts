import { randomBytes } from 'node:crypto'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import t from 'tap'
import { loadNative } from '../../src/recovery/native.ts'
import { loadNoble } from '../../src/recovery/noble.ts'
import type { RecoverPublicKey } from '../../src/recovery/recover-public-key.ts'

const { Point, Signature } = secp256k1
const { n } = Point.CURVE()
const Fn = Point.Fn
const bytes = (value: bigint): Uint8Array => Fn.toBytes(Fn.create(value))
const toBigInt = (value: Uint8Array): bigint => BigInt(`0x${bytesToHex(value)}`)
const hexOf = (key: Uint8Array | null): string | null => key && bytesToHex(key)

/** A machine without a binary for its platform has one back end to conform, and says so through secp256k1Backend. */
const native = loadNative()
const noble = await loadNoble()
const backends: ReadonlyArray<readonly [string, RecoverPublicKey]> = [...(native === null ? [] : [['native', native] as const]), ['noble', noble]]

for (const [name, recover] of backends) {
  t.test(`${name} recovers the key that signed`, async (t) => {
    for (let round = 0; round < 30; round += 1) {
      const secretKey = secp256k1.utils.randomSecretKey()
      const digest = round === 0 ? new Uint8Array(32) : round === 1 ? new Uint8Array(32).fill(255) : randomBytes(32)
      const signature = Signature.fromBytes(secp256k1.sign(digest, secretKey, { prehash: false, format: 'recovered' }), 'recovered')

      const key = recover(signature.toBytes('compact'), signature.recovery === 1 ? 1 : 0, digest)

      t.equal(hexOf(key), bytesToHex(secp256k1.getPublicKey(secretKey, false)))
    }
  })

  t.test(`${name} answers null where r is the abscissa of no point`, async (t) => {
    let r = 1n
    while (isAbscissa(r)) r += 1n
    t.equal(recover(new Uint8Array([...bytes(r), ...bytes(1n)]), 0, new Uint8Array(32)), null)
    t.equal(recover(new Uint8Array([...bytes(r), ...bytes(1n)]), 1, new Uint8Array(32).fill(1)), null)
  })

  t.test(`${name} answers null where the key would be the point at infinity`, async (t) => {
    // Q = (sR - eG) / r with R = kG and s = e/k.
    const k = 7n
    const digest = randomBytes(32)
    const nonce = Point.BASE.multiply(k)
    const signature = new Uint8Array([...bytes(nonce.toAffine().x), ...bytes(Fn.mul(Fn.create(toBigInt(digest)), Fn.inv(k)))])
    t.equal(recover(signature, nonce.toAffine().y % 2n === 0n ? 0 : 1, digest), null)
  })

  t.test(`${name} answers at the edges of the scalar range`, async (t) => {
    for (const r of [1n, 2n, n - 1n]) {
      for (const s of [1n, n / 2n]) {
        const key = recover(new Uint8Array([...bytes(r), ...bytes(s)]), 0, new Uint8Array(32).fill(3))
        t.equal(key === null, !isAbscissa(r))
        if (key !== null) t.equal(key.length, 65)
      }
    }
  })

  t.test(`${name} never throws, whatever it is given`, async (t) => {
    for (const length of [0, 63, 65]) t.equal(recover(new Uint8Array(length), 0, new Uint8Array(32)), null)
    t.equal(recover(new Uint8Array(64), 0, new Uint8Array(32)), null)
    t.equal(recover(new Uint8Array(64).fill(255), 0, new Uint8Array(32)), null)
  })
}

t.test('the back ends give one answer to everything', async (t) => {
  const word = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((it) => toBigInt(it) > 0n && toBigInt(it) < n)
  const digest = fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.constantFrom(new Uint8Array(32), new Uint8Array(32).fill(255)))
  fc.assert(fc.property(word, word, fc.constantFrom(0 as const, 1 as const), digest, (r, s, recovery, hash) => {
    const answers = backends.map(([, recover]) => hexOf(recover(new Uint8Array([...r, ...s]), recovery, hash)))
    return new Set(answers).size === 1
  }), { numRuns: 300 })
  t.pass()
})

const entry = new URL('../../src/index.js', import.meta.url).href
const runNode = async (script: string, env: Record<string, string> = {}): Promise<string> => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env: { PATH: process.env.PATH, ...env } })
  return stdout + stderr
}
const report = `const { secp256k1Backend } = await import('${entry}'); process.stdout.write(secp256k1Backend())`

t.test('the addon is used where it loads, and noble where it does not, without a word', async (t) => {
  t.equal(await runNode(report), native === null ? 'noble' : 'native')
  // The loader of the addon looks for a binary of this architecture: there is none.
  t.equal(await runNode(report, { npm_config_arch: 'none' }), 'noble')
})

t.test('importing the package loads no addon and no elliptic, and prints nothing', async (t) => {
  const script = `
    import { createRequire } from 'node:module'
    const { parseSiweMessage, secp256k1Backend, verifyEvmMessage } = await import('${entry}')
    const { cache } = createRequire('${entry}')
    const loaded = (name) => Object.keys(cache).filter((path) => path.includes(name)).length
    const before = loaded('secp256k1')
    secp256k1Backend()
    await verifyEvmMessage({ message: 'a', signature: '0x' + '11'.repeat(64) + '1b', address: '0x' + '00'.repeat(20) })
    process.stdout.write(JSON.stringify({ before, after: loaded('secp256k1') > 0, elliptic: loaded('elliptic') }))`
  t.strictSame(JSON.parse(await runNode(script)), { before: 0, after: true, elliptic: 0 })
})

function isAbscissa (x: bigint): boolean {
  try {
    Point.fromHex(`02${x.toString(16).padStart(64, '0')}`)
    return true
  } catch {
    return false
  }
}
