import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, Code, Hash32, MaskedAddress, SessionId, Timestamp, UserId } from '../primitives.ts'

export const ChallengeView = Type.Object({
  challenge_id: ChallengeId,
  sent_to: MaskedAddress,
  expires_at: Timestamp,
  attempts_left: Type.Integer({ minimum: 0 })
}, { additionalProperties: false })

/** The asker chooses the id, the digest and the exact text that the mail shows. Its audience is the list it asks on. */
export const createChallenge = defineCommand({
  name: 'challenges.create',
  summary: 'Ask a user to confirm one action; the code is mailed with the text of the action',
  callee: 'otp-service',
  callers: ['signer-service'],
  deadlineMs: 3_000,
  request: Type.Object({
    challenge_id: ChallengeId,
    purpose: Type.Literal('transaction'),
    user_id: UserId,
    session_id: SessionId,
    factor_root: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43, description: 'Of the principal; refused when the user\'s is another' }),
    action_digest: Hash32,
    text: Type.String({ minLength: 1, maxLength: 2_000, description: 'Exactly what the mail shows' }),
    action_ends_at: Type.Optional(Timestamp)
  }, { additionalProperties: false }),
  reply: ChallengeView
})

/** A new code for the same challenge and the same attempts. */
export const resendChallenge = defineCommand({
  name: 'challenges.resend',
  summary: 'Mail a new code for a challenge; the attempts stay what they are',
  callee: 'otp-service',
  callers: ['signer-service'],
  deadlineMs: 3_000,
  request: Type.Object({ challenge_id: ChallengeId, user_id: UserId, session_id: SessionId }, { additionalProperties: false }),
  reply: ChallengeView
})

export const verifyChallenge = defineCommand({
  name: 'challenges.verify',
  summary: 'Spend one attempt on a challenge; the right code is answered with a receipt',
  callee: 'otp-service',
  callers: ['signer-service'],
  deadlineMs: 3_000,
  request: Type.Object({ challenge_id: ChallengeId, user_id: UserId, session_id: SessionId, code: Code }, { additionalProperties: false }),
  reply: Type.Object({ receipt: Type.String({ maxLength: 4_096, description: 'Compact JWS, see receipts' }) }, { additionalProperties: false })
})
