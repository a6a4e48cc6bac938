/** A wallet of each family that signs as real ones do. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { WalletFamily } from '@countersign/contracts'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { ripemd160 } from '@noble/hashes/legacy.js'
import { base58, bech32 } from '@scure/base'
import { p2wpkh, RawWitness, SigHash, Transaction } from '@scure/btc-signer'
import { RawOldTx } from '@scure/btc-signer/script.js'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

export interface TestWallet {
  readonly family: WalletFamily
  readonly address: string
  /** The same account as another caller may spell it. */
  readonly spellings: readonly string[]
  /** What goes into the body of `verify` and `link` besides address and text. */
  readonly sign: (message: string) => Promise<Readonly<Record<string, string>>>
}

const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const recovered = (digest: Uint8Array, secret: Uint8Array) =>
  secp256k1.Signature.fromBytes(secp256k1.sign(digest, secret, { prehash: false, format: 'recovered' }), 'recovered')

function evm (): TestWallet {
  const account = privateKeyToAccount(generatePrivateKey())
  return {
    family: 'evm', address: account.address, spellings: [account.address.toLowerCase(), `0x${account.address.slice(2).toUpperCase()}`],
    sign: async (message) => ({ signature: await account.signMessage({ message }) })
  }
}

function solana (): TestWallet {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const address = base58.encode(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'))
  return { family: 'solana', address, spellings: [], sign: (message) => Promise.resolve({ signature: base58.encode(sign(null, Buffer.from(message), privateKey)) }) }
}

/** ADR-36: the text goes as data into a document that no chain would take for a transaction. */
function cosmos (): TestWallet {
  const secret = randomBytes(32)
  const key = secp256k1.getPublicKey(secret, true)
  const under = (prefix: string): string => bech32.encode(prefix, bech32.toWords(ripemd160(sha256(key))))
  return {
    family: 'cosmos', address: under('cosmos'), spellings: [under('cosmos').toUpperCase()],
    sign: (message) => {
      const document = `{"account_number":"0","chain_id":"","fee":{"amount":[],"gas":"0"},"memo":"","msgs":[{"type":"sign/MsgSignData","value":{"data":"${Buffer.from(message).toString('base64')}","signer":"${under('cosmos')}"}}],"sequence":"0"}`
      const signature = secp256k1.sign(sha256(document), secret, { prehash: false })
      return Promise.resolve({ signature: Buffer.from(signature).toString('base64'), public_key: Buffer.from(key).toString('base64') })
    }
  }
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** c32check of a hash160 (SIP-005): version, hash, four bytes of a double SHA-256, in base 32. */
function c32Address (version: number, hash: Uint8Array): string {
  const checksum = sha256(sha256(Uint8Array.of(version), hash)).subarray(0, 4)
  let digits = ''
  for (let number = BigInt(`0x${Buffer.from([...hash, ...checksum]).toString('hex')}`); number > 0n; number /= 32n) digits = `${crockford[Number(number % 32n)] ?? ''}${digits}`
  const zeros = [...hash].findIndex((byte) => byte !== 0)
  return `S${crockford[version] ?? ''}${'0'.repeat(Math.max(0, zeros))}${digits}`
}

function stacks (): TestWallet {
  const secret = randomBytes(32)
  const address = c32Address(22, ripemd160(sha256(secp256k1.getPublicKey(secret, true))))
  return {
    family: 'stacks', address, spellings: [],
    sign: (message) => {
      const text = Buffer.from(message)
      const length = text.length < 253 ? Uint8Array.of(text.length) : Uint8Array.of(253, text.length, text.length >> 8)
      const signature = recovered(sha256('\x17Stacks Signed Message:\n', length, text), secret)
      return Promise.resolve({ signature: `${Buffer.from(signature.toBytes('compact')).toString('hex')}0${signature.recovery ?? 0}`, public_key: Buffer.from(secp256k1.getPublicKey(secret, true)).toString('hex') })
    }
  }
}

/** BIP-322, simple, with a native segwit key. */
function bitcoin (): TestWallet {
  const secret = randomBytes(32)
  const { address = '', script } = p2wpkh(secp256k1.getPublicKey(secret, true))
  const tag = sha256('BIP0322-signed-message')
  return {
    family: 'bitcoin', address, spellings: [address.toUpperCase()],
    sign: (message) => {
      const toSpend = RawOldTx.encode({
        version: 0,
        inputs: [{ txid: new Uint8Array(32), index: 0xffffffff, finalScriptSig: Uint8Array.of(0, 32, ...sha256(tag, tag, message)), sequence: 0 }],
        outputs: [{ amount: 0n, script }],
        lockTime: 0
      })
      const toSign = new Transaction({ version: 0, allowUnknownOutputs: true, allowUnknownVersion: true })
      toSign.addInput({ txid: sha256(sha256(toSpend)).reverse(), index: 0, sequence: 0, witnessUtxo: { amount: 0n, script } })
      toSign.addOutput({ amount: 0n, script: Uint8Array.of(0x6a) })
      toSign.signIdx(secret, 0, [SigHash.ALL])
      toSign.finalize()
      const witness = RawWitness.encode(toSign.getInput(0).finalScriptWitness ?? [])
      return Promise.resolve({ signature: `smp${Buffer.from(witness).toString('base64')}` })
    }
  }
}

export const newWallets: Readonly<Record<WalletFamily, () => TestWallet>> = { evm, solana, cosmos, stacks, bitcoin }
