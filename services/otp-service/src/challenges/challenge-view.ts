/** What an asker learns of a challenge. */
import type { ReplyOf, createChallenge } from '@countersign/contracts'
import { maskAddress } from '../factors/factor.ts'
import type { Challenge } from './challenge.ts'

/** Of one whose code was sent. */
export const challengeView = ({ id, address, expiresAt, attemptsLeft }: Challenge): ReplyOf<typeof createChallenge> => ({
  challenge_id: id,
  sent_to: maskAddress(address),
  expires_at: expiresAt.toISOString(),
  attempts_left: attemptsLeft
})
