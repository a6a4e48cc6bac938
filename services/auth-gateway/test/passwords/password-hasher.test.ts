import { performance } from 'node:perf_hooks'
import { randomBytes } from 'node:crypto'
import { problems, type Problem } from '@countersign/contracts'
import { hash as bcryptHash } from '@node-rs/bcrypt'
import { hash as argon2Hash } from '@node-rs/argon2'
import fc from 'fast-check'
import t from 'tap'
import { createPasswordHasher } from '../../src/passwords/password-hasher.ts'
import { normalisePassword } from '../../src/passwords/password-text.ts'

const hasher = createPasswordHasher({ queueLimit: 1_000 })
const wrong = { ok: false, rehash: false }
const current = { ok: true, rehash: false }
const outdated = { ok: true, rehash: true }

t.test('a hash is argon2id of 19 MiB, two passes and one lane, salted, and verifies the same password alone', async (t) => {
  const stored = await hasher.hash('Test@1234')

  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(await hasher.hash('Test@1234'), stored)
  t.strictSame(await hasher.verify('Test@1234', stored), current)
  for (const other of ['test@1234', 'Test@123', 'Test@1234 ', '']) t.strictSame(await hasher.verify(other, stored), wrong, other)
})

t.test('any password verifies in every normal form of Unicode, whole, and no other password does', async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', minLength: 8, maxLength: 128 }), fc.nat(), async (password, at) => {
    const stored = await hasher.hash(password)
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) {
      if (!(await hasher.verify(password.normalize(form), stored)).ok) return false
    }
    const characters = [...normalisePassword(password)]
    characters.splice(at % characters.length, 1)
    const shorter = characters.join('')
    return normalisePassword(shorter) === normalisePassword(password) || !(await hasher.verify(shorter, stored)).ok
  }), { numRuns: 15 })
})

t.test('a password of 128 characters counts to its last', async (t) => {
  const long = '𝄞é'.repeat(64)
  const stored = await hasher.hash(long)

  t.strictSame(await hasher.verify(long, stored), current)
  t.strictSame(await hasher.verify(`${long.slice(0, -1)}e`, stored), wrong)
  t.strictSame(await hasher.verify(long.repeat(100), stored), wrong)
})

t.test('hashes of earlier systems verify and ask to be replaced', async (t) => {
  // Openwall crypt_blowfish, its published vectors; the last was cut at 72 bytes by whoever made it.
  const long = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  const published: readonly (readonly [string, string])[] = [
    ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['U*U*U', '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a'],
    [long, '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'],
    [`${long}chars after 72 are ignored`, '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'],
    // phc-winner-argon2, test.c
    ['password', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc']
  ]
  for (const [password, stored] of published) {
    t.strictSame(await hasher.verify(password, stored), outdated, stored)
    t.strictSame(await hasher.verify(password.slice(1), stored), wrong)
    const replaced = await hasher.hash(password)
    t.strictSame(await hasher.verify(password, replaced), current)
    if (password.length > 72) t.strictSame(await hasher.verify(long, replaced), wrong, 'what was cut counts from now on')
  }

  const stored = await bcryptHash('Test@1234', 12)
  for (const version of ['$2a', '$2b', '$2y']) t.strictSame(await hasher.verify('Test@1234', stored.replace('$2b', version)), outdated, version)
  t.strictSame(await hasher.verify('test@1234', stored), wrong)
})

t.test('what an earlier system hashed as typed is found, in either spelling', async (t) => {
  const [composed, apart] = ['crème brûlée'.normalize('NFC'), 'crème brûlée'.normalize('NFD')]
  const asTyped = await argon2Hash(apart, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })

  t.strictSame(await hasher.verify(apart, asTyped), outdated)
  t.strictSame(await hasher.verify(composed, asTyped), wrong, 'nobody can tell how it was typed')
  t.strictSame(await hasher.verify(apart, await bcryptHash(composed, 4)), outdated)
})

t.test('other parameters ask to be replaced; what would cost too much, or was cut too short, is no match', async (t) => {
  const base = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
  for (const other of [{ memoryCost: 8_192 }, { timeCost: 3 }, { parallelism: 4 }, { outputLen: 16 }, { salt: randomBytes(8) }]) {
    t.strictSame(await hasher.verify('Test@1234', await argon2Hash('Test@1234', { ...base, ...other })), outdated, JSON.stringify(other))
  }
  const small = { memoryCost: 64, timeCost: 1, parallelism: 1 }
  t.strictSame(await hasher.verify('Test@1234', await argon2Hash('Test@1234', { ...small, parallelism: 5 })), wrong)
  t.strictSame(await hasher.verify('Test@1234', await argon2Hash('Test@1234', { ...small, timeCost: 11 })), wrong)
  t.strictSame(await hasher.verify('Test@1234', await argon2Hash('Test@1234', { ...small, outputLen: 12 })), wrong)
  t.strictSame(await hasher.verify('Test@1234', await argon2Hash('Test@1234', { ...small, algorithm: 1 })), wrong, 'argon2i')

  const tail = `c29tZXNhbHQ$${'A'.repeat(43)}`
  for (const dear of ['m=262145,t=1,p=1', 'm=999999999,t=1,p=1', 'm=19456,t=99,p=1', 'm=0,t=0,p=0', 'm=19456,t=2,p=1,data=QUFB', 't=2,m=19456,p=1']) {
    t.strictSame(await hasher.verify('Test@1234', `$argon2id$v=19$${dear}$${tail}`), wrong, dear)
  }
  for (const cost of ['03', '15', '31']) t.strictSame(await hasher.verify('Test@1234', `$2b$${cost}$${'.'.repeat(53)}`), wrong, cost)
})

t.test('no stored text makes a check throw or succeed', async () => {
  const piece = fc.oneof(fc.constantFrom('$argon2id', '$v=19', '$m=64,t=1,p=1', '$m=19456,t=2,p=1', ',keyid=YWJj', '$c29tZXNhbHQ', '$2b$04', '$', '', 'A'.repeat(43), '.'.repeat(53)), fc.string())
  await fc.assert(fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
    const { ok, rehash } = await hasher.verify('Test@1234', pieces.join(''))
    return !ok && !rehash
  }), { numRuns: 60 })
})

t.test('an unknown user, an unreadable hash and a wrong password cost the same', async (t) => {
  const known = await hasher.hash('Test@1234')
  const cases = { known, unknown: undefined, unreadable: 'x', dear: `$2b$31$${'.'.repeat(53)}` }
  const alone = createPasswordHasher({ maxInFlight: 1 })
  const times: Record<string, number[]> = {}
  // In turns, so that whatever else the machine does falls on all alike.
  for (let round = 0; round < 15; round += 1) {
    for (const [name, stored] of Object.entries(cases)) {
      const from = performance.now()
      t.strictSame(await alone.verify('a wrong password', stored), wrong)
      ;(times[name] ??= []).push(performance.now() - from)
    }
  }
  const median = (name: string): number => times[name]?.sort((a, b) => a - b)[7] ?? 0

  for (const name of Object.keys(cases)) {
    const ratio = median(name) / median('known')
    t.ok(ratio > 1 / 3 && ratio < 3, `${name} takes ${ratio.toFixed(2)} of a known user's time; without the work it would be under 0.01`)
  }
})

t.test('under a flood those who come too late are refused at once and the others served, whatever they ask for', async (t) => {
  const narrow = createPasswordHasher({ maxInFlight: 1, queueLimit: 3 })
  const bcrypt = await bcryptHash('Test@1234', 4)
  const asked = [
    () => narrow.hash('Test@1234'), () => narrow.verify('Test@1234', undefined), () => narrow.verify('Test@1234', bcrypt), () => narrow.verify('Test@1234', 'x'),
    () => narrow.hash('Test@1234'), () => narrow.verify('Test@1234', undefined), () => narrow.verify('Test@1234', bcrypt)
  ]
  const settled = await Promise.allSettled(asked.map((ask) => ask()))

  t.strictSame(settled.map(({ status }) => status), ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'])
  for (const outcome of settled) {
    if (outcome.status === 'fulfilled') continue
    const reason = outcome.reason as Problem
    t.equal(reason.kind, problems.unavailable)
    t.equal(reason.extensions.retry_after, 1)
  }
  t.strictSame(await narrow.verify('Test@1234', bcrypt), outdated, 'and after the flood it is open again')
})

t.test('while passwords wait for their hash, verdicts are given together; with nobody waiting, at once', async (t) => {
  let open: () => void = () => undefined
  let asked = 0
  const groups = new Promise<void>((resolve) => { open = resolve })
  const grouped = createPasswordHasher({ maxInFlight: 1, nextGroup: () => { asked += 1; return groups } })
  const given: string[] = []

  const all = ['first', 'second', 'third', 'fourth'].map((name) => grouped.verify('Test@1234', undefined).then(() => given.push(name)))
  await all[3]
  t.strictSame([given, asked], [['third', 'fourth'], 2], 'behind the third nobody waits any more')
  open()
  await Promise.all(all)
  t.strictSame(given, ['third', 'fourth', 'first', 'second'])
})

t.test('hashing leaves the event loop free', async (t) => {
  const { eventLoopUtilization } = performance
  const before = eventLoopUtilization()
  await Promise.all(Array.from({ length: 20 }, () => hasher.hash('Test@1234')))

  t.ok(eventLoopUtilization(before).utilization < 0.5)
})

t.test('a hash made with a pepper names it and is worthless without it; one made without verifies and asks to be replaced', async (t) => {
  const pepper = randomBytes(32)
  const peppered = createPasswordHasher({ pepper })
  const stored = await peppered.hash('Test@1234')

  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1,keyid=[A-Za-z0-9+/]{8}\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.strictSame(await peppered.verify('Test@1234', stored), current)
  t.strictSame(await peppered.verify('test@1234', stored), wrong)
  t.strictSame(await createPasswordHasher({ pepper }).verify('Test@1234', stored), current, 'another process')
  t.strictSame(await hasher.verify('Test@1234', stored), wrong)
  t.strictSame(await hasher.verify('Test@1234', stored.replace(/,keyid=[^$]+/, '')), wrong)
  t.strictSame(await createPasswordHasher({ pepper: randomBytes(32) }).verify('Test@1234', stored), wrong)
  t.strictSame(await peppered.verify('Test@1234', await hasher.hash('Test@1234')), outdated)
  t.strictSame(await peppered.verify('Test@1234', await bcryptHash('Test@1234', 4)), outdated)
  t.strictSame(await peppered.verify('Test@1234', undefined), wrong)
})
