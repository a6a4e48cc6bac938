/** What an asker learns of a challenge. */
import type { ChallengeView, OpenChallenge } from '@countersign/contracts'
import type { Static } from 'typebox'
import { maskAddress, type Factor } from '../factors/factor.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import { factorView } from '../factors/factor-view.ts'
import type { Challenge } from './challenge.ts'
import { mayAnswer } from './may-answer.ts'

/** Of one whose code was sent. */
export const sentView = ({ id, address, expiresAt, attemptsLeft }: Challenge): Static<typeof ChallengeView> => ({
  challenge_id: id,
  sent_to: maskAddress(address),
  expires_at: expiresAt.toISOString(),
  attempts_left: attemptsLeft
})

/** @param all factors of its user */
export const openView = (challenge: Challenge, all: readonly Factor[], checks: FactorChecks): OpenChallenge => ({
  challenge_id: challenge.id,
  ...challenge.address !== null && { sent_to: maskAddress(challenge.address) },
  expires_at: challenge.expiresAt.toISOString(),
  attempts_left: challenge.attemptsLeft,
  factors: all.filter((factor) => mayAnswer(challenge, factor)).map((factor) => factorView(factor, checks))
})
