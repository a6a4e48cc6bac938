import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { addressOf, publicKeyFromSpki } from '../src/public-key.ts'
import { knownKey } from './open-rings.ts'

const spkiOf = (namedCurve: string): Buffer => generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'der', type: 'spki' })

void t.test('the address of a private key is the one the world knows', (t) => {
  const known: [string, string][] = [
    [knownKey.privateKey.slice(2), knownKey.address],
    ['59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d', '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'],
    ['0000000000000000000000000000000000000000000000000000000000000001', '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'],
    ['0000000000000000000000000000000000000000000000000000000000000002', '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF']
  ]
  for (const [privateKey, address] of known) t.equal(addressOf(secp256k1.getPublicKey(Buffer.from(privateKey, 'hex'), false)), address)
  t.end()
})

void t.test('an SPKI written by OpenSSL is read', (t) => {
  const spki = spkiOf('secp256k1')
  t.strictSame(Buffer.from(publicKeyFromSpki(spki)), spki.subarray(-65))
  t.end()
})

void t.test('another curve, another length, another prefix and a point off the curve are refused', (t) => {
  const spki = spkiOf('secp256k1')
  const changed = (index: number, byte: number): Buffer => {
    const copy = Buffer.from(spki)
    copy[index] = byte
    return copy
  }
  const refused: [string, Uint8Array][] = [
    ['P-256', spkiOf('prime256v1')],
    ['P-384', spkiOf('secp384r1')],
    ['empty', Buffer.alloc(0)],
    ['without the last byte', spki.subarray(0, -1)],
    ['with a byte more', Buffer.concat([spki, Buffer.of(0)])],
    ['the bare point', spki.subarray(-65)],
    ['unused bits', changed(22, 1)],
    ['a compressed tag', changed(23, 2)],
    ['off the curve', changed(87, (spki[87] ?? 0) ^ 1)]
  ]
  for (let index = 0; index < 23; index++) refused.push([`prefix byte ${index}`, changed(index, (spki[index] ?? 0) ^ 1)])
  for (const [title, bytes] of refused) t.throws(() => publicKeyFromSpki(bytes), { name: 'PublicKeyRefused' }, title)
  t.end()
})
