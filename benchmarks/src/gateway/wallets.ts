/** Wallets that sign fast: thousands of proofs are made before anything is timed. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { createRequire } from 'node:module'
import { base58 } from '@scure/base'
import { hashMessage, hexToBytes } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'

export interface Wallet {
  readonly address: string
  /** @returns the signature as the family's `verify` route takes it */
  readonly sign: (message: string) => string
}

interface Secp256k1 {
  ecdsaSign (digest: Uint8Array, secret: Uint8Array): { readonly signature: Uint8Array, readonly recid: number }
}

/** The native library: the package's index.js would fall back to another one in silence. */
const secp256k1 = createRequire(import.meta.url)('secp256k1/bindings.js') as Secp256k1

export const walletMakers = {
  evm (): Wallet {
    const secret = generatePrivateKey()
    return {
      address: privateKeyToAccount(secret).address,
      sign (message) {
        const { signature, recid } = secp256k1.ecdsaSign(hashMessage(message, 'bytes'), hexToBytes(secret))
        return `0x${Buffer.from(signature).toString('hex')}${(27 + recid).toString(16)}`
      }
    }
  },

  solana (): Wallet {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    return {
      address: base58.encode(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')),
      sign: (message) => base58.encode(sign(null, Buffer.from(message), privateKey))
    }
  }
} as const

export type BenchedFamily = keyof typeof walletMakers
