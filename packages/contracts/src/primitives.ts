import { Type, type TString } from 'typebox'

/** Crockford base 32 without I, L, O and U: 26 characters carry 48 bits of time and 80 random bits. */
const identifier = (prefix: string, title: string): TString =>
  Type.String({ pattern: `^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`, maxLength: prefix.length + 27, description: title })

export const UserId = identifier('usr', 'User id')
export const SessionId = identifier('ses', 'Session handle; no credential')
export const ApiKeyId = identifier('key', 'API key id; no credential')
export const ChallengeId = identifier('chl', 'Challenge id')
export const TransactionId = identifier('tx', 'Transaction id')
export const SignatureId = identifier('sig', 'Signature id')
/** Whatever is countersigned. */
export const CountersignedId = Type.String({ pattern: '^(tx|sig)_[0-9A-HJKMNP-TV-Z]{26}$', maxLength: 30, description: 'Id of a transaction or of a signature' })
export const WalletId = identifier('wal', 'Id of a KMS-held wallet')
export const PolicyId = identifier('pol', 'Policy id')
export const ReceiptId = identifier('rcp', 'Receipt id')
export const DeliveryId = identifier('dlv', 'Mail delivery id')
export const FactorId = identifier('fct', 'Factor id')
export const DeletionId = identifier('del', 'Id of the deletion of an account')

/** Who asked, by what: a session, or an API key. */
export const CallerHandle = Type.String({ pattern: '^(ses|key)_[0-9A-HJKMNP-TV-Z]{26}$', maxLength: 31, description: 'Session handle or API key id; no credential' })

/** Longest message, signature or other free text that a body may carry is set by the body limit; these are the bounded ones. */
export const EvmAddress = Type.String({ pattern: '^0x[0-9a-fA-F]{40}$', maxLength: 42, description: 'EVM address, hex; EIP-55 when mixed case' })
export const Hash32 = Type.String({ pattern: '^0x[0-9a-f]{64}$', maxLength: 66, description: '32 bytes, lower-case hex' })
export const ChainId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'EIP-155 chain id' })

/** uint256 has at most 78 decimal digits. */
export const Amount = Type.String({ pattern: '^(0|[1-9][0-9]{0,77})$', maxLength: 78, description: 'Integer of the smallest unit (wei), decimal' })
export const Timestamp = Type.String({ format: 'date-time', maxLength: 30, description: 'RFC 3339, UTC' })
export const Code = Type.String({ pattern: '^[0-9]{6}$', maxLength: 6, description: 'One-time code' })

/**
 * Addr-spec of RFC 5321 without quoted local parts, comments, literals or non-ASCII:
 * those are what mail libraries disagree on, and a code must go to exactly one mailbox.
 */
export const EmailAddress = Type.String({
  minLength: 3,
  maxLength: 254,
  // The first group counts the local part as a whole (RFC 5321 §4.5.3.1.1); a domain of other letters is written as punycode.
  pattern: "^(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,16}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.){1,16}[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])$",
  description: 'E-mail address'
})
/** ITU-T E.164, as it is dialled from everywhere. No calling code begins with 0, and no number with one is shorter than 8 digits. */
export const PhoneNumber = Type.String({ pattern: '^\\+[1-9][0-9]{7,14}$', minLength: 9, maxLength: 16, description: 'Telephone number, E.164' })
export const MaskedEmail = Type.String({ maxLength: 254, description: 'E-mail address with most characters hidden' })
export const MaskedAddress = Type.String({ maxLength: 254, description: 'E-mail address or telephone number with most characters hidden' })

export const IdempotencyKey = Type.String({ pattern: '^[A-Za-z0-9_.:-]{1,128}$', maxLength: 128, description: 'Chosen by the caller, unique per request' })
export const RequestId = Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$', maxLength: 64, description: 'One id from the gateway to the mail and the transaction' })
export const Cursor = Type.String({ pattern: '^[A-Za-z0-9_-]{1,512}$', maxLength: 512, description: 'Opaque, authenticated' })

/** One line of somebody else's words: no line ends, no control characters, no marks that turn the direction of text. */
export const ShownLine = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]+$' })
