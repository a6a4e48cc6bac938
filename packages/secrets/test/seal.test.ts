import { createDecipheriv, randomBytes } from 'node:crypto'
import t from 'tap'
import { open, seal, SealBroken } from '../src/index.ts'

const key = randomBytes(32)
const associated = 'mail-otp:dlv_1:2030-01-01T00:00:00Z'
const plaintext = '{"to":"a@b.test","code":"123456"}'

const broken = { name: 'SealBroken', message: 'the seal is broken', cause: undefined }

void t.test('what was sealed opens with the same key and the same place', async (t) => {
  t.equal(open({ key, sealed: seal({ key, plaintext, associated }), associated }).toString(), plaintext)
  const bytes = randomBytes(1000)
  t.strictSame(open({ key, sealed: seal({ key, plaintext: bytes, associated: 'ä' }), associated: 'ä' }), bytes)
  t.equal(open({ key, sealed: seal({ key, plaintext: '', associated: '' }), associated: '' }).length, 0)
})

void t.test('the format is version, nonce, AES-256-GCM ciphertext and tag, with version and place authenticated', async (t) => {
  const bytes = Buffer.from(seal({ key, plaintext, associated }), 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 13)).setAAD(Buffer.from(`\u0001${associated}`)).setAuthTag(bytes.subarray(-16))

  t.equal(bytes[0], 1)
  t.equal(bytes.length, 1 + 12 + plaintext.length + 16)
  t.equal(Buffer.concat([decipher.update(bytes.subarray(13, -16)), decipher.final()]).toString(), plaintext)
})

void t.test('no nonce is used twice', async (t) => {
  const nonces = Array.from({ length: 5000 }, () => Buffer.from(seal({ key, plaintext, associated }), 'base64url').subarray(1, 13).toString('hex'))
  t.equal(new Set(nonces).size, nonces.length)
})

void t.test('another key, another place and every flipped bit break the seal, without saying why', async (t) => {
  const sealed = seal({ key, plaintext, associated })

  t.throws(() => open({ key: randomBytes(32), sealed, associated }), broken)
  for (const other of ['', `${associated} `, associated.toUpperCase(), associated.replace('mail-otp', 'mail-gateway')]) t.throws(() => open({ key, sealed, associated: other }), broken)
  const bytes = Buffer.from(sealed, 'base64url')
  let opened = 0
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (opens(flipped.toString('base64url'))) opened++
  }
  t.equal(opened, 0)
})

void t.test('every prefix, every cut front and every other spelling breaks the seal', async (t) => {
  const sealed = seal({ key, plaintext, associated })
  const respelled = [`${sealed}=`, `${sealed}A`, ` ${sealed}`, `${sealed}\n`, `${sealed.slice(0, 9)}.${sealed.slice(9)}`, Buffer.from(sealed, 'base64url').toString('hex'), `A${sealed}`]
  const cuts = Array.from(sealed, (_character, i) => [sealed.slice(0, i), sealed.slice(i + 1)]).flat()

  t.strictSame([...respelled, ...cuts].filter(opens), [])
  t.ok(opens(sealed))
})

void t.test('a key of the wrong length is a mistake of the programmer', async (t) => {
  t.throws(() => seal({ key: randomBytes(16), plaintext, associated }), { message: 'a sealing key has 32 bytes' })
  t.throws(() => open({ key: randomBytes(31), sealed: '', associated }), { message: 'a sealing key has 32 bytes' })
})

function opens (sealed: string): boolean {
  try {
    open({ key, sealed, associated })
    return true
  } catch (error) {
    if (error instanceof SealBroken) return false
    throw error
  }
}
