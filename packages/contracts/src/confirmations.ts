/**
 * What a wallet is shown, and signs, when its owner confirms something: EIP-712 typed data for Ethereum, a text for the other families. Both
 * are made from the text that a mail of the same action would show, so that whoever confirms reads the same words everywhere. They are
 * pure: the asker of a confirmation and whoever checks it make the same from the same.
 */
import { Type, type Static } from 'typebox'
import { ChainId, Hash32, Timestamp } from './primitives.ts'

/** One thing that somebody is asked to confirm. */
export interface Confirmation {
  /** What is confirmed: a first line that says it, and lines `Name: value` of what it is done with; its SHA-256 is in the receipt. */
  readonly text: string
  /** Whose account it is done in. */
  readonly account: string
  /** host[:port] of the house, as its owner knows it. */
  readonly site: string
  readonly purpose: string
  /** Of this one question: the id of its challenge, or random bits. */
  readonly nonce: string
  /** 32 bytes, 0x hex: binds what the text says, and whatever it leaves out. */
  readonly digest: string
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** EIP-712. The chain is the one of the wallet that is asked, since wallets refuse to sign for another than they are on. */
export const confirmationDomain = Object.freeze({ name: 'Countersign', version: '1' })

/** In the order of encodeType. The domain's own type stands here for wallets, which want it spelt out. */
export const confirmationTypes = {
  EIP712Domain: [
    { name: 'name', type: 'string' },
    { name: 'version', type: 'string' },
    { name: 'chainId', type: 'uint256' }
  ],
  Confirmation: [
    { name: 'action', type: 'string' },
    { name: 'details', type: 'Detail[]' },
    { name: 'notice', type: 'string' },
    { name: 'account', type: 'string' },
    { name: 'site', type: 'string' },
    { name: 'purpose', type: 'string' },
    { name: 'nonce', type: 'string' },
    { name: 'digest', type: 'bytes32' },
    { name: 'issuedAt', type: 'string' },
    { name: 'expiresAt', type: 'string' }
  ],
  Detail: [
    { name: 'name', type: 'string' },
    { name: 'value', type: 'string' }
  ]
} as const

const Fields = Type.Array(Type.Object({ name: Type.String({ maxLength: 64 }), type: Type.String({ maxLength: 64 }) }, { additionalProperties: false }), { maxItems: 16 })
const Line = Type.String({ maxLength: 4_096 })

/** As `eth_signTypedData_v4` takes it, whole. */
export const ConfirmationTypedData = Type.Object({
  domain: Type.Object({ name: Line, version: Line, chainId: ChainId }, { additionalProperties: false }),
  types: Type.Object({ EIP712Domain: Fields, Confirmation: Fields, Detail: Fields }, { additionalProperties: false }),
  primaryType: Type.Literal('Confirmation'),
  message: Type.Object({
    action: Line,
    details: Type.Array(Type.Object({ name: Line, value: Line }, { additionalProperties: false }), { maxItems: 64 }),
    notice: Line,
    account: Line,
    site: Line,
    purpose: Line,
    nonce: Line,
    digest: Hash32,
    issuedAt: Timestamp,
    expiresAt: Timestamp
  }, { additionalProperties: false })
}, { additionalProperties: false, description: 'EIP-712: hand it to eth_signTypedData_v4 as it is' })
export type ConfirmationTypedData = Static<typeof ConfirmationTypedData>

interface ShownText {
  readonly action: string
  readonly details: { readonly name: string, readonly value: string }[]
  readonly notice: string
}

const detail = /^([A-Z][A-Za-z0-9 ]{0,39}): (.+)$/

/** The lines of a text as fields of a screen: the first one, those like `To: 0x…`, and the rest. No word is left out. */
export function shownText (text: string): ShownText {
  const [action = '', ...lines] = text.split('\n').filter((line) => line !== '')
  const parsed = lines.map((line) => ({ line, found: detail.exec(line) }))
  return {
    action,
    details: parsed.flatMap(({ found }) => found === null ? [] : [{ name: found[1] ?? '', value: found[2] ?? '' }]),
    notice: parsed.flatMap(({ line, found }) => found === null ? [line] : []).join(' ')
  }
}

/** What an Ethereum wallet signs. @param chainId EIP-155 */
export const confirmationTypedData = ({ text, account, site, purpose, nonce, digest, issuedAt, expiresAt }: Confirmation, chainId: number): ConfirmationTypedData => ({
  domain: { ...confirmationDomain, chainId },
  types: { EIP712Domain: [...confirmationTypes.EIP712Domain], Confirmation: [...confirmationTypes.Confirmation], Detail: [...confirmationTypes.Detail] },
  primaryType: 'Confirmation',
  message: { ...shownText(text), account, site, purpose, nonce, digest, issuedAt: issuedAt.toISOString(), expiresAt: expiresAt.toISOString() }
})

/** The account that is asked, in the words of its family. */
export interface AskedWallet {
  /** As in "your Solana account". */
  readonly chainName: string
  readonly address: string
  /** Of its CAIP-2 chain id. */
  readonly chainReference: string
}

/**
 * What a wallet of another family signs. Its first line is another one than that of a sign-in (EIP-4361, CAIP-122), so that neither text
 * can be read as the other; a Ledger of Solana takes its application domain from it.
 */
export const confirmationMessage = ({ text, account, site, purpose, nonce, digest, issuedAt, expiresAt }: Confirmation, { chainName, address, chainReference }: AskedWallet): string => [
  `${site} wants you to confirm an action with your ${chainName} account:`,
  address,
  '',
  text,
  '',
  `Account: ${account}`,
  `Purpose: ${purpose}`,
  `Chain ID: ${chainReference}`,
  `Nonce: ${nonce}`,
  `Digest: ${digest}`,
  `Issued At: ${issuedAt.toISOString()}`,
  `Expiration Time: ${expiresAt.toISOString()}`
].join('\n')
