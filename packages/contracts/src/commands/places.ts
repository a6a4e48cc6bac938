/** From where a message is asked for, as the gateway tells it. otp-service holds its count against the recipient's in one step: both are counted, or neither. */
import { Type, type Static } from 'typebox'

export const AskingPlace = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43, description: 'Keyed hash of the client address, of an IPv6 one of its /64' }),
  known: Type.Optional(Type.Boolean({ description: 'The login that is asked for was right from there before: strangers who use up its mails, or that place\'s, do not keep its owner from one' }))
}, { additionalProperties: false })
export type AskingPlace = Static<typeof AskingPlace>
