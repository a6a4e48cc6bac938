/** What verifyEvmMessage owes its callers, whichever back end does the work. */

import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import type { Test } from 'tap'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { parseSiweMessage, secp256k1Backend, verifyEvmMessage, type EvmProof, type EvmRefusal, type EvmVerdict } from '../../src/index.ts'
import { evmRefusals } from '../../src/evm/refusals.ts'
import { renderSiweMessage } from '../siwe/render-siwe-message.ts'
import { notSigned, signed } from '../siwe/vectors.ts'

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const word = (value: bigint): string => value.toString(16).padStart(64, '0')
const refused = (reason: EvmRefusal): EvmVerdict => ({ valid: false, reason })

const account = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d')
const { address } = account
const message = 'localhost wants you to sign in with your Ethereum account: 1234'

/** Any value: a verdict of the right shape, valid or with a reason of the closed set. */
const keepsItsWord = async (proof: unknown): Promise<EvmVerdict> => {
  const verdict = await verifyEvmMessage(proof as EvmProof)
  const honest = verdict.valid ? verdict.reason === undefined : verdict.reason !== undefined && evmRefusals.includes(verdict.reason) && Object.keys(verdict).length === 2
  if (!honest) throw new Error('a verdict of no known shape')
  return verdict
}

export async function verificationSuite (t: Test, { backend, runs }: { backend: 'native' | 'noble', runs: number }): Promise<void> {
  const signature = await account.signMessage({ message })
  const [r, s, v] = [signature.slice(2, 66), signature.slice(66, 130), signature.slice(130)]
  const accepted: EvmVerdict = { valid: true, address, method: 'eoa' }

  t.test('this run is about the back end it says', async (t) => {
    t.equal(secp256k1Backend(), backend)
  })

  t.test('the signatures of the reference vectors are verified', async (t) => {
    for (const [title, fields, signature] of signed) {
      const text = renderSiweMessage(fields)
      t.ok(parseSiweMessage(text).ok, title)
      t.strictSame(await verifyEvmMessage({ message: text, signature, address: fields.address }), { valid: true, address: fields.address, method: 'eoa' }, title)
    }
    for (const [title, fields, signature] of notSigned) {
      t.match(await verifyEvmMessage({ message: renderSiweMessage(fields), signature, address: fields.address }), { valid: false, reason: String }, title)
    }
  })

  t.test('what viem signs is valid, whatever the text', async (t) => {
    const texts = ['', ' ', '\0', 'a'.repeat(65_536), 'é', '日本語', '👩‍👩‍👧', '\u2028', '\ufffd', '\ufeffa', 'a\r\nb', '\x19Ethereum Signed Message:\n1a', '0x1234', '9'.repeat(1_000)]
    for (const [index, text] of texts.entries()) {
      t.strictSame(await verifyEvmMessage({ message: text, signature: await account.signMessage({ message: text }), address }), accepted, `text ${index}`)
    }
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (text) => {
      const signer = privateKeyToAccount(generatePrivateKey())
      const verdict = await verifyEvmMessage({ message: text, signature: await signer.signMessage({ message: text }), address: signer.address })
      return verdict.valid && verdict.address === signer.address && verdict.method === 'eoa'
    }), { numRuns: Math.min(runs, 100) })
  })

  t.test('the address may come in one case or with its checksum, and is returned with it', async (t) => {
    const digits = address.slice(2)
    for (const form of [address, address.toLowerCase(), `0x${digits.toUpperCase()}`]) {
      t.strictSame(await verifyEvmMessage({ message, signature, address: form }), accepted, form)
    }
    const letter = digits.search(/[a-f]/)
    const wrongCase = `0x${digits.slice(0, letter)}${digits.charAt(letter).toUpperCase()}${digits.slice(letter + 1)}`
    t.strictSame(await verifyEvmMessage({ message, signature, address: wrongCase }), refused('address checksum is wrong'))
    for (const form of ['', '0x', digits, `0X${digits}`, `${address}0`, address.slice(0, -1), ` ${address}`, `${address}\n`, 'vitalik.eth', `0x${'g'.repeat(40)}`]) {
      t.strictSame(await verifyEvmMessage({ message, signature, address: form }), refused('address is not 20 bytes in 0x hex'))
    }
  })

  t.test('the signature may come in either case of hex, and no rpc is asked about a right one', async (t) => {
    t.strictSame(await verifyEvmMessage({ message, signature: `0x${signature.slice(2).toUpperCase()}`, address }), accepted)
    const rpc = { request: async () => { throw new Error('no call was expected') } }
    t.strictSame(await verifyEvmMessage({ message, signature, address, rpc }), accepted)
    t.strictSame(await verifyEvmMessage({ message: `${message} `, signature, address }), refused('signature is not by this address'))
  })

  t.test('of 256 recovery ids the right one counts, as 27 or 28 and as 0 or 1', async (t) => {
    const parity = Number.parseInt(v, 16) - 27
    for (let id = 0; id < 256; id += 1) {
      const verdict = await keepsItsWord({ message, signature: `0x${r}${s}${id.toString(16).padStart(2, '0')}`, address })
      const known = [0, 1, 27, 28].includes(id)
      if (id % 27 === parity && known) t.strictSame(verdict, accepted, `v ${id}`)
      else if (known) t.strictSame(verdict, refused('signature is not by this address'), `v ${id}`)
      else t.strictSame(verdict, refused('signature recovery id is not supported'), `v ${id}`)
    }
  })

  t.test('a signature of any other length is refused', async (t) => {
    const digits = signature.slice(2).repeat(80)
    let refusals = 0
    for (let length = 0; length <= 10_000; length += 1) {
      const verdict = await keepsItsWord({ message, signature: `0x${digits.slice(0, length)}`, address })
      if (length !== 130 && verdict.reason === 'signature is not 65 bytes in 0x hex') refusals += 1
    }
    t.equal(refusals, 10_000)
    t.strictSame(await verifyEvmMessage({ message, signature: `0x${r}${s}`, address }), refused('signature is not 65 bytes in 0x hex'), 'EIP-2098 in 64 bytes')
    for (const text of ['', '0x', signature.slice(2), `0X${signature.slice(2)}`, ` ${signature}`, `${signature} `, `${signature}\n`, `0x${'zz'.repeat(65)}`, `0x${'０'.repeat(130)}`, `0x-${signature.slice(3)}`]) {
      t.strictSame(await verifyEvmMessage({ message, signature: text, address }), refused('signature is not 65 bytes in 0x hex'))
    }
  })

  t.test('r and s count within 1 and n-1 only, and s in its lower half', async (t) => {
    const verdictOf = async (rText: string, sText: string, vText = v): Promise<EvmVerdict> => await keepsItsWord({ message, signature: `0x${rText}${sText}${vText}`, address })
    for (const outside of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n].map(word)) {
      t.strictSame(await verdictOf(outside, s), refused('signature value is out of range'))
      t.strictSame(await verdictOf(r, outside), refused('signature value is out of range'))
    }
    for (const inside of [1n, 2n, ORDER - 1n].map(word)) {
      t.match((await verdictOf(inside, s)).reason, /recovers no key|not by this address/)
    }
    t.strictSame(await verdictOf(r, word(1n)), refused('signature is not by this address'))
    t.strictSame(await verdictOf(r, word(ORDER / 2n)), refused('signature is not by this address'), 'the largest low s')
    for (const high of [ORDER / 2n + 1n, ORDER - 1n]) t.strictSame(await verdictOf(r, word(high)), refused('signature is not in low-s form'))

    const mirrored = word(ORDER - BigInt(`0x${s}`))
    for (const id of ['1b', '1c', '00', '01']) t.strictSame(await verdictOf(r, mirrored, id), refused('signature is not in low-s form'), 'the same proof spelt another way')
    t.strictSame(await verdictOf(word(5n), s), refused('signature recovers no key'), 'no point has this r')
  })

  t.test('one flipped bit of the signature, the address or the message and the proof fails', async (t) => {
    const flip = (hex: string, bit: number): string => {
      const bytes = Buffer.from(hex.slice(2), 'hex')
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return `0x${bytes.toString('hex')}`
    }
    let valid = 0
    const count = (verdict: EvmVerdict): void => { valid += verdict.valid ? 1 : 0 }
    for (let bit = 0; bit < 520; bit += 1) count(await keepsItsWord({ message, signature: flip(signature, bit), address }))
    for (let bit = 0; bit < 160; bit += 1) count(await keepsItsWord({ message, signature, address: flip(address, bit) }))
    for (let bit = 0; bit < message.length * 16; bit += 1) {
      const units = Array.from(message, (char) => char.charCodeAt(0))
      units[bit >> 4] = (units[bit >> 4] ?? 0) ^ (1 << (bit & 15))
      count(await keepsItsWord({ message: String.fromCharCode(...units), signature, address }))
    }
    t.equal(valid, 0)

    await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 50 }), fc.nat(), async (text, seed) => {
      const own = await account.signMessage({ message: text })
      const whole = await keepsItsWord({ message: text, signature: own, address })
      const bent = [
        { message: text, signature: flip(own, seed % 520), address },
        { message: text, signature: own, address: flip(address, seed % 160) },
        { message: `${text}${String.fromCharCode(seed % 128)}`, signature: own, address }
      ]
      return whole.valid && (await Promise.all(bent.map(keepsItsWord))).every((verdict) => !verdict.valid)
    }), { numRuns: Math.min(runs, 100) })
  })

  t.test('a text that UTF-8 cannot carry is refused, not signed in as its replacement', async (t) => {
    const replaced = await account.signMessage({ message: 'a\ufffdb' })
    t.strictSame(await verifyEvmMessage({ message: 'a\ufffdb', signature: replaced, address }), accepted)
    for (const text of ['a\ud800b', 'a\udc00b', '\ud800', '\udc00\ud800']) {
      t.strictSame(await verifyEvmMessage({ message: text, signature: replaced, address }), refused('message is not well-formed text'))
    }
  })

  t.test('no JavaScript value makes it throw', async (t) => {
    const trap = new Proxy({}, { get () { throw new Error('trap') } })
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const value of [undefined, null, trap, revoked, { get message () { throw new Error('getter') } }]) {
      t.strictSame(await verifyEvmMessage(value as unknown as EvmProof), refused('input is not readable'))
    }
    const values = [undefined, null, 0, NaN, 1n, true, Symbol('a'), () => signature, [signature], new String(signature), Buffer.from(signature), new Uint8Array(65), { length: 132 }, trap, revoked, new Date(NaN)]
    for (const value of values) {
      t.equal((await keepsItsWord(value)).valid, false)
      t.strictSame(await verifyEvmMessage({ message: value, signature, address } as unknown as EvmProof), refused('message is not well-formed text'))
      t.strictSame(await verifyEvmMessage({ message, signature: value, address } as unknown as EvmProof), refused('signature is not 65 bytes in 0x hex'))
      t.strictSame(await verifyEvmMessage({ message, signature, address: value } as unknown as EvmProof), refused('address is not 20 bytes in 0x hex'))
      t.strictSame(await verifyEvmMessage({ message, signature, address, rpc: value } as unknown as EvmProof), accepted)
    }
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withTypedArray: true })
    const hex = (size: number) => fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`)
    const proof = fc.record({ message: fc.oneof(fc.string({ unit: 'binary' }), anything), signature: fc.oneof(hex(65), anything), address: fc.oneof(hex(20), anything) }, { requiredKeys: [] })
    await fc.assert(fc.asyncProperty(fc.oneof(anything, proof), async (value) => !(await keepsItsWord(value)).valid), { numRuns: runs * 5 })
  })

  t.test('no size of input takes it long', async (t) => {
    const huge = 'a'.repeat(100_000_000)
    const started = performance.now()
    t.strictSame(await verifyEvmMessage({ message: huge, signature, address }), refused('message is too long'))
    t.strictSame(await verifyEvmMessage({ message: '\u{1f600}'.repeat(32_768), signature, address }), refused('signature is not by this address'))
    t.strictSame(await verifyEvmMessage({ message, signature: `0x${huge}`, address }), refused('signature is not 65 bytes in 0x hex'))
    t.strictSame(await verifyEvmMessage({ message, signature, address: `0x${huge}` }), refused('address is not 20 bytes in 0x hex'))
    t.ok(performance.now() - started < 2_000)
  })

  t.test('many at once do not meet', async (t) => {
    const verdicts = await Promise.all(Array.from({ length: Math.min(runs, 200) }, async (_, index) =>
      await verifyEvmMessage({ message: index % 2 === 0 ? message : `${message}${index}`, signature, address })))
    t.ok(verdicts.every((verdict, index) => verdict.valid === (index % 2 === 0)))
  })

  t.test('the README names every reason', async (t) => {
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
    for (const reason of evmRefusals) t.ok(readme.includes(`\`${reason}\``), reason)
  })
}
