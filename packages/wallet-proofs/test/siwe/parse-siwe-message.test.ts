import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { createSiweMessage } from 'viem/siwe'
import { parseSiweMessage, type SiweMessage } from '../../src/index.ts'
import { siweRefusals } from '../../src/siwe/refusals.ts'
import { hostileValues } from '../input/hostile-values.ts'
import { renderSiweMessage } from './render-siwe-message.ts'
import { bareMessage, fullMessage, parses, refusals } from './vectors.ts'

const textOf = renderSiweMessage
const full = textOf(fullMessage)

/** A test title that TAP can carry: a raw line separator would cut its line in two. */
const shown = (text: string): string => Buffer.from(text.slice(0, 60)).toString('latin1').replace(/[^ -~]|#/g, '.')

const reasonFor = (text: unknown): string | null => {
  const result = parseSiweMessage(text as string)
  return result.ok ? null : result.reason
}

const parsesWith = (change: Partial<SiweMessage>): boolean => parseSiweMessage(textOf({ ...fullMessage, ...change })).ok

t.test('every message the reference vectors accept is read field by field', async (t) => {
  t.equal(parses.length, 20)
  for (const [title, message] of parses) t.strictSame(parseSiweMessage(textOf(message)), { ok: true, message }, shown(title))
})

t.test('every message the reference vectors refuse is refused for its own reason', async (t) => {
  t.equal(refusals.length, 29)
  for (const [title, edit, reason] of refusals) {
    const text = edit(full.split('\n')).join('\n')
    t.not(text, full, title)
    t.strictSame(parseSiweMessage(text), { ok: false, reason }, shown(title))
  }
})

t.test('the three examples of the EIP are read', async (t) => {
  const example = [
    'example.com wants you to sign in with your Ethereum account:',
    '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2',
    '',
    'I accept the ExampleOrg Terms of Service: https://example.com/tos',
    '',
    'URI: https://example.com/login',
    'Version: 1',
    'Chain ID: 1',
    'Nonce: 32891756',
    'Issued At: 2021-09-30T16:25:24Z',
    'Resources:',
    '- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/',
    '- https://example.com/my-web2-claim.json'
  ].join('\n')
  const message = {
    address: '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2',
    statement: 'I accept the ExampleOrg Terms of Service: https://example.com/tos',
    uri: 'https://example.com/login',
    version: '1',
    chainId: 1,
    nonce: '32891756',
    issuedAt: '2021-09-30T16:25:24Z',
    resources: ['ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/', 'https://example.com/my-web2-claim.json']
  }

  t.strictSame(parseSiweMessage(example), { ok: true, message: { domain: 'example.com', ...message } })
  t.strictSame(parseSiweMessage(example.replace('example.com', 'example.com:3388')), { ok: true, message: { domain: 'example.com:3388', ...message } })
  t.strictSame(parseSiweMessage(`https://${example}`), { ok: true, message: { scheme: 'https', domain: 'example.com', ...message } })
})

t.test('a message made by viem is read', async (t) => {
  const issuedAt = new Date('2030-01-01T00:00:00.000Z')
  const text = createSiweMessage({
    address: '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2', chainId: 31337, domain: 'localhost:3000', scheme: 'http',
    issuedAt, nonce: 'abcdefgh12345678', statement: 'Sign in.', uri: 'http://localhost:3000/', version: '1', requestId: 'r-1', resources: ['https://a.example/']
  })

  t.match(parseSiweMessage(text), { ok: true, message: { scheme: 'http', domain: 'localhost:3000', chainId: 31337, issuedAt: issuedAt.toISOString() } })
})

t.test('a statement is absent, empty or one line, and each form is told apart', async (t) => {
  for (const statement of [undefined, '', ' ', 'URI: https://evil.example/', 'Nonce: 00000000', 'a'.repeat(5_000)]) {
    const message = statement === undefined ? bareMessage : { ...bareMessage, statement }
    t.strictSame(parseSiweMessage(textOf(message)), { ok: true, message })
  }
  for (const statement of ['"', '%', '<', '\\', '^', '`', '{', '|', '}', '\t', '\0', '\x7f', 'é', '\u2028', '\u202e', '😀', '\ud800']) {
    t.equal(reasonFor(textOf({ ...fullMessage, statement: `a${statement}b` })), 'statement is not valid', shown(statement))
  }
  t.equal(reasonFor(textOf(bareMessage).replace('\n\n\n', '\n\n')), 'blank lines are missing')
  t.equal(reasonFor(textOf(bareMessage).replace('\n\n\n', '\n\n\n\n\n')), 'URI is missing or out of place')
})

t.test('a block of fields inside the statement, a second block and trailing lines are refused', async (t) => {
  const [, block = ''] = full.split(/\n\n(?=URI)/)
  const hostile = {
    'a block before the real one': full.replace('\n\nURI', `\n\n${block}\n\nURI`),
    'a block as the statement': full.replace(fullMessage.statement ?? '', block),
    'a second block': `${full}\n\n${block}`,
    'a second message': `${full}\n${full}`,
    'a line feed at the end': `${full}\n`,
    'a space at the end': `${full} `,
    'a byte order mark': `\ufeff${full}`,
    'a line feed first': `\n${full}`,
    'carriage returns': full.replaceAll('\n', '\r\n'),
    'one carriage return': full.replace('\nURI', '\r\nURI'),
    'line separators': full.replaceAll('\n', '\u2028'),
    'version 2': full.replace('Version: 1', 'Version: 2'),
    'version 01': full.replace('Version: 1', 'Version: 01'),
    'labels in lower case': full.replace('Nonce:', 'nonce:'),
    'two spaces after a label': full.replace('Nonce: ', 'Nonce:  '),
    'no space after a label': full.replace('Nonce: ', 'Nonce:')
  }
  for (const [title, text] of Object.entries(hostile)) t.ok(reasonFor(text), title)
})

t.test('each field twice is refused', async (t) => {
  const lines = full.split('\n')
  for (const index of lines.keys()) {
    // A resource may be listed twice; all else may not, and a doubled blank line moves what follows.
    if (lines[index]?.startsWith('- ')) continue
    t.ok(reasonFor(lines.toSpliced(index, 0, lines[index] ?? '').join('\n')), `line ${index}`)
    t.ok(reasonFor(lines.toSpliced(index, 0, '').join('\n')), `an empty line before line ${index}`)
  }
})

t.test('every line but an optional one is needed', async (t) => {
  const lines = full.split('\n')
  const optional = ['I accept', 'Expiration Time', 'Not Before', 'Request ID', '- ']
  for (const [index, line] of lines.entries()) {
    const without = lines.toSpliced(index, 1).join('\n')
    t.equal(reasonFor(without) === null, optional.some((label) => line.startsWith(label)), line)
  }
})

t.test('an address counts in EIP-55 form only', async (t) => {
  const address = fullMessage.address
  const digits = address.slice(2)
  for (const other of [address.toLowerCase(), `0x${digits.toUpperCase()}`, address.replace('E', 'e')]) {
    t.equal(reasonFor(textOf({ ...fullMessage, address: other })), 'address checksum is wrong', shown(other))
  }
  for (const other of ['', '0x', digits, `0X${digits}`, address.slice(0, -1), `${address}0`, ` ${address}`, `${address} `, `0x${'g'.repeat(40)}`]) {
    t.equal(reasonFor(textOf({ ...fullMessage, address: other })), 'address is not valid', shown(other))
  }
  t.ok(parsesWith({ address: `0x${'0'.repeat(40)}` }), 'digits have no case')
})

t.test('a date that the calendar does not have is refused, and what is accepted is never NaN', async (t) => {
  const refused = [
    'never', '', '2022-02-30T00:00:00Z', '2023-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2022-04-31T00:00:00Z', '2022-00-01T00:00:00Z', '2022-13-01T00:00:00Z', '2022-01-00T00:00:00Z',
    '2022-01-32T00:00:00Z', '2022-01-01T24:00:00Z', '2022-01-01T00:60:00Z', '2016-12-31T23:59:60Z', '2022-01-01T00:00:61Z', '10000-01-01T00:00:00Z', '+010000-01-01T00:00:00Z', '-2022-01-01T00:00:00Z',
    '2022-01-01T00:00:00', '2022-01-01', '2022-01-01 00:00:00Z', '2022-01-01T00:00Z', '2022-01-01T00:00:00.Z', '2022-01-01T00:00:00,5Z', '2022-01-01T00:00:00+24:00', '2022-01-01T00:00:00+00:60',
    '2022-01-01T00:00:00+0000', '2022-01-01T00:00:00+00', '2022-1-01T00:00:00Z', '22-01-01T00:00:00Z', '2022-01-01T00:00:00ZZ', ' 2022-01-01T00:00:00Z', '2022-01-01T00:00:00Z ', '٢٠٢٢-01-01T00:00:00Z',
    '2022-W01-1T00:00:00Z', '20220101T000000Z', '1640995200'
  ]
  for (const date of refused) {
    t.equal(reasonFor(textOf({ ...fullMessage, issuedAt: date })), 'Issued At is not valid', shown(date))
    t.equal(reasonFor(textOf({ ...fullMessage, expirationTime: date })), 'Expiration Time is not valid', shown(date))
    t.equal(reasonFor(textOf({ ...fullMessage, notBefore: date })), 'Not Before is not valid', shown(date))
  }
  for (const date of ['2024-02-29T23:59:59Z', '2000-02-29T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999+23:59', '2022-01-01t00:00:00z', '2022-01-01T00:00:00-00:00', `2022-01-01T00:00:00.${'1'.repeat(500)}Z`]) {
    t.ok(parsesWith({ issuedAt: date }), shown(date))
  }
  t.ok(parseSiweMessage(textOf({ ...bareMessage, expirationTime: '2022-01-01T00:00:00Z' })).ok, 'an expiry needs no not-before')

  const part = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, '0'))
  const date = fc.tuple(fc.integer({ min: 0, max: 9_999 }), part(14), part(33), part(25), part(61), part(61), fc.constantFrom('Z', '+01:00', '-23:59', '.25Z'))
  fc.assert(fc.property(date, ([year, month, day, hour, minute, second, zone]) => {
    const text = `${String(year).padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}${zone}`
    const wall = `${text.slice(0, 19)}.000Z`
    const parsed = new Date(wall)
    const real = !Number.isNaN(parsed.getTime()) && parsed.toISOString() === wall
    return parsesWith({ issuedAt: text }) === real && (!real || !Number.isNaN(Date.parse(text)))
  }), { numRuns: 5_000 })
})

t.test('a chain id is a positive safe integer in its shortest form', async (t) => {
  const withId = (id: string): string => full.replace('Chain ID: 1', `Chain ID: ${id}`)
  for (const id of ['1', '10', '31337', '9007199254740991']) t.match(parseSiweMessage(withId(id)), { ok: true, message: { chainId: Number(id) } })
  for (const id of ['', '0', '01', '-1', '+1', '1.0', '1e3', '0x1', '1n', ' 1', '1 ', '9007199254740992', '9007199254740993', '9'.repeat(400), '١']) {
    t.equal(reasonFor(withId(id)), 'Chain ID is not valid', shown(id))
  }
})

t.test('a nonce is eight or more letters and digits', async (t) => {
  for (const nonce of ['a1B2c3D4', 'a'.repeat(4_000)]) t.ok(parsesWith({ nonce }))
  for (const nonce of ['', '1234567', '1234567-', '1234 5678', '12345678é', '12345678\0']) t.equal(reasonFor(textOf({ ...fullMessage, nonce })), 'Nonce is not valid', shown(nonce))
})

t.test('a domain is an RFC 3986 authority that names a host', async (t) => {
  for (const domain of ['a', 'EXAMPLE.com', 'example.com.', 'xn--80ak6aa92e.com', 'a.b:1', 'a:', 'u:p@a:1', 'a%20b', '256.1.1.1', 'a_b', '[2001:db8::7]', '[::]', '[1:2:3:4:5:6:7:8]', '[::ffff:1.2.3.4]:80', 'u@[::1]:1', '[v7.a:b]']) {
    t.match(parseSiweMessage(textOf({ ...fullMessage, domain })), { ok: true, message: { domain } }, shown(domain))
  }
  for (const domain of ['', ':80', 'u@', 'u@:80', 'a b', ' a', 'a/b', 'a?b', 'a#b', 'a\\b', 'a:b', 'a:1:2', 'a@b@c', 'a%2', 'a%zz', 'аpple.com', '例え.jp', '[::1', '::1', '[]', '[1.2.3.4]', '[:::]', '[1::2::3]', '[1:2:3:4:5:6:7]', '[1:2:3:4:5:6:7::8]', '[12345::]', '[::1.2.3]', '[::01.2.3.4]', '[::1.2.3.256]', '[1.2.3.4::]', '[fe80::1%25eth0]', '[v.a]', '[v7.]', '[::1]a', 'https:a', '//a']) {
    t.equal(reasonFor(textOf({ ...fullMessage, domain })), 'domain is not valid', shown(domain))
  }
  for (const scheme of ['https', 'a+b-c.1']) t.match(parseSiweMessage(textOf({ ...fullMessage, scheme })), { ok: true, message: { scheme, domain: 'service.org' } })
  for (const scheme of ['', '1a', 'a b', 'é', 'a_b', 'a:b', 'u@a']) t.equal(reasonFor(textOf({ ...fullMessage, scheme })), 'scheme is not valid', shown(scheme))
})

t.test('the form of an IPv6 address is what the platform says it is', async (t) => {
  const group = fc.constantFrom('0', '1', 'ff', 'FFFF', 'g', '12345', '')
  const piece = fc.oneof({ weight: 8, arbitrary: group }, { weight: 1, arbitrary: fc.constantFrom('1.2.3.4', '1.2.3.400') })
  const literal = fc.array(piece, { minLength: 1, maxLength: 10 }).map((pieces) => pieces.join(':'))
  fc.assert(fc.property(literal, (text) => parsesWith({ domain: `[${text}]` }) === isIPv6(text)), { numRuns: 20_000 })
  t.pass()
})

t.test('a URI is absolute and has RFC 3986 characters only', async (t) => {
  for (const uri of ['https://a', 'did:key:z6Mk', 'urn:a', 'a:', 'file:///x', 'ipfs://Qm/', 'https://u:p@a:1/b;c=1/%20?d=/?#e/?', 'mailto:a@b', 'a:/b', 'HTTPS://[::1]']) {
    t.ok(parsesWith({ uri, resources: [uri] }), shown(uri))
  }
  for (const uri of ['', 'a', '/a', '//a', ':a', '1a:b', 'a b:c', 'https://a b', 'https://a/"', 'https://a/%', 'https://a/%2', 'https://a/[', 'https://a#b#c', 'https://[::g]', 'https://a:b', 'https://a@b@c', 'https://é', 'https://a/\t', 'https://a\\b', 'https://a/{}', 'https://a/|']) {
    t.equal(reasonFor(textOf({ ...fullMessage, uri })), 'URI is not valid', shown(uri))
    t.equal(reasonFor(textOf({ ...fullMessage, resources: [uri] })), 'a resource is not valid', shown(uri))
  }
})

t.test('a request id and a list of resources may be empty', async (t) => {
  for (const requestId of ['', 'some_id', 'a:@%20!$', '-']) t.match(parseSiweMessage(textOf({ ...fullMessage, requestId })), { ok: true, message: { requestId } })
  for (const requestId of ['a/b', 'a?b', 'a b', '%', 'é', '[']) t.equal(reasonFor(textOf({ ...fullMessage, requestId })), 'Request ID is not valid', shown(requestId))
  t.strictSame(parseSiweMessage(textOf({ ...bareMessage, resources: [] })), { ok: true, message: { ...bareMessage, resources: [] } })
  t.ok(reasonFor(`${textOf({ ...bareMessage, resources: [] })} `))
  t.ok(reasonFor(`${textOf({ ...bareMessage, resources: [] })}\n`))
  t.ok(reasonFor(full.replace('- https', '-https')))
  t.ok(reasonFor(full.replace('- https', '* https')))
})

t.test('10 KB is the most, in bytes, and size costs no time', async (t) => {
  const statementOf = (bytes: number): string => {
    const message = { ...bareMessage, statement: '' }
    return textOf({ ...message, statement: 'a'.repeat(bytes - textOf(message).length) })
  }
  t.equal(reasonFor(statementOf(10_240)), null)
  t.equal(reasonFor(statementOf(10_241)), 'message is longer than 10 KB')
  t.equal(reasonFor(statementOf(20_480)), 'message is longer than 10 KB')
  t.ok(reasonFor(textOf({ ...bareMessage, statement: 'é'.repeat(6_000) })), '12,000 bytes in 6,000 characters')

  const started = performance.now()
  for (const piece of ['\n', 'a', ':', '%', '%2', '%20', '@', '[', '::', '- ', '://', '0x', '\ud800']) {
    reasonFor(piece.repeat(20_000_000 / piece.length))
    const run = piece.repeat(9_000 / piece.length)
    for (const field of ['domain', 'uri', 'requestId', 'issuedAt', 'nonce', 'statement', 'scheme'] as const) reasonFor(textOf({ ...bareMessage, [field]: run }))
    reasonFor(textOf({ ...bareMessage, domain: `[${run}]` }))
    reasonFor(textOf({ ...bareMessage, resources: Array.from({ length: 2_000 }, () => 'a:') }))
  }
  t.ok(performance.now() - started < 2_000, 'no text takes the parser long')
})

const chars = (text: string) => fc.constantFrom(...text)
const upTo = (characters: fc.Arbitrary<string>, minLength: number, maxLength: number) => fc.string({ unit: characters, minLength, maxLength })
const pathCharacters = fc.oneof(chars('abcXYZ019-._~!$&\'()*+,;=:@'), fc.constantFrom('%20', '%eF'))
const host = fc.constantFrom('a', 'service.org', 'LOCALHOST', '127.0.0.1', '[::1]', '[2001:db8::1.2.3.4]', '[v1.x:y]', 'a%2eb')
const authority = fc.tuple(fc.constantFrom('', 'u@', 'u:p@'), host, fc.constantFrom('', ':', ':8080')).map((parts) => parts.join(''))
const scheme = fc.constantFrom('https', 'http', 'ipfs', 'a+b.c-d')
const uri = fc.tuple(scheme, fc.oneof(authority.map((it) => `//${it}`), fc.constant('')), fc.array(upTo(pathCharacters, 1, 5), { maxLength: 3 }), fc.constantFrom('', '?', '?a=/?', '#', '#b/?', '?a#b'))
  .map(([name, at, segments, tail]) => `${name}:${at}${segments.map((segment) => `/${segment}`).join('')}${tail}`)
const dateTime = fc.date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
  .chain((date) => fc.constantFrom('Z', 'z', '+05:30', '-00:00').map((zone) => date.toISOString().replace('Z', zone)))
const statement = upTo(chars('abc XYZ019-._~:/?#[]@!$&\'()*+,;='), 0, 40)
const address = fc.constantFrom(bareMessage.address, fullMessage.address, `0x${'0'.repeat(40)}`)

const siweMessage: fc.Arbitrary<SiweMessage> = fc.record({
  scheme, domain: authority, address, statement, uri,
  version: fc.constant('1'), chainId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  nonce: upTo(chars('abcXYZ019'), 8, 30), issuedAt: dateTime, expirationTime: dateTime, notBefore: dateTime,
  requestId: upTo(pathCharacters, 0, 10), resources: fc.array(uri, { maxLength: 4 })
}, { requiredKeys: ['domain', 'address', 'uri', 'version', 'chainId', 'nonce', 'issuedAt'] })

t.test('every message of the grammar is read back field by field', async (t) => {
  fc.assert(fc.property(siweMessage, (message) => {
    const result = parseSiweMessage(textOf(message))
    return result.ok && JSON.stringify(sorted(result.message)) === JSON.stringify(sorted(message))
  }), { numRuns: 3_000 })
  t.pass()
})

const sorted = (message: object) => Object.entries(message).sort(([a], [b]) => a < b ? -1 : 1)

/** Any value: a result of the right shape; what parsed has one text, the one given. */
const keepsItsWord = (value: unknown): boolean => {
  const result = parseSiweMessage(value as string)
  return result.ok ? textOf(result.message) === value : siweRefusals.includes(result.reason)
}

t.test('no JavaScript value makes the parser throw', async (t) => {
  const hostile = [undefined, null, 0, NaN, 1n, true, Symbol('a'), () => full, [full], { toString: () => full }, new String(full), new Proxy({}, { get () { throw new Error('trap') } }), Buffer.from(full), '', '\n'.repeat(20), full.slice(0, 60)]
  for (const value of [...hostile, ...hostileValues]) t.ok(reasonFor(value))
  t.ok(siweRefusals.every((reason) => reason.length > 0))
  fc.assert(fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withTypedArray: true }), keepsItsWord), { numRuns: 3_000 })
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), keepsItsWord), { numRuns: 3_000 })
})

t.test('whatever parses after mutation renders to the identical text', async (t) => {
  const fragment = fc.oneof(
    fc.constantFrom('\n', '\n\n', '\r\n', ' ', ':', '://', '- ', '@', '%', '[', ']', '0', 'Z', '\0', '\u2028', '\ud800', 'URI: a:', 'Version: 1', 'Nonce: 12345678', 'Resources:', 'Request ID: ', 'Chain ID: 1'),
    fc.string({ unit: 'binary', maxLength: 3 })
  )
  const mutation = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), remove: fc.nat(12), insert: fragment, byLine: fc.boolean() })
  let parsed = 0
  fc.assert(fc.property(siweMessage, fc.array(mutation, { minLength: 1, maxLength: 4 }), (message, mutations) => {
    let text = textOf(message)
    for (const { at, remove, insert, byLine } of mutations) {
      const units = byLine ? text.split('\n') : text.split('')
      units.splice(Math.floor(at * units.length), byLine ? remove % 2 : remove, insert)
      text = units.join(byLine ? '\n' : '')
    }
    if (parseSiweMessage(text).ok) parsed += 1
    return keepsItsWord(text)
  }), { numRuns: 20_000 })
  t.ok(parsed > 100, 'the mutations are small enough to leave some messages readable')
})

t.test('the README names every reason', async (t) => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  for (const reason of siweRefusals) t.ok(readme.includes(`\`${reason}\``), reason)
})
