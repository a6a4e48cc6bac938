/** One right proof of each family. */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { WalletFamily } from '@countersign/contracts'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { base58, bech32 } from '@scure/base'
import { privateKeyToAccount } from 'viem/accounts'
import type { Proof } from '../../src/signature-pool/verifiers.ts'

const key = Buffer.alloc(32, 0x2f)
const message = 'app.example wants you to sign in:\nNonce: 32891756'
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64')

const evm = async (): Promise<Proof<'evm'>> => {
  const account = privateKeyToAccount(`0x${key.toString('hex')}`)
  return { message, signature: await account.signMessage({ message }), address: account.address }
}

const solana = (): Proof<'solana'> => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const bytes = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { message, signature: base58.encode(sign(null, Buffer.from(message), privateKey)), address: base58.encode(bytes) }
}

/** ADR-036: what a wallet hands to amino, keys sorted. */
const cosmos = (): Proof<'cosmos'> => {
  const publicKey = secp256k1.getPublicKey(key, true)
  const address = bech32.encodeFromBytes('cosmos', ripemd160(sha256(publicKey)))
  const document = `{"account_number":"0","chain_id":"","fee":{"amount":[],"gas":"0"},"memo":"","msgs":[{"type":"sign/MsgSignData","value":{"data":"${base64(message)}","signer":"${address}"}}],"sequence":"0"}`
  return { message, signature: base64(secp256k1.sign(Buffer.from(document), key)), publicKey: base64(publicKey), address }
}

/** Published in the tests of @stacks/encryption. */
const stacks: Proof<'stacks'> = {
  message: 'You are saying that you want to perform action XYZ.',
  address: 'STGSJA8EMYDBAJDX6Z4ED8CWW071B6NB97SRAM1E',
  signature: '29ef6d718235e5fc32a1b90dd8fc7fa9403fa1b55c2dce46374570b7f3a4815d0215b8565f29a33ef8132dc0db6b00a5f13d85d6aff5c1171271818b9928928c01',
  network: 'testnet'
}

/** Published with BIP-322: by key path of Taproot, so a Schnorr signature. */
const bitcoin: Proof<'bitcoin'> = {
  message: 'Hello World',
  address: 'bc1ppv609nr0vr25u07u95waq5lucwfm6tde4nydujnu8npg4q75mr5sxq8lt3',
  signature: 'AUHd69PrJQEv+oKTfZ8l+WROBHuy9HKrbFCJu7U1iK2iiEy1vMU5EfMtjc+VSHM7aU0SDbak5IUZRVno2P5mjSafAQ=='
}

export const proofs: { readonly [F in WalletFamily]: Proof<F> } = { evm: await evm(), solana: solana(), cosmos: cosmos(), stacks, bitcoin }
