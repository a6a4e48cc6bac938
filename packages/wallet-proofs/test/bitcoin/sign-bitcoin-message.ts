/** Signers to verify against: @scure/btc-signer for BIP-322, @noble/curves for BIP-137. */

import { createHash } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { NETWORK, p2pkh, p2sh, p2tr, p2wpkh, RawWitness, SigHash, TEST_NETWORK, Transaction, utils } from '@scure/btc-signer'
import { RawOldTx } from '@scure/btc-signer/script.js'

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(createHash('sha256').update(Buffer.concat(parts)).digest())

export const secretKey = sha256(Buffer.from('a test key'))
export const publicKey = secp256k1.getPublicKey(secretKey, true)

export type KeyType = 'p2wpkh' | 'p2tr' | 'p2pkh' | 'p2sh-p2wpkh'
export interface Wallet { readonly type: KeyType, readonly address: string, readonly script: Uint8Array, readonly redeemScript?: Uint8Array }

const networks = { mainnet: NETWORK, testnet: TEST_NETWORK, regtest: { ...TEST_NETWORK, bech32: 'bcrt' } }

/** One key, an address of each type. */
export function walletsOf (network: keyof typeof networks = 'mainnet', secret = secretKey): Record<KeyType, Wallet> {
  const on = networks[network]
  const key = secp256k1.getPublicKey(secret, true)
  const of = (type: KeyType, { address, script, redeemScript }: { address?: string, script: Uint8Array, redeemScript?: Uint8Array }): Wallet => ({ type, address: address ?? '', script, ...redeemScript && { redeemScript } })
  return {
    p2wpkh: of('p2wpkh', p2wpkh(key, on)),
    p2tr: of('p2tr', p2tr(utils.pubSchnorr(secret), undefined, on)),
    p2pkh: of('p2pkh', p2pkh(key, on)),
    'p2sh-p2wpkh': of('p2sh-p2wpkh', p2sh(p2wpkh(key, on), on))
  }
}

const tag = sha256(Buffer.from('BIP0322-signed-message'))

export function toSpend (message: string, script: Uint8Array): Uint8Array {
  const hash = sha256(tag, tag, Buffer.from(message))
  return RawOldTx.encode({
    version: 0,
    inputs: [{ txid: new Uint8Array(32), index: 0xffffffff, finalScriptSig: Uint8Array.of(0, 32, ...hash), sequence: 0 }],
    outputs: [{ amount: 0n, script }],
    lockTime: 0
  })
}

export interface Options { readonly version?: number, readonly lockTime?: number, readonly sequence?: number, readonly sighash?: number, readonly secret?: Uint8Array }

/** to_sign as BIP-322 has it, not signed. */
function draft ({ type, script, redeemScript }: Wallet, message: string, { version = 0, lockTime = 0, sequence = 0, sighash, secret = secretKey }: Options = {}): Transaction {
  const previous = toSpend(message, script)
  const tx = new Transaction({ version, lockTime, allowUnknownOutputs: true, allowUnknownVersion: true, allowLegacyWitnessUtxo: true })
  tx.addInput({
    txid: sha256(sha256(previous)).reverse(), index: 0, sequence,
    witnessUtxo: { amount: 0n, script },
    ...redeemScript && { redeemScript },
    ...type === 'p2tr' && { tapInternalKey: utils.pubSchnorr(secret) },
    ...sighash !== undefined && { sighashType: sighash }
  })
  tx.addOutput({ amount: 0n, script: Uint8Array.of(0x6a) })
  return tx
}

export function signed (wallet: Wallet, message: string, options: Options = {}): { readonly witness: Uint8Array[], readonly scriptSig: Uint8Array, readonly full: Uint8Array, readonly simple: Uint8Array } {
  const tx = draft(wallet, message, options)
  tx.signIdx(options.secret ?? secretKey, 0, [options.sighash ?? (wallet.type === 'p2tr' ? SigHash.DEFAULT : SigHash.ALL)])
  tx.finalize()
  const { finalScriptWitness: witness = [], finalScriptSig: scriptSig = new Uint8Array() } = tx.getInput(0)
  return { witness, scriptSig, full: tx.extract(), simple: RawWitness.encode(witness) }
}

/** BIP-137: r and s, and which of the two keys it was. */
export function signCompact (message: string, secret = secretKey): { readonly compact: Uint8Array, readonly recovery: number } {
  const text = Buffer.from(message)
  const length = text.length < 253 ? Uint8Array.of(text.length) : text.length < 65_536 ? Uint8Array.of(253, text.length, text.length >> 8) : Uint8Array.of(254, text.length, text.length >> 8, text.length >> 16, text.length >> 24)
  const digest = sha256(sha256(Buffer.from('\x18Bitcoin Signed Message:\n'), length, text))
  const signature = secp256k1.Signature.fromBytes(secp256k1.sign(digest, secret, { prehash: false, format: 'recovered' }), 'recovered')
  return { compact: signature.toBytes('compact'), recovery: signature.recovery ?? 0 }
}
