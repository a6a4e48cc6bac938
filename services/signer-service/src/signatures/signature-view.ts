/** How a signature is shown to its initiator. */
import type { SignatureState, SignatureView, TypedDataRequest } from '@countersign/contracts'
import { challengeView, proofView } from '../transactions/transaction-view.ts'
import { isUnlimited } from './grants.ts'
import { callsOfMessage, messageDigest, messageOfPayload } from './message.ts'
import type { Signature } from './signature.ts'

export function signatureView (row: Signature): SignatureView {
  const message = messageOfPayload(row.payload)
  const challenge = row.state === 'awaiting_confirmation' ? challengeView(row.confirmation) : undefined
  return {
    id: row.id,
    state: row.state as SignatureState,
    initiator: row.initiator,
    wallet_id: row.walletId,
    address: row.address,
    form: message.form,
    ...message.form === 'text' ? { text: message.text } : { typed_data: message.data as unknown as TypedDataRequest },
    grants: callsOfMessage(message, row.address).flatMap(({ movement }) => movement === null ? [] : [{ ...movement, amount: movement.amount.toString(), unlimited: isUnlimited(movement.amount) }]),
    message_digest: messageDigest(message),
    ...row.signature !== null && { signature: row.signature },
    policy: { ...row.policy },
    digest: row.digest,
    ...challenge !== undefined && { confirmation: challenge },
    ...row.proof !== null && { proof: proofView(row.proof) },
    ...row.state === 'awaiting_confirmation' && { missing: [...row.missing] },
    ...row.failure !== null && { failure: { ...row.failure } },
    metadata: { ...row.metadata },
    history: row.history.map(({ state, at }) => ({ state: state as SignatureState, at: at.toISOString() })),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    valid_until: row.validUntil.toISOString()
  }
}
