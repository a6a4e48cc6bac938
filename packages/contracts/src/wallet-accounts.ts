/** How accounts of wallets are written. */
import { Type, type TSchema } from 'typebox'
import type { WalletFamily } from './access.ts'
import { walletFamilies } from './access.ts'
import { EvmAddress } from './primitives.ts'

export const WalletFamilySchema = Type.Unsafe<WalletFamily>({ type: 'string', enum: [...walletFamilies], description: 'Family of wallets' })
export const WalletNetwork = Type.String({ pattern: '^[a-z0-9-]{1,32}$', maxLength: 32, description: 'One of the configured networks; the default one when absent' })

const base58 = '[1-9A-HJ-NP-Za-km-z]'

/** The grammar alone: whether an address is right (checksum, network) is decided by its proof. */
export const walletAddresses: Readonly<Record<WalletFamily, TSchema>> = Object.freeze({
  evm: EvmAddress,
  solana: Type.String({ pattern: `^${base58}{32,44}$`, maxLength: 44, description: 'Ed25519 public key, base58' }),
  cosmos: Type.String({ pattern: '^([a-z]{1,20}1[02-9ac-hj-np-z]{38}|[A-Z]{1,20}1[02-9AC-HJ-NP-Z]{38})$', maxLength: 64, description: 'bech32 account address' }),
  stacks: Type.String({ pattern: '^S[0-9A-HJKMNP-TV-Z]{38,40}$', maxLength: 41, description: 'c32check address: SP… on mainnet, ST… elsewhere' }),
  bitcoin: Type.String({ pattern: '^[A-Za-z0-9]{26,90}$', maxLength: 90, description: 'P2PKH, P2SH-P2WPKH, P2WPKH or P2TR address' })
})
