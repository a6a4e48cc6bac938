/** otp-service's proofs of a mailbox, and what the gateway believes of them: its signed receipt alone, compared with what was asked. */
import {
  answerMailbox, beginMailbox, cancelMailbox, mailboxActionPreimage, Problem, problems, resendMailbox,
  type MailboxPurpose, type MailboxReceiptClaims, type AskingPlace, type ReplyOf
} from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import { actionDigest, keyedHash, type ReceiptVerifier } from '@countersign/secrets'
import { openerOf } from './opener.ts'
import { refusedReceipt } from '../receipts/refused-receipt.ts'

export interface MailboxDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly receipts: Pick<ReceiptVerifier, 'verifyMailbox'>
  /** 32 bytes for this purpose alone: the command id is a hash over a short code. */
  readonly commandKey: Uint8Array
  /** Where mailed links lead to. From the configuration: no header of a request has a word in it. */
  readonly links: Readonly<Record<'verify' | 'reset', string>>
}

export interface Beginning {
  readonly purpose: MailboxPurpose
  readonly email: string
  /** Whose address it is, or for whom it is asked; null: nobody's yet. */
  readonly userId: string | null
  readonly sessionId?: string
  readonly secret: string
  /** False: an address that must get nothing; the answer is the same. */
  readonly deliver: boolean
  readonly place: AskingPlace
  readonly link?: 'verify' | 'reset'
}

/** As the API has it. */
export interface Sent {
  readonly challenge_id: string
  readonly sent_to: string
  readonly expires_at: string
}

export type MailboxAnswer =
  | { readonly challengeId: string, readonly secret: string, readonly code: string }
  | { readonly token: string, readonly secret?: string }

/** Somebody reads this mailbox. */
export interface ProvedMailbox {
  readonly receiptId: string
  readonly challengeId: string
  readonly purpose: MailboxPurpose
  readonly email: string
  /** As when the challenge was begun. */
  readonly userId: string | null
  /** The browser that asked is the one that answered. */
  readonly sameOpener: boolean
}

export type Mailbox = ReturnType<typeof createMailbox>

export function createMailbox ({ commands, receipts, commandKey, links }: MailboxDeps) {
  /** @throws Problem codeRejected */
  async function believe (purpose: MailboxPurpose, challengeId: string, { receipt, user_id: userId, email }: ReplyOf<typeof answerMailbox>): Promise<MailboxReceiptClaims> {
    const claims = await receipts.verifyMailbox(receipt).catch(refusedReceipt)
    const ours = claims.purpose === purpose && claims.challenge_id === challengeId && (claims.sub ?? null) === userId &&
      claims.action_digest === actionDigest(mailboxActionPreimage(purpose, userId, email.toLowerCase()))
    if (!ours) throw new Problem(problems.codeRejected)
    return claims
  }

  return {
    /** @throws Problem sendLimited, factorLocked, unavailable */
    async begin ({ purpose, email, userId, sessionId, secret, deliver, place, link }: Beginning, requestId: string): Promise<Sent> {
      return sentIn(await commands.call(beginMailbox, {
        purpose, user_id: userId, email, opener: openerOf(secret), deliver, place,
        ...sessionId !== undefined && { session_id: sessionId }, ...link !== undefined && { link_base: links[link] }
      }, { requestId, ...userId !== null && { actor: userId } }))
    },

    /** @throws Problem notFound, stateConflict, sendLimited, factorLocked, unavailable */
    resend: async ({ challengeId, purpose, secret, place }: { readonly challengeId: string, readonly purpose: MailboxPurpose, readonly secret: string, readonly place: AskingPlace }, requestId: string): Promise<Sent> =>
      sentIn(await commands.call(resendMailbox, { challenge_id: challengeId, purpose, opener: openerOf(secret), place }, { requestId })),

    /** @throws Problem codeRejected, factorLocked, unavailable */
    async answer (purpose: MailboxPurpose, answer: MailboxAnswer, requestId: string): Promise<ProvedMailbox> {
      const opener = answer.secret === undefined ? {} : { opener: openerOf(answer.secret) }
      const [proof, parts] = 'token' in answer
        ? [{ link_token: answer.token, ...opener }, [answer.token]]
        : [{ challenge_id: answer.challengeId, code: answer.code, opener: openerOf(answer.secret) }, [answer.challengeId, answer.code]]
      const reply = await commands.call(answerMailbox, { purpose, proof }, {
        requestId,
        // The same answer sent again, because the reply was lost, is the same command: its receipt is read, not refused as used.
        commandId: `cmd_${keyedHash(commandKey, purpose, answer.secret ?? '', ...parts).toString('base64url')}`
      })
      const challengeId = 'token' in answer ? reply.challenge_id : answer.challengeId
      const { jti, same_opener: sameOpener } = await believe(purpose, challengeId, reply)
      return { receiptId: jti, challengeId, purpose, email: reply.email, userId: reply.user_id, sameOpener }
    },

    /** Whatever was mailed to this address, or for this user, answers nothing any more. @throws Problem unavailable */
    async cancel ({ userId, email }: { readonly userId: string, readonly email: string }, requestId: string): Promise<void> {
      await commands.call(cancelMailbox, { user_id: userId, email }, { requestId, actor: userId })
    }
  }
}

const sentIn = ({ challenge_id, sent_to, expires_at }: ReplyOf<typeof beginMailbox>): Sent => ({ challenge_id, sent_to, expires_at })
