/** A wallet of each family that signs as real ones do. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { WalletFamily } from '@countersign/contracts'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { ripemd160 } from '@noble/hashes/legacy.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { base58, bech32 } from '@scure/base'
import { p2wpkh, RawWitness, SigHash, Transaction } from '@scure/btc-signer'
import { RawOldTx } from '@scure/btc-signer/script.js'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

/** What goes into the body of `verify` and `link` besides address and text. */
type Sign = (message: string) => Promise<Readonly<Record<string, string>>>

export interface TestWallet {
  readonly family: WalletFamily
  readonly address: string
  /** The same account as another caller may spell it. */
  readonly spellings: readonly string[]
  readonly sign: Sign
}

export interface SolanaTestWallet extends TestWallet {
  /** As a Ledger signs: the text in an off-chain envelope. @param domain of the application; the one that the text begins with unless given */
  readonly signEnvelope: (message: string, domain?: string) => ReturnType<Sign>
}
export interface CosmosTestWallet extends TestWallet {
  /** The same key's address on another chain. */
  readonly under: (prefix: string) => TestWallet
}
export interface BitcoinTestWallet extends TestWallet {
  /** BIP-322 in its full form: the whole virtual transaction. */
  readonly signFull: (message: string, given?: { readonly version?: number, readonly lockTime?: number }) => ReturnType<Sign>
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

function solana (): SolanaTestWallet {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  const signBytes = (bytes: Uint8Array): ReturnType<Sign> => Promise.resolve({ signature: base58.encode(sign(null, bytes, privateKey)) })
  return {
    family: 'solana', address: base58.encode(key), spellings: [],
    sign: (message) => signBytes(Buffer.from(message)),
    // docs.anza.xyz, proposals/off-chain-message-signing: version 0, application domain, restricted ASCII, one signer.
    signEnvelope: (message, domain = message.split(' ')[0] ?? '') => signBytes(Buffer.concat([
      Buffer.from('\xffsolana offchain\0', 'latin1'), Buffer.from(domain.padEnd(32, '\0')), Uint8Array.of(0, 1), key,
      Uint8Array.of(message.length & 0xff, message.length >> 8), Buffer.from(message)
    ]))
  }
}

/** ADR-36: the text goes as data into a document that no chain would take for a transaction. */
const adr36 = (message: string, signer: string): string =>
  `{"account_number":"0","chain_id":"","fee":{"amount":[],"gas":"0"},"memo":"","msgs":[{"type":"sign/MsgSignData","value":{"data":"${Buffer.from(message).toString('base64')}","signer":"${signer}"}}],"sequence":"0"}`

function cosmosWallet (prefix: string, secret: Uint8Array, hashes: { readonly ofKey: Uint8Array, readonly of: (text: string) => Uint8Array }): TestWallet {
  const address = bech32.encode(prefix, bech32.toWords(hashes.ofKey))
  return {
    family: 'cosmos', address, spellings: [address.toUpperCase()],
    sign: (message) => Promise.resolve({
      signature: Buffer.from(secp256k1.sign(hashes.of(adr36(message, address)), secret, { prehash: false })).toString('base64'),
      public_key: Buffer.from(secp256k1.getPublicKey(secret, true)).toString('base64')
    })
  }
}

function cosmos (): CosmosTestWallet {
  const secret = randomBytes(32)
  const hashes = { ofKey: ripemd160(sha256(secp256k1.getPublicKey(secret, true))), of: (text: string) => sha256(text) }
  const under = (prefix: string): TestWallet => cosmosWallet(prefix, secret, hashes)
  return { ...under('cosmos'), under }
}

/** Of a Cosmos chain that hashes keys and texts as Ethereum does (ethsecp256k1). */
export function newInjectiveWallet (): TestWallet {
  const secret = randomBytes(32)
  const ofKey = keccak_256(secp256k1.getPublicKey(secret, false).subarray(1)).subarray(12)
  return cosmosWallet('inj', secret, { ofKey, of: (text) => keccak_256(Buffer.from(text)) })
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
  const hash = ripemd160(sha256(secp256k1.getPublicKey(secret, true)))
  return {
    // Of the main network and of the test network.
    family: 'stacks', address: c32Address(22, hash), spellings: [c32Address(26, hash)],
    sign: (message) => {
      const text = Buffer.from(message)
      const length = text.length < 253 ? Uint8Array.of(text.length) : Uint8Array.of(253, text.length, text.length >> 8)
      const signature = recovered(sha256('\x17Stacks Signed Message:\n', length, text), secret)
      return Promise.resolve({ signature: `${Buffer.from(signature.toBytes('compact')).toString('hex')}0${signature.recovery ?? 0}`, public_key: Buffer.from(secp256k1.getPublicKey(secret, true)).toString('hex') })
    }
  }
}

/** BIP-322 with a native segwit key. */
function bitcoin (): BitcoinTestWallet {
  const secret = randomBytes(32)
  const { address = '', script } = p2wpkh(secp256k1.getPublicKey(secret, true))
  const tag = sha256('BIP0322-signed-message')
  const toSign = (message: string, { version = 0, lockTime = 0 } = {}): Transaction => {
    const toSpend = RawOldTx.encode({
      version: 0,
      inputs: [{ txid: new Uint8Array(32), index: 0xffffffff, finalScriptSig: Uint8Array.of(0, 32, ...sha256(tag, tag, message)), sequence: 0 }],
      outputs: [{ amount: 0n, script }],
      lockTime: 0
    })
    const transaction = new Transaction({ version, lockTime, allowUnknownOutputs: true, allowUnknownVersion: true })
    transaction.addInput({ txid: sha256(sha256(toSpend)).reverse(), index: 0, sequence: 0, witnessUtxo: { amount: 0n, script } })
    transaction.addOutput({ amount: 0n, script: Uint8Array.of(0x6a) })
    transaction.signIdx(secret, 0, [SigHash.ALL])
    transaction.finalize()
    return transaction
  }
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return {
    family: 'bitcoin', address, spellings: [address.toUpperCase()],
    sign: (message) => Promise.resolve({ signature: `smp${base64(RawWitness.encode(toSign(message).getInput(0).finalScriptWitness ?? []))}` }),
    signFull: (message, given) => Promise.resolve({ signature: `ful${base64(toSign(message, given).extract())}` })
  }
}

export const newWallets = { evm, solana, cosmos, stacks, bitcoin } satisfies Readonly<Record<WalletFamily, () => TestWallet>>
