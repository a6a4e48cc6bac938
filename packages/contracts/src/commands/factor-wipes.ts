/**
 * The proof that an account may be deleted with its factors. Only who reads the mailbox of a factor may have it wiped: without an answer
 * to this challenge otp-service keeps it, whatever the gateway says.
 */
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, Code, MaskedEmail, SessionId, Timestamp, UserId } from '../primitives.ts'

const asker = { user_id: UserId, session_id: SessionId }

export const beginFactorWipe = defineCommand({
  name: 'factors.wipe.begin',
  summary: 'Mail a code that confirms the deletion of an account to the address of its factor',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object(asker, { additionalProperties: false }),
  reply: Type.Object({
    challenge: Type.Union([Type.Object({ challenge_id: ChallengeId, sent_to: MaskedEmail, expires_at: Timestamp }), Type.Null()], { description: 'null: there is no factor, so there is nothing to prove' })
  }, { additionalProperties: false })
})

/** Notes on otp-service's own record that the factors may be wiped; the job `account-delete-otp` then does it. Refused without a proof where there is a factor. */
export const confirmFactorWipe = defineCommand({
  name: 'factors.wipe.confirm',
  summary: 'Prove by its code that an account may be deleted with its factors',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({
    ...asker,
    proof: Type.Optional(Type.Object({ challenge_id: ChallengeId, code: Code }, { additionalProperties: false }))
  }, { additionalProperties: false }),
  reply: Type.Object({
    receipt: Type.Union([Type.String({ maxLength: 4_096 }), Type.Null()], { description: 'Compact JWS, see receipts; null: there is no factor' })
  }, { additionalProperties: false })
})

/** What `action_digest` of the receipt is the SHA-256 of (UTF-8, 0x hex). */
export const wipeActionPreimage = (userId: string): string => `countersign/v1|account_delete|${userId}`
