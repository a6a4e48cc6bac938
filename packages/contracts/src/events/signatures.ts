/** What others are told of a signature's moves: thin, and never the signature itself. */
import { Type, type Static } from 'typebox'
import { ChainId, SignatureId, Timestamp, UserId, WalletId } from '../primitives.ts'
import { SignatureStateSchema, type SignatureState } from '../signatures.ts'
import { EventId } from './transactions.ts'

export const signatureEventNames = ['accepted', 'waiting', 'approved', 'signed', 'rejected', 'cancelled', 'expired'] as const
export type SignatureEventName = typeof signatureEventNames[number]

export const SignatureEvent = Type.Object({
  id: EventId,
  type: Type.Union(signatureEventNames.map((name) => Type.Literal(`signature.${name}`)) as never),
  created_at: Timestamp,
  data: Type.Object({
    signature_id: SignatureId,
    state: SignatureStateSchema,
    initiator: UserId,
    wallet_id: WalletId,
    chain_id: Type.Union([ChainId, Type.Literal(0)], { description: '0: a text, which names no chain' })
  }, { additionalProperties: false })
}, { additionalProperties: false })
export type SignatureEvent = Omit<Static<typeof SignatureEvent>, 'type'> & { readonly type: `signature.${SignatureEventName}` }

/** @returns in their order. */
export function signatureEventsOf (from: SignatureState, to: SignatureState): readonly SignatureEventName[] {
  if (from === 'received') return ['accepted', ...signatureEventsOf('awaiting_confirmation', to)]
  if (to === 'received') return []
  return [to === 'awaiting_confirmation' ? 'waiting' : to]
}
