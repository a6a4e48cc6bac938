import { readFile } from 'node:fs/promises'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { Address, p2wpkh, RawWitness, SigHash } from '@scure/btc-signer'
import { RawTx } from '@scure/btc-signer/script.js'
import { hash160 } from '@scure/btc-signer/utils.js'
import fc from 'fast-check'
import t from 'tap'
import { readAddress } from '../../src/bitcoin/address.ts'
import { bitcoinDoubts, bitcoinRefusals, type BitcoinDoubt, type BitcoinRefusal } from '../../src/bitcoin/refusals.ts'
import { toSpendOutput } from '../../src/bitcoin/virtual-transactions.ts'
import { secp256k1Backend, verifyBitcoinMessage, type BitcoinProof, type BitcoinVerdict } from '../../src/index.ts'
import { anything, bytesOf, flipBit, hostileValues } from '../input/hostile-values.ts'
import { fullOfOneKey, notSigned, ofScripts, proofsOfFunds, simpleOfOneKey, transactionIds } from './bip322-vectors.ts'
import { base64, publicKey, secretKey, sha256, signCompact, signed, toSpend, walletsOf, type KeyType, type Options } from './sign-bitcoin-message.ts'

const message = 'localhost wants you to sign in with your Bitcoin account: 1234'
const wallets = walletsOf()
const types = Object.keys(wallets) as KeyType[]
const NATIVE: readonly KeyType[] = ['p2wpkh', 'p2tr']
const uncompressedKey = secp256k1.getPublicKey(secretKey, false)

const refused = (reason: BitcoinRefusal): BitcoinVerdict => ({ result: 'invalid', reason })
const doubted = (reason: BitcoinDoubt): BitcoinVerdict => ({ result: 'inconclusive', reason })
const verify = async (address: string, signature: string, text = message): Promise<BitcoinVerdict> => await verifyBitcoinMessage({ message: text, signature, address })
const simple = (type: KeyType, options?: Options): string => `smp${base64(signed(wallets[type], message, options).simple)}`
const full = (type: KeyType, options?: Options): string => `ful${base64(signed(wallets[type], message, options).full)}`
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

/** A witness for the simple form, or to_sign as it would stand in a full one, of any shape. */
const witnessOf = (...items: Uint8Array[]): string => `smp${base64(RawWitness.encode(items))}`
type RawTransaction = ReturnType<typeof RawTx.decode>
const bent = (type: KeyType, bend: (tx: RawTransaction) => Partial<RawTransaction>, options?: Options): string => {
  const tx = RawTx.decode(signed(wallets[type], message, options).full)
  return `ful${base64(RawTx.encode({ ...tx, ...bend(tx) }))}`
}
const ofInput = (change: object) => (tx: RawTransaction): Partial<RawTransaction> => ({ inputs: tx.inputs.map((input) => ({ ...input, ...change })) })
const keyHashAddress = (key: Uint8Array): string => Address().encode({ type: 'pkh', hash: hash160(key) })
const pushes = (...items: Uint8Array[]): Uint8Array => new Uint8Array(items.flatMap((item) => [item.length, ...item]))

/** Any value: a verdict of the right shape, valid or with a reason of the closed lists. */
const keepsItsWord = async (proof: unknown): Promise<BitcoinVerdict> => {
  const verdict = await verifyBitcoinMessage(proof as BitcoinProof)
  const { result, reason } = verdict
  const reasons: readonly unknown[] = result === 'valid' ? [undefined] : result === 'invalid' ? bitcoinRefusals : bitcoinDoubts
  if (!reasons.includes(reason) || (result !== 'valid' && Object.keys(verdict).length !== 2)) throw new Error('a verdict of no known shape')
  return verdict
}

t.test('the official vectors of one key are valid, time locks told', async (t) => {
  for (const [text, address, id] of transactionIds) {
    t.equal(Buffer.from(toSpendOutput(Buffer.from(text), readAddress(address) ?? { script: new Uint8Array() }).subarray(0, 32)).reverse().toString('hex'), id)
  }
  for (const [type, text, address, signature] of simpleOfOneKey) t.strictSame(await verify(address, signature, text), { result: 'valid', address, method: 'bip322-simple' }, type)
  for (const [type, text, address, signature] of fullOfOneKey) {
    t.strictSame(await verify(address, signature, text), { result: 'valid', address, method: 'bip322-full', timeLocked: true, lockTime: 2016, sequence: 2016 }, type)
  }
})

t.test('the official vectors of scripts and funds are neither valid nor invalid', async (t) => {
  for (const [type, text, address, signature] of ofScripts) t.strictSame(await verify(address, signature, text), doubted('script is not understood'), type)
  for (const [type, text, address, signature] of proofsOfFunds) t.strictSame(await verify(address, signature, text), doubted('proof of funds is not checked'), type)
})

t.test('no official negative is valid, and only a script that would have to run is not invalid', async (t) => {
  t.equal(notSigned.length, 36)
  for (const [title, text, address, signature] of notSigned) {
    const unread = /^wrong message for .*(?:p2wsh.* simple|simple p2wsh)/.test(title)
    t.equal((await verify(address, signature, text)).result, unread ? 'inconclusive' : 'invalid', title)
  }
})

t.test('under another prefix, or with none, no official signature is valid but as simple', async (t) => {
  for (const [type, text, address, signature] of [...simpleOfOneKey, ...fullOfOneKey, ...ofScripts, ...proofsOfFunds]) {
    const [own, body] = /^(smp|ful|pof)?(.*)$/.exec(signature)?.slice(1) ?? []
    for (const prefix of ['smp', 'ful', 'pof', '', 'SMP', 'Ful', 'abc', ' smp', 'smpsmp', 'fulful']) {
      if (prefix === own || (own === undefined && prefix === '')) continue
      const { result } = await verify(address, `${prefix}${body ?? ''}`, text)
      const alsoSimple = (own === 'smp' && prefix === '') || (own === undefined && prefix === 'smp')
      if ((result === 'valid') !== (alsoSimple && NATIVE.includes(type as KeyType))) t.fail(`${type} ${prefix}: ${result}`)
    }
  }
  t.pass()
})

t.test('signatures of wallets from before the prefixes are valid', async (t) => {
  // bip322-js (github.com/ACken2/bip322-js), test/Verifier.test.ts and test/helpers/BIP137.test.ts; the first is Bitcoin Core's, src/test/util_tests.cpp.
  const vectors = [
    ['bc1ppv609nr0vr25u07u95waq5lucwfm6tde4nydujnu8npg4q75mr5sxq8lt3', 'AUHd69PrJQEv+oKTfZ8l+WROBHuy9HKrbFCJu7U1iK2iiEy1vMU5EfMtjc+VSHM7aU0SDbak5IUZRVno2P5mjSafAQ=='],
    ['3HSVzEhCFuH9Z3wvoWTexy7BMVVp3PjS6f', 'AkgwRQIhAMd2wZSY3x0V9Kr/NClochoTXcgDaGl3OObOR17yx3QQAiBVWxqNSS+CKen7bmJTG6YfJjsggQ4Fa2RHKgBKrdQQ+gEhAxa5UDdQCHSQHfKQv14ybcYm1C9y6b12xAuukWzSnS+w']
  ] as const
  for (const [address, signature] of vectors) {
    t.strictSame(await verify(address, signature, 'Hello World'), { result: 'valid', address, method: 'bip322-simple' })
    t.equal((await verify(address, signature)).result, 'invalid')
  }
})

t.test('what btc-signer signs is valid: every type, simple and full, on every network', async (t) => {
  for (const network of ['mainnet', 'testnet', 'regtest'] as const) {
    for (const wallet of Object.values(walletsOf(network))) {
      const { type, address } = wallet
      const { simple, full } = signed(wallet, message)
      const isSimple: BitcoinVerdict = { result: 'valid', address, method: 'bip322-simple' }
      t.strictSame(await verify(address, `ful${base64(full)}`), { result: 'valid', address, method: 'bip322-full' }, `${network} ${type} full`)
      // BIP-322 has simple for native segwit; P2SH-P2WPKH was signed so by wallets that write no prefix yet.
      t.strictSame(await verify(address, `smp${base64(simple)}`), NATIVE.includes(type) ? isSimple : refused('signature type does not fit the address'), `${network} ${type} simple`)
      t.strictSame(await verify(address, base64(simple)), type === 'p2pkh' ? refused('signature type does not fit the address') : isSimple, `${network} ${type} without prefix`)
    }
  }
  for (const type of NATIVE) t.equal((await verify(wallets[type].address.toUpperCase(), simple(type))).address, wallets[type].address)
})

t.test('any text may be signed, and any key may sign', async (t) => {
  const texts = ['', ' ', '\0', 'é', '日本語', '👩‍👩‍👧', '\ufffd', '\ufeffa', 'a\r\nb', 'a'.repeat(65_536), '\u{1f600}'.repeat(32_768), ...[252, 253, 254, 65_535].map((length) => 'b'.repeat(length))]
  for (const [index, text] of texts.entries()) {
    for (const type of types) t.equal((await verify(wallets[type].address, `ful${base64(signed(wallets[type], text).full)}`, text)).result, 'valid', `text ${index} ${type}`)
    t.equal((await verify(wallets.p2pkh.address, base64(Uint8Array.of(31 + signCompact(text).recovery, ...signCompact(text).compact)), text)).result, 'valid', `text ${index} BIP-137`)
  }
  for (let round = 0; round < 10; round += 1) {
    const secret = secp256k1.utils.randomSecretKey()
    for (const wallet of Object.values(walletsOf('mainnet', secret))) {
      t.equal((await verify(wallet.address, `ful${base64(signed(wallet, message, { secret }).full)}`)).result, 'valid', wallet.type)
      t.equal((await verify(wallets[wallet.type].address, `ful${base64(signed(wallet, message, { secret }).full)}`)).result, 'invalid', wallet.type)
    }
  }
})

t.test('a text that is not well-formed, or too long, is refused', async (t) => {
  const signature = simple('p2tr')
  for (const text of ['\ud800', 'a\udc00b', undefined, 1, [message]]) t.strictSame(await verify(wallets.p2tr.address, signature, text as string ?? null), refused('message is not well-formed text'))
  t.strictSame(await verify(wallets.p2tr.address, signature, 'a'.repeat(65_537)), refused('message is too long'))
  t.strictSame(await verify(wallets.p2tr.address, signature, `${message} `), refused('signature is not by this address'))
})

t.test('lock time and sequence are told, and other versions leave it open', async (t) => {
  for (const type of types) {
    const { address } = wallets[type]
    const valid: BitcoinVerdict = { result: 'valid', address, method: 'bip322-full' }
    t.strictSame(await verify(address, full(type, { version: 2 })), valid)
    t.strictSame(await verify(address, full(type, { version: 2, sequence: 7 })), { ...valid, timeLocked: true, lockTime: 0, sequence: 7 })
    t.strictSame(await verify(address, full(type, { lockTime: 500_000_001 })), { ...valid, timeLocked: true, lockTime: 500_000_001, sequence: 0 })
    t.strictSame(await verify(address, full(type, { lockTime: 0xffffffff, sequence: 0xffffffff })), { ...valid, timeLocked: true, lockTime: 0xffffffff, sequence: 0xffffffff })
    for (const version of [1, 3, 0x7fffffff, -1]) t.strictSame(await verify(address, full(type, { version })), doubted('transaction version is not 0 or 2'), `version ${version}`)
    // In any version a wrong signature is wrong.
    t.strictSame(await verify(address, bent(type, () => ({ version: 3 }))), refused('signature is not by this address'))
    t.strictSame(await verify(address, bent(type, () => ({ lockTime: 1 }))), refused('signature is not by this address'))
    t.strictSame(await verify(address, bent(type, ofInput({ sequence: 1 }))), refused('signature is not by this address'))
    t.equal((await verify(address, `smp${full(type).slice(3)}`)).result, 'invalid')
  }
})

t.test('a signature that does not sign all is refused', async (t) => {
  const { ALL, NONE, SINGLE, ALL_ANYONECANPAY, NONE_ANYONECANPAY, SINGLE_ANYONECANPAY } = SigHash
  for (const type of types) {
    for (const sighash of [NONE, SINGLE, ALL_ANYONECANPAY, NONE_ANYONECANPAY, SINGLE_ANYONECANPAY]) {
      t.strictSame(await verify(wallets[type].address, full(type, { sighash })), refused('signature hash type is not ALL'), `${type} ${sighash}`)
    }
  }
  t.equal((await verify(wallets.p2tr.address, simple('p2tr', { sighash: ALL }))).result, 'valid')

  const [all = new Uint8Array()] = signed(wallets.p2tr, message, { sighash: ALL }).witness
  const [one = new Uint8Array()] = signed(wallets.p2tr, message).witness
  t.strictSame(await verify(wallets.p2tr.address, witnessOf(all.subarray(0, 64))), refused('signature is not by this address'), 'ALL as DEFAULT')
  t.strictSame(await verify(wallets.p2tr.address, witnessOf(Uint8Array.of(...one, 1))), refused('signature is not by this address'), 'DEFAULT as ALL')
  const [ecdsa = new Uint8Array()] = signed(wallets.p2wpkh, message).witness
  for (let hashType = 0; hashType < 256; hashType += 1) {
    if (hashType === 1) continue
    t.strictSame(await verify(wallets.p2tr.address, witnessOf(Uint8Array.of(...one, hashType))), refused('signature hash type is not ALL'))
    t.strictSame(await verify(wallets.p2wpkh.address, witnessOf(Uint8Array.of(...ecdsa.subarray(0, -1), hashType), publicKey)), refused('signature hash type is not ALL'))
  }
})

t.test('ECDSA signatures come in strict DER with low s, each in one form', async (t) => {
  const [signature = new Uint8Array()] = signed(wallets.p2wpkh, message).witness
  const der = signature.subarray(0, -1)
  const { r, s } = secp256k1.Signature.fromBytes(der, 'der')
  const { n } = secp256k1.Point.CURVE()
  const integer = (value: bigint, zeros = ''): string => {
    const hex = value.toString(16)
    const even = hex.padStart(hex.length + hex.length % 2, '0')
    const digits = zeros + (even >= '8' ? `00${even}` : even)
    return `02${(digits.length / 2).toString(16).padStart(2, '0')}${digits}`
  }
  const inDer = (one: string, two: string): Uint8Array => fromHex(`30${((one.length + two.length) / 2).toString(16).padStart(2, '0')}${one}${two}`)
  const judge = async (der: Uint8Array): Promise<BitcoinVerdict> => await verify(wallets.p2wpkh.address, witnessOf(Uint8Array.of(...der, 1), publicKey))

  t.equal((await judge(inDer(integer(r), integer(s)))).result, 'valid')
  t.strictSame(await judge(inDer(integer(r), integer(n - s))), refused('signature is not in low-s form'))
  for (const [one, two] of [[0n, s], [r, 0n], [n, s], [r, n], [n + 1n, s], [0n, 0n]] as const) t.strictSame(await judge(inDer(integer(one), integer(two))), refused('signature value is out of range'))
  for (const other of [inDer(integer(r, '00'), integer(s)), inDer(integer(r), integer(s, '00')), Uint8Array.of(...der, 0), der.subarray(0, -1), Uint8Array.of(0x30, 0x81, ...der.subarray(1)), inDer(integer(r + 2n ** 256n), integer(s)), new Uint8Array(), Uint8Array.of(0x30, 0), secp256k1.Signature.fromBytes(der, 'der').toBytes('compact')]) {
    t.strictSame(await judge(other), refused('signature is not strict DER'))
  }
})

t.test('script and witness have one shape for each type', async (t) => {
  const shape = refused('script or witness has the wrong shape')
  const foreign = refused('key or script is not of this address')
  const [ecdsa = new Uint8Array()] = signed(wallets.p2wpkh, message).witness
  const [nested = new Uint8Array()] = signed(wallets['p2sh-p2wpkh'], message).witness
  const [one = new Uint8Array()] = signed(wallets.p2tr, message).witness
  const otherKey = secp256k1.getPublicKey(sha256(secretKey))
  const none = new Uint8Array()

  for (const [title, witness] of Object.entries({ none: [], 'signature only': [ecdsa], 'an item before': [none, ecdsa, publicKey], 'an item after': [ecdsa, publicKey, none], twice: [ecdsa, ecdsa, publicKey], 'no key': [ecdsa, none], uncompressed: [ecdsa, uncompressedKey], 'turned round': [publicKey, ecdsa] })) {
    t.strictSame(await verify(wallets.p2wpkh.address, witnessOf(...witness)), shape, title)
  }
  t.strictSame(await verify(wallets.p2wpkh.address, witnessOf(none, publicKey)), refused('signature hash type is not ALL'))
  t.strictSame(await verify(wallets.p2wpkh.address, witnessOf(ecdsa, otherKey)), foreign)
  t.strictSame(await verify(wallets['p2sh-p2wpkh'].address, base64(RawWitness.encode([nested, otherKey]))), foreign)
  t.strictSame(await verify(wallets['p2sh-p2wpkh'].address, base64(RawWitness.encode([nested]))), foreign)

  t.strictSame(await verify(wallets.p2tr.address, witnessOf()), shape)
  for (const length of [0, 1, 63, 66, 128]) t.strictSame(await verify(wallets.p2tr.address, witnessOf(new Uint8Array(length))), shape, `${length} bytes`)
  for (const others of [[none], [Uint8Array.of(0x50)], [publicKey, new Uint8Array(33)]]) t.strictSame(await verify(wallets.p2tr.address, witnessOf(one, ...others)), doubted('script is not understood'), 'script path or annex')

  for (const type of NATIVE) t.strictSame(await verify(wallets[type].address, bent(type, ofInput({ finalScriptSig: Uint8Array.of(0x51) }))), shape, `${type} with a script`)
  t.strictSame(await verify(wallets.p2pkh.address, bent('p2pkh', () => ({ segwitFlag: true, witnesses: [[publicKey]] }))), shape, 'p2pkh with a witness')

  const [sig, key] = [signed(wallets.p2pkh, message).scriptSig.subarray(1, -34), publicKey]
  t.equal((await verify(wallets.p2pkh.address, bent('p2pkh', ofInput({ finalScriptSig: pushes(sig, key) })))).result, 'valid')
  for (const [title, finalScriptSig] of Object.entries({
    nothing: none, 'one push': pushes(sig), 'three pushes': pushes(none, sig, key), 'a push after': pushes(sig, key, none), 'an operation after': Uint8Array.of(...pushes(sig, key), 0x61), cut: pushes(sig, key).subarray(0, -1),
    'a push not minimal': Uint8Array.of(0x4c, sig.length, ...sig, ...pushes(key)), 'a key push not minimal': Uint8Array.of(...pushes(sig), 0x4c, key.length, ...key)
  })) t.equal((await verify(wallets.p2pkh.address, bent('p2pkh', ofInput({ finalScriptSig })))).result, 'invalid', title)
  t.strictSame(await verify(wallets.p2pkh.address, bent('p2pkh', ofInput({ finalScriptSig: pushes(sig, otherKey) }))), foreign)

  const redeem = wallets['p2sh-p2wpkh'].redeemScript ?? none
  for (const [title, finalScriptSig] of Object.entries({ nothing: none, 'a push before': pushes(none, redeem), 'not minimal': Uint8Array.of(0x4c, 22, ...redeem), 'another script': pushes(Uint8Array.of(0x51)) })) {
    t.strictSame(await verify(wallets['p2sh-p2wpkh'].address, bent('p2sh-p2wpkh', ofInput({ finalScriptSig }))), doubted('script is not understood'), title)
  }
  t.strictSame(await verify(wallets['p2sh-p2wpkh'].address, bent('p2sh-p2wpkh', ofInput({ finalScriptSig: pushes(p2wpkh(otherKey).script) }))), foreign)
})

t.test('P2PKH takes a key in either form, and none in the hybrid one', async (t) => {
  const hybrid = Uint8Array.of(6 + ((uncompressedKey[64] ?? 0) & 1), ...uncompressedKey.subarray(1))
  for (const [key, result] of [[publicKey, 'valid'], [uncompressedKey, 'valid'], [hybrid, 'invalid']] as const) {
    // btc-signer pays to compressed keys only: the signature is put together here.
    const script = Uint8Array.of(0x76, 0xa9, 20, ...hash160(key), 0x88, 0xac)
    const raw = RawTx.decode(signed(wallets.p2pkh, message).full)
    const txid = sha256(sha256(toSpend(message, script))).reverse()
    const withScript = (finalScriptSig: Uint8Array): Uint8Array => RawTx.encode({ ...raw, inputs: raw.inputs.map((input) => ({ ...input, txid, finalScriptSig })) })
    const digest = sha256(sha256(withScript(script), Uint8Array.of(SigHash.ALL, 0, 0, 0)))
    const der = secp256k1.sign(digest, secretKey, { prehash: false, format: 'der' })
    const bytes = withScript(pushes(Uint8Array.of(...der, SigHash.ALL), key))
    t.equal((await verify(keyHashAddress(key), `ful${base64(bytes)}`)).result, result)
  }
})

t.test('to_sign has one input, which spends to_spend, and one output, which spends nothing', async (t) => {
  const other = refused('signature is not a to_sign transaction')
  for (const type of types) {
    const { address } = wallets[type]
    const judge = async (bend: (tx: RawTransaction) => Partial<RawTransaction>): Promise<BitcoinVerdict> => await verify(address, bent(type, bend))
    t.equal((await judge((tx) => tx)).result, 'valid')
    t.strictSame(await judge((tx) => ({ outputs: [...tx.outputs, ...tx.outputs] })), other, 'two outputs')
    t.strictSame(await judge(() => ({ outputs: [] })), other, 'no output')
    t.strictSame(await judge((tx) => ({ outputs: tx.outputs.map((output) => ({ ...output, amount: 1n })) })), other, 'a value')
    t.strictSame(await judge((tx) => ({ outputs: tx.outputs.map((output) => ({ ...output, script: Uint8Array.of(0x6a, 0) })) })), other, 'another script')
    t.strictSame(await judge((tx) => ({ inputs: [...tx.inputs, ...tx.inputs], ...tx.witnesses && { witnesses: [...tx.witnesses, ...tx.witnesses] } })), other, 'two inputs')
    t.strictSame(await judge(ofInput({ index: 1 })), refused('signature is for another message or address'), 'another output')
    t.strictSame(await judge(ofInput({ txid: new Uint8Array(32) })), refused('signature is for another message or address'), 'another transaction')
    if (type === 'p2pkh') continue
    const bare = bent(type, () => ({ segwitFlag: false, witnesses: undefined }))
    t.strictSame(await verify(address, bare), refused('script or witness has the wrong shape'), 'no witness')
    const hex = Buffer.from(bare.slice(3), 'base64').toString('hex')
    t.strictSame(await verify(address, `ful${base64(fromHex(`${hex.slice(0, 8)}0001${hex.slice(8, -8)}00${hex.slice(-8)}`))}`), other, 'a flag without witness')
    const whole = Buffer.from(full(type).slice(3), 'base64').toString('hex')
    t.ok(whole.startsWith('000000000001'))
    for (const flag of ['00', '02', '03', 'ff']) t.strictSame(await verify(address, `ful${base64(fromHex(`0000000000${flag}${whole.slice(12)}`))}`), other, `flag ${flag}`)
  }
})

t.test('BIP-137: hardware wallets\' signatures are valid, at the address their header says', async (t) => {
  // trezor/trezor-firmware tests/device_tests/bitcoin/test_signmessage.py, and the README of bitcoinjs/bitcoinjs-message.
  const text = 'This is an example of a signed message.'
  const vectors = [
    ['1F3sAm6ZtwLAUnj7d38pGFxtP3RVEvtsbV', '1fd2f9c8b163b62d104c784fc85ad9093d55fcc32706d5ca9a888a0d9efc343063111922e994d065d48c0ad920a0d9a9d7b072f48b49afca3b0a15f45f163dd679'],
    ['1JAd7XCBzGudGpJQSDSfpmJhiygtLQWaGL', '20fd8f2f7db5238fcdd077d5204c3e6949c261d700269cefc1d9d2dcef6b95023630ee617f6c8acf9eb40c8edd704c9ca74ea4afc393f43f35b4e8958324cbdd1c'],
    ['3L6TyTisPBmrDAj6RoKmDzNnj4eQi54gD2', '23744de4516fac5c140808015664516a32fead94de89775cec7e24dbc24fe133075ac09301c4cc8e197bea4b6481661d5b8e9bf19d8b7b8a382ecdb53c2ee0750d'],
    ['bc1qannfxke2tfd4l7vhepehpvt05y83v3qsf6nfkk', '28b55d7600d9e9a7e2a49155ddf3cfdb8e796c207faab833010fa41fb7828889bc47cf62348a7aaa0923c0832a589fab541e8f12eb54fb711c90e2307f0f66b194'],
    ['mvbu1Gdy8SUjTenqerxUaZyYjmveZvt33q', '2030cd7f116c0481d1936cfef48137fd23ee56aaf00787bfa08a94837466ec9909390c3efacfc56bae5782f1db4cf49ae05f242b5f62a47f871ec46bf1a3253e7f'],
    ['2N4Q5FhU2497BryFfUgbqkAJE87aKHUhXMp', '23ef39fd388c3425d6aaa04274dcd5c7dd4c283a411b616443474fbcde5dd966050d91bc7c57e9578f28efdd84c9a9bcba415f93c5727b5d3f2bf3de46d7084896'],
    ['tb1qkvwu9g3k2pdxewfqr7syz89r3gj557l3uuf9r9', '27758b3393396ad9fe48f6ce81f63410145e7b2b69a5dfc1d48b5e6e623e91e08e3afb60bda1546f9c6f9fb5bd0a41887b784c266036dd4b4015a0abc1137daa1d']
  ] as const
  for (const [address, hex] of vectors) {
    const signature = base64(fromHex(hex))
    t.strictSame(await verify(address, signature, text), { result: 'valid', address, method: 'bip137' }, address)
    for (const [other] of vectors) if (other !== address) t.equal((await verify(other, signature, text)).result, 'invalid')
  }
})

t.test('BIP-137: of 256 headers, the one of type and key is valid', async (t) => {
  const { compact, recovery } = signCompact(message)
  const withHeader = (header: number): string => base64(Uint8Array.of(header, ...compact))
  const p2pkhUncompressed = keyHashAddress(uncompressedKey)
  const expected: ReadonlyArray<readonly [string, number | undefined]> = [
    [p2pkhUncompressed, 27 + recovery], [wallets.p2pkh.address, 31 + recovery], [wallets['p2sh-p2wpkh'].address, 35 + recovery], [wallets.p2wpkh.address, 39 + recovery], [wallets.p2tr.address, undefined]
  ]
  for (const [address, right] of expected) {
    for (let header = 0; header < 256; header += 1) {
      const verdict = await verify(address, withHeader(header))
      if (header === right) t.strictSame(verdict, { result: 'valid', address, method: 'bip137' })
      else if (verdict.result === 'valid') t.fail(`${address} ${header}`)
      if (header < 27 || header > 42) t.equal(verdict.result, 'invalid')
    }
  }
  t.strictSame(await verify(wallets.p2wpkh.address, withHeader(31 + recovery)), refused('signature header does not fit the address'))
  for (const prefix of ['smp', 'ful', 'pof']) t.not((await verify(wallets.p2pkh.address, prefix + withHeader(31 + recovery))).result, 'valid')
})

t.test('BIP-137: r and s have one form', async (t) => {
  const { compact, recovery } = signCompact(message)
  const { n } = secp256k1.Point.CURVE()
  const word = (value: bigint): string => value.toString(16).padStart(64, '0')
  const [r, s] = [compact.subarray(0, 32), compact.subarray(32)].map((it) => BigInt(`0x${Buffer.from(it).toString('hex')}`)) as [bigint, bigint]
  const judge = async (r: bigint, s: bigint, recovery: number): Promise<BitcoinVerdict> => await verify(wallets.p2pkh.address, base64(fromHex((31 + recovery).toString(16) + word(r) + word(s))))
  t.equal((await judge(r, s, recovery)).result, 'valid')
  t.strictSame(await judge(r, n - s, 1 - recovery), refused('signature is not in low-s form'))
  for (const [one, two] of [[0n, s], [r, 0n], [n, s], [r, n], [2n ** 256n - 1n, s]] as const) t.strictSame(await judge(one, two, recovery), refused('signature value is out of range'))
  for (const beyond of [2, 3]) t.strictSame(await judge(1n, s, beyond), refused('signature recovers no key'))
})

t.test('base64 has one spelling', async (t) => {
  const { address } = wallets.p2tr
  const right = simple('p2tr', { sighash: SigHash.ALL }) // ends in two signs of padding
  t.equal((await verify(address, right)).result, 'valid')
  t.ok(right.endsWith('AQ=='))
  const others = [
    right.slice(0, -1), right.slice(0, -2), `${right}=`, `${right}\n`, ` ${right}`, `smp ${right.slice(3)}`, `${right}AA==`, right.replace(/AQ==$/, 'AR=='), `${right.slice(0, 20)}\n${right.slice(20)}`,
    right.replaceAll('=', ''), right.replace('=', '%3D'), `smp:${right.slice(3)}`, `smp${Buffer.from(right.slice(3), 'base64').toString('hex')}`, `${right.slice(0, 10)}\0${right.slice(11)}`, right.replace(/[+/]/, (it) => it === '+' ? '-' : '_')
  ]
  for (const other of others) if (other !== right) t.strictSame(await verify(address, other), refused('signature is not canonical base64'), other)
  for (const [index, value] of hostileValues.entries()) if (typeof value !== 'string') t.strictSame(await verify(address, value as string ?? null), refused('signature is not canonical base64'), `value ${index}`)
})

t.test('one flipped bit and it is not valid: of any signature, of the message, of its text', async (t) => {
  const step = secp256k1Backend() === 'native' ? 1 : 13 // every bit where that takes a second
  const { compact, recovery } = signCompact(message)
  const cases: ReadonlyArray<readonly [string, string, Uint8Array]> = [
    ...types.map((type) => [wallets[type].address, 'ful', signed(wallets[type], message, { version: 2 }).full] as const),
    ...NATIVE.map((type) => [wallets[type].address, 'smp', signed(wallets[type], message).simple] as const),
    [wallets['p2sh-p2wpkh'].address, '', signed(wallets['p2sh-p2wpkh'], message).simple],
    ...([['p2pkh', 31], ['p2sh-p2wpkh', 35], ['p2wpkh', 39]] as const).map(([type, first]) => [wallets[type].address, '', Uint8Array.of(first + recovery, ...compact)] as const)
  ]
  for (const [address, prefix, bytes] of cases) {
    t.equal((await verify(address, prefix + base64(bytes))).result, 'valid')
    for (let bit = 0; bit < bytes.length * 8; bit += step) {
      if ((await verify(address, prefix + base64(flipBit(bytes, bit)))).result === 'valid') t.fail(`${address} ${prefix} bit ${bit}`)
    }
    for (let bit = 0; bit < message.length * 8; bit += 8 * step) {
      if ((await verify(address, prefix + base64(bytes), Buffer.from(flipBit(Buffer.from(message), bit)).toString('latin1'))).result === 'valid') t.fail(`${address} message bit ${bit}`)
    }
    const text = Buffer.from(prefix + base64(bytes))
    for (let bit = 0; bit < text.length * 8; bit += 7 * step) {
      const { result, method } = await verify(address, Buffer.from(flipBit(text, bit)).toString('latin1'))
      if (result === 'valid') t.fail(`${address} text bit ${bit} ${method ?? ''}`)
    }
  }
})

t.test('cut short or drawn out, nothing is valid', async (t) => {
  for (const type of types) {
    for (const [prefix, bytes] of [['ful', signed(wallets[type], message).full], ['smp', signed(wallets[type], message).simple], ['', signed(wallets[type], message).simple]] as const) {
      for (let length = 0; length < bytes.length; length += 1) {
        if ((await verify(wallets[type].address, prefix + base64(bytes.subarray(0, length)))).result !== 'invalid') t.fail(`${type} ${prefix} ${length}`)
      }
      for (const tail of [[0], [255], [0, 0, 0, 0], [...bytes]]) t.equal((await verify(wallets[type].address, prefix + base64(Uint8Array.of(...bytes, ...tail)))).result, 'invalid')
    }
  }
})

t.test('sizes that lie are not followed', async (t) => {
  const huge = ['fd0000', 'fdfc00', 'fe00000000', 'feffff0000', 'feffffffff', 'ff0000000000000000', 'ff0100000000000000', 'ffffffffffffffffff', 'fdffff', 'fd', 'fe0000', 'ff00']
  for (const type of types) {
    const tx = Buffer.from(signed(wallets[type], message).full).toString('hex')
    for (const size of huge) {
      for (const stack of [size, `01${size}`, `02${size}`, `0201aa${size}`, `${size}${'00'.repeat(200)}`, `01${size}${'00'.repeat(70_000 / 2)}`]) {
        for (const prefix of ['smp', '']) t.equal((await verify(wallets[type].address, prefix + base64(fromHex(stack)))).result, 'invalid', `${type} ${stack.slice(0, 40)}`)
      }
      // In the place of the counts of inputs, of outputs, of the script and of the witness.
      for (const at of [8, 12, 84, 86, 94, 96]) t.equal((await verify(wallets[type].address, `ful${base64(fromHex(tx.slice(0, at) + size + tx.slice(at + 2)))}`)).result, 'invalid')
    }
  }
  const many = Uint8Array.of(0xfe, 0x40, 0x9c, 0, 0, ...new Uint8Array(40_000))
  t.strictSame(await verify(wallets.p2wpkh.address, `smp${base64(many)}`), refused('signature is not a witness stack'))
  const most = Uint8Array.of(0xfd, 0x40, 0x9c, ...new Uint8Array(40_000))
  t.strictSame(await verify(wallets.p2wpkh.address, `smp${base64(most)}`), refused('script or witness has the wrong shape'))
})

t.test('bytes of any kind give a verdict, and none is valid', async () => {
  const addresses = [...types.map((type) => wallets[type].address), ...ofScripts.map(([,, address]) => address), 'bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs']
  const stack = fc.array(fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(publicKey, uncompressedKey), bytesOf(64)), { maxLength: 4 }).map((items) => RawWitness.encode(items))
  const real = fc.constantFrom(...types.flatMap((type) => [signed(wallets[type], message).full, signed(wallets[type], message).simple]))
  const changed = fc.tuple(real, fc.nat(), fc.nat(20), fc.uint8Array({ minLength: 1, maxLength: 5 })).map(([bytes, at, size, more]) => {
    const start = at % (bytes.length + 1)
    return Uint8Array.of(...bytes.subarray(0, start), ...more, ...bytes.subarray(start + size))
  })
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), bytesOf(65), stack, changed)
  const other = 'another message'
  await fc.assert(fc.asyncProperty(fc.constantFrom(...addresses), fc.constantFrom('', 'smp', 'ful', 'pof'), bytes, async (address, prefix, bytes) =>
    (await keepsItsWord({ message: other, address, signature: prefix + base64(bytes) })).result !== 'valid'), { numRuns: 3_000 })
})

t.test('no JavaScript value makes it throw', async (t) => {
  const proof = { message, address: wallets.p2tr.address, signature: simple('p2tr') }
  t.equal((await keepsItsWord(proof)).result, 'valid')
  for (const value of hostileValues) {
    t.equal((await keepsItsWord(value)).result, 'invalid')
    for (const key of Object.keys(proof)) t.not((await keepsItsWord({ ...proof, [key]: value })).result, 'valid')
  }
  for (const key of Object.keys(proof)) t.strictSame(await verifyBitcoinMessage({ ...proof, get [key] (): never { throw new Error('getter') } }), refused('input is not readable'))
  const field = (value: string): fc.Arbitrary<unknown> => fc.oneof(fc.constant(value), fc.string({ unit: 'binary' }), anything())
  const anyProof = fc.record({ message: field('a'), signature: fc.oneof(field(proof.signature), fc.base64String()), address: field(proof.address) }, { requiredKeys: [] })
  await fc.assert(fc.asyncProperty(fc.oneof(anything(), anyProof), async (value) => (await keepsItsWord(value)).result !== 'valid'), { numRuns: 500 })
})

t.test('no size of input takes it long', async (t) => {
  const signature = simple('p2tr')
  for (const length of [10_000, 65_536, 65_537, 10_000_000]) {
    for (const letter of ['A', '/', '=', 'é', '1']) {
      const text = letter.repeat(length)
      for (const prefix of ['', 'smp', 'ful', 'pof']) t.not((await keepsItsWord({ message, address: wallets.p2wpkh.address, signature: prefix + text })).result, 'valid')
      t.strictSame(await verify(text, signature), refused('address is not valid'))
      t.strictSame(await verify(`bc1${text}`, signature), refused('address is not valid'))
    }
  }
  t.strictSame(await verify(wallets.p2tr.address, signature, 'a'.repeat(100_000_000)), refused('message is too long'))
  t.strictSame(await verify(wallets.p2tr.address, 'A'.repeat(65_537)), doubted('signature is too long'))
})

t.test('many at once do not meet', async (t) => {
  const signature = simple('p2tr')
  const verdicts = await Promise.all(Array.from({ length: 200 }, async (_, index) => await verify(wallets.p2tr.address, signature, index % 2 === 0 ? message : `${message}${index}`)))
  t.ok(verdicts.every(({ result }, index) => result === (index % 2 === 0 ? 'valid' : 'invalid')))
})

t.test('the README names every reason', async (t) => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  for (const reason of [...bitcoinRefusals, ...bitcoinDoubts]) t.ok(readme.includes(`\`${reason}\``), reason)
})
