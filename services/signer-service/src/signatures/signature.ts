/** One signature of a text or of typed data, from the request to its end. Nothing of it is sent anywhere: it is given to whoever asked. */
import type { SignatureIntent } from '@countersign/contracts'
import type { Countersigned } from '../transactions/transaction.ts'

export interface Signature extends Countersigned {
  /** EIP-55, of the wallet that signs. */
  readonly address: string
  /** What is signed, as JSON in its canonical form: everything else about it is read from this, each time. */
  readonly payload: string
  readonly metadata: Readonly<Record<string, string>>
  /** 0x, r, s and v; null until it is signed, and never another one afterwards. */
  readonly signature: string | null
}

/** Always made anew from the row's fields: a stored digest proves nothing about them. @param messageDigest of the payload */
export const signatureIntentOf = (deployment: string, row: Signature, messageDigest: string): SignatureIntent => ({
  deployment,
  signature_id: row.id,
  initiator: row.initiator,
  wallet: row.address,
  chain_id: row.chainId,
  message_digest: messageDigest,
  // Stamped in whole seconds.
  valid_until: Math.floor(row.validUntil.getTime() / 1_000),
  policy_version: row.policy.version
})
