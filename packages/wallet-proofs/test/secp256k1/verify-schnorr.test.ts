import { createHash, randomBytes } from 'node:crypto'
import { schnorr } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import t from 'tap'
import { nativeSchnorr, nobleSchnorr, verifySchnorrDigest, type VerifySchnorr } from '../../src/secp256k1/verify-schnorr.ts'
import { bytesOf, flipBit } from '../input/hostile-values.ts'

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const ORDER = 'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141'

/** https://github.com/bitcoin/bips/blob/master/bip-0340/test-vectors.csv, those with a message of 32 bytes: why, key, message, r, s. */
const DIGEST = '243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89'
const KEY = 'DFF1D77F2A671C5F36183726DB2341BE58FEAE1DA2DECED843240F7B502BA659'
const R = '6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E177769'
const S = '69E89B4C5564D00349106B8497785DD7D1D713A8AE82B32FA79D5F7FC407D39B'
const signed: ReadonlyArray<readonly [string, string, string, string, string]> = [
  ['0', 'F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9', '0000000000000000000000000000000000000000000000000000000000000000', 'E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA8215', '25F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0'],
  ['1', KEY, DIGEST, '6896BD60EEAE296DB48A229FF71DFE071BDE413E6D43F917DC8DCF8C78DE3341', '8906D11AC976ABCCB20B091292BFF4EA897EFCB639EA871CFA95F6DE339E4B0A'],
  ['2', 'DD308AFEC5777E13121FA72B9CC1B7CC0139715309B086C960E18FD969774EB8', '7E2D58D8B3BCDF1ABADEC7829054F90DDA9805AAB56C77333024B9D0A508B75C', '5831AAEED7B44BB74E5EAB94BA9D4294C49BCF2A60728D8B4C200F50DD313C1B', 'AB745879A5AD954A72C45A91C3A51D3C7ADEA98D82F8481E0E1E03674A6F3FB7'],
  ['3', '25D1DFF95105F5253C4022F628A996AD3A0D95FBF21D468A1B33F8C160D8F517', 'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF', '7EB0509757E246F19449885651611CB965ECC1A187DD51B64FDA1EDC9637D5EC', '97582B9CB13DB3933705B32BA982AF5AF25FD78881EBB32771FC5922EFC66EA3'],
  ['4', 'D69C3509BB99E412E68B0FE8544E72837DFA30746D8BE2AA65975F29D22DC7B9', '4DF3C3F68FCC83B27E9D42C90431A72499F17875C81A599B566C9889B9696703', '00000000000000000000003B78CE563F89A0ED9414F5AA28AD0D96D6795F9C63', '76AFB1548AF603B3EB45C9F8207DEE1060CB71C04E80F593060B07D28308D7F4']
]
const notSigned: ReadonlyArray<readonly [string, string, string, string, string]> = [
  ['the key is no x of a point', 'EEFDEA4CDB677750A420FEE807EACF21EB9898AE79B9768766E4FAA04A2D4A34', DIGEST, R, S],
  ['R has an odd y', KEY, DIGEST, 'FFF97BD5755EEEA420453A14355235D382F6472F8568A18B2F057A1460297556', '3CC27944640AC607CD107AE10923D9EF7A73C643E166BE5EBEAFA34B1AC553E2'],
  ['the message is negated', KEY, DIGEST, '1FA62E331EDBC21C394792D2AB1100A7B432B013DF3F6FF4F99FCB33E0E1515F', '28890B3EDB6E7189B630448B515CE4F8622A954CFE545735AAEA5134FCCDB2BD'],
  ['s is negated', KEY, DIGEST, R, '961764B3AA9B2FFCB6EF947B6887A226E8D7C93E00C5ED0C1834FF0D0C2E6DA6'],
  ['R is infinite, x taken for 0', KEY, DIGEST, '0000000000000000000000000000000000000000000000000000000000000000', '123DDA8328AF9C23A94C1FEECFD123BA4FB73476F0D594DCB65C6425BD186051'],
  ['R is infinite, x taken for 1', KEY, DIGEST, '0000000000000000000000000000000000000000000000000000000000000001', '7615FBAF5AE28864013C099742DEADB4DBA87F11AC6754F93780D5A1837CF197'],
  ['r is no x of a point', KEY, DIGEST, '4A298DACAE57395A15D0795DDBFD1DCB564DA82B0F269BC70A74F8220429BA1D', S],
  ['r is the size of the field', KEY, DIGEST, 'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F', S],
  ['s is the order of the group', KEY, DIGEST, R, ORDER],
  ['the key is beyond the field', 'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC30', DIGEST, R, S]
]

const native = nativeSchnorr()
const backends: ReadonlyArray<readonly [string, VerifySchnorr]> = [...(native === null ? [] : [['native', native] as const]), ['noble', nobleSchnorr()], ['the one in use', verifySchnorrDigest]]
/** The back ends may throw; the one in use may not. */
const isValid = (verify: VerifySchnorr, ...[signature, digest, key]: [Uint8Array, Uint8Array, Uint8Array]): boolean => {
  if (verify === verifySchnorrDigest) return verify(signature, digest, key)
  try { return verify(signature, digest, key) } catch { return false }
}

const secretKey = createHash('sha256').update('a test key').digest()
const key = schnorr.getPublicKey(secretKey)
const digest = createHash('sha256').update('a message').digest()
const signature = schnorr.sign(digest, secretKey)

for (const [name, verify] of backends) {
  t.test(`${name}: the vectors of BIP-340`, async (t) => {
    for (const [title, key, digest, r, s] of signed) t.ok(isValid(verify, fromHex(r + s), fromHex(digest), fromHex(key)), title)
    for (const [title, key, digest, r, s] of notSigned) t.notOk(isValid(verify, fromHex(r + s), fromHex(digest), fromHex(key)), title)
  })
}

t.test('what noble signs is valid', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const secretKey = schnorr.utils.randomSecretKey()
    const digest = new Uint8Array(randomBytes(32))
    t.ok(verifySchnorrDigest(schnorr.sign(digest, secretKey), digest, schnorr.getPublicKey(secretKey)))
  }
})

t.test('one flipped bit of signature, digest or key and it is not, and nothing given is changed', async (t) => {
  const before = Buffer.from([...signature, ...digest, ...key]).toString('hex')
  t.ok(verifySchnorrDigest(signature, digest, key))
  for (let bit = 0; bit < 512; bit += 1) if (verifySchnorrDigest(flipBit(signature, bit), digest, key)) t.fail(`signature bit ${bit}`)
  for (let bit = 0; bit < 256; bit += 1) if (verifySchnorrDigest(signature, flipBit(digest, bit), key)) t.fail(`digest bit ${bit}`)
  for (let bit = 0; bit < 256; bit += 1) if (verifySchnorrDigest(signature, digest, flipBit(key, bit))) t.fail(`key bit ${bit}`)
  t.equal(Buffer.from([...signature, ...digest, ...key]).toString('hex'), before)
})

t.test('other sizes are never valid', async (t) => {
  for (const size of [0, 31, 33, 63, 65, 10_000]) {
    t.notOk(verifySchnorrDigest(new Uint8Array(size), digest, key))
    t.notOk(verifySchnorrDigest(signature, new Uint8Array(size), key))
    t.notOk(verifySchnorrDigest(signature, digest, new Uint8Array(size)))
  }
})

t.test('the back ends give one answer to everything', async (t) => {
  const edge = fc.constantFrom('00', '01', ORDER, 'FF'.repeat(32), R).map((hex) => fromHex(hex.padStart(64, '0')))
  const word = fc.oneof(bytesOf(32), edge)
  fc.assert(fc.property(word, word, fc.oneof(word, fc.constant(digest)), fc.oneof(word, fc.constant(key)), (r, s, digest, key) =>
    new Set(backends.map(([, verify]) => isValid(verify, new Uint8Array([...r, ...s]), digest, key))).size === 1), { numRuns: 300 })
  t.pass()
})
