import t from 'tap'
import { hkdfSha256 } from '../src/derive.ts'
import { deriveKey, keyFromText, randomToken } from '../src/index.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const range = (first: number, last: number) => Uint8Array.from({ length: last - first + 1 }, (_none, i) => first + i)

void t.test('derivation gives the vectors of RFC 5869, appendix A.1 to A.3', async (t) => {
  t.equal(hkdfSha256(Buffer.alloc(22, 0x0b), range(0x00, 0x0c), range(0xf0, 0xf9), 42).toString('hex'),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865')
  t.equal(hkdfSha256(range(0x00, 0x4f), range(0x60, 0xaf), range(0xb0, 0xff), 82).toString('hex'),
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87')
  t.equal(hkdfSha256('\u000b'.repeat(22), '', '', 42).toString('hex'),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8')
})

void t.test('each label has its own key, the same in every process', async (t) => {
  const secret = 'kJ3_vQz8Wm1-XyP0aLr7TbN5cUe9HdGf'

  t.strictSame(deriveKey(secret, 'otp/code/v1'), hkdfSha256(Buffer.from(secret), hex(''), Buffer.from('otp/code/v1'), 32))
  t.equal(deriveKey(secret, 'a').length, 32)
  t.equal(deriveKey(secret, 'a', 64).length, 64)
  t.notSame(deriveKey(secret, 'a'), deriveKey(secret, 'b'))
  t.notSame(deriveKey(secret, 'a'), deriveKey(`${secret}x`, 'a'))
})

void t.test('a short secret or an empty label is refused', async (t) => {
  t.throws(() => deriveKey('x'.repeat(31), 'a'), { message: 'a root secret needs at least 32 characters' })
  t.throws(() => deriveKey('x'.repeat(32), ''), { message: 'a derived key needs a label' })
})

void t.test('a key from the environment is exactly as long as it must be, in its one spelling', async (t) => {
  const text = randomToken(32)

  t.strictSame(keyFromText(text), Buffer.from(text, 'base64url'))
  t.equal(keyFromText(randomToken(16), 16).length, 16)
  for (const wrong of ['', text.slice(1), `${text}A`, `${text}=`, ` ${text}`, `${text.slice(0, -1)}_`, randomToken(31), Buffer.from(text, 'base64url').toString('hex'), '+'.repeat(43)]) {
    t.throws(() => keyFromText(wrong), { message: 'a key must be 32 bytes in base64url' })
  }
})
