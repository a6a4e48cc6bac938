/** A mailbox challenge as MongoDB keeps it. */
import { normaliseAddress } from '../factors/factor.ts'
import type { MailboxChallenge, NewMailboxChallenge } from './mailbox-challenge.ts'

export interface MailboxDocument {
  readonly _id: string
  readonly aud: MailboxChallenge['aud']
  readonly purpose: MailboxChallenge['purpose']
  readonly user_id: string | null
  readonly session_id: string | null
  readonly address: string
  readonly address_normalised: string
  readonly opener: string
  readonly deliver: boolean
  readonly known_place?: boolean
  readonly link_base: string | null
  readonly command_id: string
  readonly code_mac: string
  readonly pepper_id: string
  readonly link_mac: string | null
  readonly attempts_left: number
  readonly attempts_max: number
  readonly sends: number
  readonly resent_by: string | null
  readonly created_at: Date
  readonly code_expires_at: Date
  readonly link_expires_at: Date | null
  readonly ends_at: Date
  readonly last_sent_at: Date
  readonly last_attempt_at: Date | null
  readonly consumed_at: Date | null
  readonly consumed_by: string | null
  readonly proved_by: MailboxChallenge['provedBy']
  readonly cancelled_at: Date | null
}

type DatabaseTimes = 'created_at' | 'code_expires_at' | 'link_expires_at' | 'ends_at' | 'last_sent_at'

/** All but the times that only the database may say. */
export const newDocument = (challenge: NewMailboxChallenge): Omit<MailboxDocument, DatabaseTimes> => ({
  _id: challenge.id,
  aud: challenge.aud,
  purpose: challenge.purpose,
  user_id: challenge.userId,
  session_id: challenge.sessionId,
  address: challenge.address,
  address_normalised: normaliseAddress(challenge.address),
  opener: challenge.opener,
  deliver: challenge.deliver,
  known_place: challenge.knownPlace,
  link_base: challenge.linkBase,
  command_id: challenge.commandId,
  code_mac: challenge.codeMac,
  pepper_id: challenge.pepperId,
  link_mac: challenge.linkMac,
  attempts_left: challenge.attemptsMax,
  attempts_max: challenge.attemptsMax,
  sends: 0,
  resent_by: null,
  last_attempt_at: null,
  consumed_at: null,
  consumed_by: null,
  proved_by: null,
  cancelled_at: null
})

export const toMailboxChallenge = (found: MailboxDocument): MailboxChallenge => ({
  id: found._id,
  aud: found.aud,
  purpose: found.purpose,
  userId: found.user_id,
  sessionId: found.session_id,
  address: found.address,
  opener: found.opener,
  deliver: found.deliver,
  knownPlace: found.known_place === true,
  linkBase: found.link_base,
  commandId: found.command_id,
  codeMac: found.code_mac,
  pepperId: found.pepper_id,
  linkMac: found.link_mac,
  attemptsLeft: found.attempts_left,
  attemptsMax: found.attempts_max,
  sends: found.sends,
  resentBy: found.resent_by,
  createdAt: found.created_at,
  codeExpiresAt: found.code_expires_at,
  linkExpiresAt: found.link_expires_at,
  endsAt: found.ends_at,
  lastSentAt: found.last_sent_at,
  lastAttemptAt: found.last_attempt_at,
  consumedAt: found.consumed_at,
  consumedBy: found.consumed_by,
  provedBy: found.proved_by,
  cancelledAt: found.cancelled_at
})
