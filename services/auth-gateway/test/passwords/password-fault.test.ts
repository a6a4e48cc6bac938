import fc from 'fast-check'
import t from 'tap'
import { commonPasswords } from '../../src/passwords/common-passwords.ts'
import { passwordFault } from '../../src/passwords/password-fault.ts'

const owner = { email: 'alice.smith99@example.com', username: 'Wonderland' }
const short = 'must have at least 8 characters'
const long = 'must have at most 128 characters'
const guessable = 'is among those that are tried first'
const named = 'must not be your name or address'

t.test('a password of 8 to 128 characters of any kind is accepted', (t) => {
  for (const good of ['Test@1234', 'correct horse', 'ünïcödé!', '𝄞𝄢𝄪𝄫𝅘𝅥𝅮1a𝄞b𝄢', 'только-моё', '暗証番号はこれです', 'x7 Q'.repeat(4) + '!', 'tab\tand\nline', ' leading and trailing ']) {
    t.equal(passwordFault(good, owner), undefined, good)
  }
  t.equal(passwordFault('Test@1234', { email: 'test@example.com', username: 'testuser' }), undefined)
  t.equal(passwordFault('Test@1234', {}), undefined)
  t.end()
})

t.test('length is counted in characters, as typed and as hashed', (t) => {
  const mixed = (length: number): string => Array.from({ length }, (_, i) => String.fromCodePoint(0x1F300 + i)).join('')
  t.equal(passwordFault('abc 12!', owner), short)
  t.equal(passwordFault(mixed(7), owner), short, 'fourteen units of UTF-16')
  t.equal(passwordFault('áéíóú!'.normalize('NFD'), owner), short, 'eleven code points that compose six characters')
  t.equal(passwordFault('\uFDFA', owner), short, 'one ligature that stands for eighteen')
  t.equal(passwordFault(mixed(128), owner), undefined)
  t.equal(passwordFault(mixed(129), owner), long)
  t.equal(passwordFault('\uFDFA!'.repeat(64), owner), long)
  t.equal(passwordFault('half a pair \uD800', owner), 'must be text')
  t.end()
})

t.test('what is tried first is refused, in any case and width', (t) => {
  for (const bad of ['password', 'PassWord1', 'ｐａｓｓｗｏｒｄ', 'P@ssw0rd!', 'qwerty123', '1q2w3e4r', 'iloveyou', 'trustno1', 'Summer2025', 'welcome123', 'bitcoin1', '11111111', 'aaaaaaaaaaaa', 'abcabcabc', 'Hahahaha', 'go! go! go! ']) {
    t.equal(passwordFault(bad, owner), guessable, bad)
  }
  t.end()
})

t.test('the own name or address is refused, in any case and with digits behind', (t) => {
  for (const bad of ['alice.smith99@example.com', 'Alice.Smith99', 'alice.smith', 'ALICE.SMITH2024', 'wonderland', 'Wonderland123']) t.equal(passwordFault(bad, owner), named, bad)
  for (const good of ['wonderland-alice', 'alice smith and 3 rabbits']) t.equal(passwordFault(good, owner), undefined, good)
  t.equal(passwordFault('20301174', { email: '99887766@example.com' }), undefined, 'digits alone are no name')
  t.equal(passwordFault('20301174', { email: '20301174@example.com' }), named)
  t.end()
})

t.test('the list holds more than the 3000 that ASVS asks for: each once, sorted, as it is looked up', (t) => {
  const listed = commonPasswords.trim().split(/\s+/)
  t.ok(listed.length > 3_000)
  t.strictSame(listed, [...new Set(listed)].sort())
  t.strictSame(listed.filter((password) => password !== password.normalize('NFKC').toLowerCase() || [...password].length < 8), [])
  t.strictSame(listed.filter((password) => passwordFault(password, {}) !== guessable), [])
  t.notOk(listed.includes('test@1234'), 'the example of the earlier systems\' documents')
  t.end()
})

t.test('no password and no name make the check throw, and no fault repeats the password', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 160 })
  fc.assert(fc.property(text, fc.option(text, { nil: undefined }), fc.option(text, { nil: undefined }), (password, email, username) => {
    const fault = passwordFault(password, { email, username })
    return fault === undefined || [...password].length < 8 || !fault.includes(password)
  }))
  t.end()
})
