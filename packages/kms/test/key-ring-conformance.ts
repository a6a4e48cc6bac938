/** What every key ring must do, whoever keeps the key. */

import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Test } from 'tap'
import type { DigestSignature, OpenKeyRing } from '../src/index.ts'

export interface Conforming {
  ring: OpenKeyRing
  keyId: string
  /** When the test chose the private key. */
  address?: string
}

const { n } = secp256k1.Point.CURVE()
const spkiPrefix = Buffer.from('3056301006072a8648ce3d020106052b8104000a034200', 'hex')

function compact ({ r, s }: DigestSignature): Buffer {
  return Buffer.from([r, s].map((value) => value.toString(16).padStart(64, '0')).join(''), 'hex')
}

export async function keyRingConformance (t: Test, open: (t: Test) => Promise<Conforming>): Promise<void> {
  const { ring, keyId, address } = await open(t)
  t.after(() => { ring.close() })
  const recoversTo = async ({ r, s, yParity }: DigestSignature, digest: Uint8Array): Promise<boolean> => {
    const recovered = new secp256k1.Signature(r, s).addRecoveryBit(yParity).recoverPublicKey(digest).toBytes(false)
    return Buffer.compare(recovered, await ring.publicKey(keyId)) === 0
  }

  await t.test('a check before the first use asks nothing and passes', async (t) => {
    await t.resolves(ring.check())
  })

  await t.test('the address is the checksummed one of the public key', async (t) => {
    t.match(await ring.address(keyId), /^0x[0-9a-fA-F]{40}$/)
    if (address !== undefined) t.equal(await ring.address(keyId), address)
  })

  await t.test('the public key is an uncompressed point, and what a caller does to it stays with the caller', async (t) => {
    const first = await ring.publicKey(keyId)
    t.equal(first.length, 65)
    t.equal(first[0], 4)
    t.ok(secp256k1.utils.isValidPublicKey(first, false))
    first.fill(0)
    t.equal((await ring.publicKey(keyId))[0], 4)
  })

  await t.test('200 signatures of random digests have a low s, recover the key and are right for OpenSSL', async (t) => {
    const spki = Buffer.concat([spkiPrefix, await ring.publicKey(keyId)])
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    const faults: string[] = []
    const parities = new Set<number>()
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(Array.from({ length: 10 }, async () => {
        const message = randomBytes(64)
        const digest = createHash('sha256').update(message).digest()
        const signature = await ring.signDigest(keyId, digest)
        parities.add(signature.yParity)
        if (signature.s > n / 2n) faults.push('high s')
        if (!await recoversTo(signature, digest)) faults.push('another key')
        if (!verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, compact(signature))) faults.push('OpenSSL disagrees')
      }))
    }
    t.strictSame(faults, [])
    t.strictSame([...parities].sort(), [0, 1], 'both parities occur')
  })

  await t.test('digests at the edges are signed: zero, one, the order and all ones', async (t) => {
    for (const value of [0n, 1n, n, n + 1n, 2n ** 256n - 1n]) {
      const digest = Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
      t.ok(await recoversTo(await ring.signDigest(keyId, digest), digest), `digest ${value}`)
    }
  })

  await t.test('a digest that is not exactly 32 bytes is refused before anything is asked', async (t) => {
    for (const digest of [new Uint8Array(), randomBytes(31), randomBytes(33), randomBytes(64)]) {
      await t.rejects(ring.signDigest(keyId, digest), { name: 'TypeError', message: 'a digest is exactly 32 bytes' })
    }
    await t.rejects(ring.signDigest(keyId, 'ab'.repeat(16) as unknown as Uint8Array), { name: 'TypeError' })
  })

  await t.test('a digest that the caller overwrites meanwhile is signed as it was given', async (t) => {
    const digest = randomBytes(32)
    const given = Uint8Array.from(digest)
    const signing = ring.signDigest(keyId, digest)
    digest.fill(0)
    t.ok(await recoversTo(await signing, given))
  })

  await t.test('an id that it does not keep is not found, and later neither', async (t) => {
    const notFound = { name: 'KmsFault', code: 'not_found', retryable: false }
    for (let i = 0; i < 2; i++) {
      await t.rejects(ring.address('00000000-0000-4000-8000-000000000000'), notFound)
      await t.rejects(ring.publicKey('00000000-0000-4000-8000-000000000000'), notFound)
      await t.rejects(ring.signDigest('00000000-0000-4000-8000-000000000000', randomBytes(32)), notFound)
      await t.rejects(ring.check('00000000-0000-4000-8000-000000000000'), notFound)
    }
  })

  await t.test('a check of the key passes, named or not', async (t) => {
    await t.resolves(ring.check(keyId))
    await t.resolves(ring.check())
  })
}
