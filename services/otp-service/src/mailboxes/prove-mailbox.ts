/** What happens, all or nothing, when a right code or link is the first one: the challenge is consumed and one receipt is given. */
import { mailboxActionPreimage, type MailboxProof, type MailboxReceiptClaims, type ReplyOf, type answerMailbox } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import { actionDigest } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import { normaliseAddress } from '../factors/factor.ts'
import type { ReceiptRepository } from '../receipts/receipt-repository.ts'
import type { Transact } from '../transaction.ts'
import type { MailboxBudgets } from './mailbox-budgets.ts'
import type { MailboxChallenge } from './mailbox-challenge.ts'
import type { MailboxRepository } from './mailbox-repository.ts'

type Reply = ReplyOf<typeof answerMailbox>

export interface ProveMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'consumeByCode' | 'consumeByLink'>
  readonly budgets: Pick<MailboxBudgets, 'succeed'>
  readonly receipts: Pick<ReceiptRepository, 'insert' | 'ofChallenge'>
  readonly sign: (claims: MailboxReceiptClaims) => Promise<string>
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'accepted'>
  readonly transact: Transact
  readonly newReceiptId: () => string
}

export interface Proved {
  readonly challenge: MailboxChallenge
  readonly by: MailboxProof
  /** The browser that asked is the one that answers. */
  readonly sameOpener: boolean
  /** The database's time of the answer. */
  readonly answeredAt: Date
  /** Of the attempt that was counted; a link has none. */
  readonly reservationId: string
}

export interface ProveMailbox {
  /** @returns undefined when another answer, a resend or a cancellation was first. */
  readonly prove: (proved: Proved, asking: Asking) => Promise<Reply | undefined>
  /** The reply to this very command was lost: it is read again, and nothing changes. */
  readonly again: (challenge: MailboxChallenge, by: MailboxProof, asking: Asking) => Promise<Reply | undefined>
}

export const createProveMailbox = ({ mailboxes, budgets, receipts, sign, audit, events, transact, newReceiptId }: ProveMailboxDeps): ProveMailbox => ({
  async prove ({ challenge, by, sameOpener, answeredAt, reservationId }, asking) {
    const claims: MailboxReceiptClaims = {
      jti: newReceiptId(),
      challenge_id: challenge.id,
      aud: 'auth-gateway',
      purpose: challenge.purpose,
      ...challenge.userId !== null && { sub: challenge.userId },
      proved_by: by,
      same_opener: sameOpener,
      action_digest: mailboxActionDigest(challenge),
      iat: Math.floor(answeredAt.getTime() / 1_000)
    }
    const receipt = await sign(claims)
    const consumed = await transact(async (transaction) => {
      const first = await (by === 'code' ? mailboxes.consumeByCode : mailboxes.consumeByLink)(challenge, asking.commandId, transaction)
      if (!first) return false
      await receipts.insert(claims, receipt, transaction)
      await budgets.succeed(challenge, sameOpener ? challenge.opener : null, reservationId, transaction)
      await audit.append({
        event: 'mailbox.proved',
        subject: challenge.id,
        ...challenge.userId !== null && { actor: challenge.userId },
        requestId: asking.requestId,
        facts: { purpose: challenge.purpose, aud: challenge.aud, receipt: claims.jti, digest: claims.action_digest, by, same_opener: sameOpener }
      }, transaction)
      return true
    })
    if (!consumed) return undefined
    events.accepted(challenge, answeredAt, asking.requestId)
    return replyOf(challenge, receipt)
  },

  async again (challenge, by, { commandId }) {
    if (challenge.consumedBy !== commandId || challenge.provedBy !== by) return undefined
    const given = await receipts.ofChallenge(challenge.id)
    return given && replyOf(challenge, given.receipt)
  }
})

/** @returns SHA-256 of the contract's preimage, 0x hex. */
const mailboxActionDigest = ({ purpose, userId, address }: MailboxChallenge): string =>
  actionDigest(mailboxActionPreimage(purpose, userId, normaliseAddress(address)))

const replyOf = ({ id, userId, address }: MailboxChallenge, receipt: string): Reply => ({ receipt, challenge_id: id, user_id: userId, email: address })
