/** A mailbox challenge: one question to one address, for one purpose of the gateway, answered by one code or by one link. */
import type { MailboxProof, MailboxPurpose, ServiceName } from '@countersign/contracts'

export interface MailboxChallenge {
  readonly id: string
  /** The service on whose list it was asked for. */
  readonly aud: ServiceName
  readonly purpose: MailboxPurpose
  /** Null when the address has no account yet. */
  readonly userId: string | null
  /** The session that asked, where there was one. */
  readonly sessionId: string | null
  readonly address: string
  /** SHA-256 of the asking browser's secret: the code answers to it alone. */
  readonly opener: string
  /** False: nothing was mailed and no answer is right. Everything else is as if. */
  readonly deliver: boolean
  /** Asked from where the address signed in before, by the gateway's word. */
  readonly knownPlace: boolean
  /** Null: no link was wanted. */
  readonly linkBase: string | null
  readonly commandId: string
  readonly codeMac: string
  readonly pepperId: string
  readonly linkMac: string | null
  readonly attemptsLeft: number
  readonly attemptsMax: number
  readonly sends: number
  /** The command that sent the last new code. */
  readonly resentBy: string | null
  readonly createdAt: Date
  /** Of the code. */
  readonly codeExpiresAt: Date
  readonly linkExpiresAt: Date | null
  /** The later of both. */
  readonly endsAt: Date
  readonly lastSentAt: Date
  readonly lastAttemptAt: Date | null
  readonly consumedAt: Date | null
  readonly consumedBy: string | null
  readonly provedBy: MailboxProof | null
  readonly cancelledAt: Date | null
}

/** What is known before the database adds its own times. */
export type NewMailboxChallenge = Pick<MailboxChallenge,
  'id' | 'aud' | 'purpose' | 'userId' | 'sessionId' | 'address' | 'opener' | 'deliver' | 'knownPlace' | 'linkBase' | 'commandId' | 'codeMac' | 'pepperId' | 'linkMac' | 'attemptsMax'>

/** Who may answer with a code or ask for another: all of it must be equal, else the challenge does not exist for him and loses no attempt. */
export interface MailboxAnswerer {
  readonly aud: ServiceName
  readonly purpose: MailboxPurpose
  readonly opener: string
}

/** @param now the database's time. */
export const isLinkAlive = ({ deliver, consumedAt, cancelledAt, linkExpiresAt }: MailboxChallenge, now: Date): boolean =>
  deliver && consumedAt === null && cancelledAt === null && linkExpiresAt !== null && linkExpiresAt > now
