import { randomBytes } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import t from 'tap'
import { nativeRecover } from '@countersign/wallet-proofs'
import { toRecoverableSignature as recoverable, verifyingKey } from '../src/recoverable-signature.ts'

/** By either of the two ways, which must agree. */
function toRecoverableSignature (...given: [{ r: bigint, s: bigint }, Uint8Array, ReturnType<typeof verifyingKey>]): ReturnType<typeof recoverable> {
  const answers = [nativeRecover(), null].map((recover) => {
    try {
      return { answer: recoverable(...given, recover) }
    } catch (error) {
      return { error }
    }
  })
  t.strictSame(answers[0]?.answer, answers[1]?.answer)
  if (answers[0]?.answer === undefined) throw answers[0]?.error ?? new Error('no answer')
  return answers[0].answer
}

const { n } = secp256k1.Point.CURVE()
const secret = secp256k1.utils.randomSecretKey()
const publicKey = verifyingKey(secp256k1.getPublicKey(secret, false))

void t.test('s and n - s become the same signature, the parity that of the signer', (t) => {
  for (let i = 0; i < 50; i++) {
    const digest = randomBytes(32)
    const { r, s, recovery } = secp256k1.Signature.fromBytes(secp256k1.sign(digest, secret, { prehash: false, format: 'recovered' }), 'recovered')
    const expected = { r, s, yParity: recovery }
    t.strictSame(toRecoverableSignature({ r, s }, digest, publicKey), expected)
    t.strictSame(toRecoverableSignature({ r, s: n - s }, digest, publicKey), expected)
  }
  t.end()
})

void t.test('a digest of nothing is verified too, and the sum of both points may be the one at infinity', (t) => {
  const nothing = new Uint8Array(32)
  const { r, s, recovery } = secp256k1.Signature.fromBytes(secp256k1.sign(nothing, secret, { prehash: false, format: 'recovered' }), 'recovered')
  t.strictSame(toRecoverableSignature({ r, s }, nothing, publicKey), { r, s, yParity: recovery })
  // z = -r·d: then z/s·G + r/s·Q is nowhere, whatever s is.
  const d = BigInt(`0x${Buffer.from(secret).toString('hex')}`)
  const infinite = Buffer.from((n - r * d % n).toString(16).padStart(64, '0'), 'hex')
  t.throws(() => toRecoverableSignature({ r, s }, infinite, publicKey), { name: 'SignatureRefused' })
  t.end()
})

void t.test('a signature of another digest, by another key, or at no point of the curve is refused', (t) => {
  const digest = randomBytes(32)
  const { r, s } = secp256k1.Signature.fromBytes(secp256k1.sign(digest, secret, { prehash: false }), 'compact')
  const refused = { name: 'SignatureRefused' }
  t.throws(() => toRecoverableSignature({ r, s }, randomBytes(32), publicKey), refused)
  t.throws(() => toRecoverableSignature({ r, s }, digest, verifyingKey(secp256k1.getPublicKey(secp256k1.utils.randomSecretKey(), false))), refused)
  t.throws(() => toRecoverableSignature({ r, s: s === 1n ? 2n : s - 1n }, digest, publicKey), refused)
  t.throws(() => toRecoverableSignature({ r: 5n, s }, digest, publicKey), refused, '5 is the x of no point')
  for (const value of [0n, n, n + 1n, -1n]) {
    t.throws(() => toRecoverableSignature({ r: value, s }, digest, publicKey), refused)
    t.throws(() => toRecoverableSignature({ r, s: value }, digest, publicKey), refused)
  }
  t.end()
})
