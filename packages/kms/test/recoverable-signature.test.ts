import { randomBytes } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import t from 'tap'
import { toRecoverableSignature } from '../src/recoverable-signature.ts'

const { n } = secp256k1.Point.CURVE()
const secret = secp256k1.utils.randomSecretKey()
const publicKey = secp256k1.getPublicKey(secret, false)

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

void t.test('a signature of another digest, by another key, or at no point of the curve is refused', (t) => {
  const digest = randomBytes(32)
  const { r, s } = secp256k1.Signature.fromBytes(secp256k1.sign(digest, secret, { prehash: false }), 'compact')
  const refused = { name: 'SignatureRefused' }
  t.throws(() => toRecoverableSignature({ r, s }, randomBytes(32), publicKey), refused)
  t.throws(() => toRecoverableSignature({ r, s }, digest, secp256k1.getPublicKey(secp256k1.utils.randomSecretKey(), false)), refused)
  t.throws(() => toRecoverableSignature({ r, s: s === 1n ? 2n : s - 1n }, digest, publicKey), refused)
  t.throws(() => toRecoverableSignature({ r: 5n, s }, digest, publicKey), refused, '5 is the x of no point')
  t.end()
})
