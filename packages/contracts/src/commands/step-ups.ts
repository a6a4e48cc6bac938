/**
 * Second proofs for the gateway's own actions. The gateway says who asks and which action it is; otp-service says which factors may answer,
 * what they show, and, by a receipt for this audience alone, that one did.
 */
import { Type } from 'typebox'
import { defineCommand } from '../command.ts'
import { ChallengeId, FactorId, SessionId, Timestamp, UserId } from '../primitives.ts'
import { StepUpAction } from '../step-ups.ts'
import { ChallengeView } from './challenges.ts'
import { FactorCode, FactorView } from './factors.ts'

const asker = { user_id: UserId, session_id: SessionId }

export const beginStepUp = defineCommand({
  name: 'step_ups.begin',
  summary: 'Ask a user for a second proof of one action of the gateway; nothing is sent yet',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ ...asker, action: StepUpAction }, { additionalProperties: false }),
  reply: Type.Object({
    challenge_id: ChallengeId,
    expires_at: Timestamp,
    attempts_left: Type.Integer({ minimum: 0 }),
    factors: Type.Array(FactorView)
  }, { additionalProperties: false })
})

/** A first or a new code; an older one dies, the attempts stay, and the end of the challenge stays. */
export const sendStepUp = defineCommand({
  name: 'step_ups.send',
  summary: 'Send the code of a step-up to one of the user\'s factors',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ ...asker, challenge_id: ChallengeId, factor_id: FactorId }, { additionalProperties: false }),
  reply: ChallengeView
})

export const verifyStepUp = defineCommand({
  name: 'step_ups.verify',
  summary: 'Spend one attempt on a step-up; the right proof is answered with a receipt',
  callee: 'otp-service',
  callers: ['auth-gateway'],
  deadlineMs: 3_000,
  request: Type.Object({ ...asker, challenge_id: ChallengeId, proof: Type.Object({ factor_id: FactorId, code: FactorCode }, { additionalProperties: false }) }, { additionalProperties: false }),
  reply: Type.Object({ receipt: Type.String({ maxLength: 4_096, description: 'Compact JWS, see receipts' }) }, { additionalProperties: false })
})
