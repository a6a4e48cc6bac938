/** Stands for otp-service's mailbox commands: same contracts, same receipts, one code per challenge, and mails that a test can read. */
import { createHash, randomInt } from 'node:crypto'
import {
  answerMailbox, beginMailbox, cancelMailbox, mailboxActionPreimage, Problem, problems, resendMailbox, type MailboxPurpose, type MailboxReceiptClaims, type RequestOf
} from '@countersign/contracts'
import { handle } from '@countersign/redis'
import { newId } from '@countersign/runtime'
import { createReceiptSigner, randomToken } from '@countersign/secrets'
import type { House } from './open-gateway.ts'

export interface StandInMail {
  readonly challengeId: string
  readonly to: string
  readonly purpose: MailboxPurpose
  readonly code: string
  readonly token: string | undefined
  readonly link: string | undefined
}

interface Challenge extends RequestOf<typeof beginMailbox> {
  readonly id: string
  code: string
  token: string | undefined
  answeredBy?: string
  receipt?: Promise<string>
  cancelled?: true
}

const expires = '2040-01-01T00:00:00Z'

export async function standInForMailboxes (house: House) {
  const signer = createReceiptSigner(house.receiptKey.privateJwk)
  const challenges = new Map<string, Challenge>()
  const mails: StandInMail[] = []
  const heard: { command: 'begin' | 'resend' | 'answer' | 'cancel', request: unknown }[] = []
  const state = {
    /** Refuses the next begin or resend. */
    refusal: undefined as Problem | undefined,
    /** Changes what the next receipt says. */
    forge: undefined as ((claims: MailboxReceiptClaims) => Promise<string>) | undefined,
    /** Loses the reply to the next right answer. */
    loseReply: false
  }

  const draw = (): string => String(randomInt(1_000_000)).padStart(6, '0')
  const send = (challenge: Challenge): void => {
    const { id, email, purpose, code, token, deliver, link_base: base } = challenge
    if (deliver) mails.push({ challengeId: id, to: email, purpose, code, token, link: token === undefined ? undefined : `${base}#token=${token}` })
  }
  const view = ({ id, email }: Challenge) => ({ challenge_id: id, sent_to: `${email[0]}***@***`, expires_at: expires, attempts_left: 3 })

  await house.answerFor('otp-service', [
    handle(beginMailbox, async (request) => {
      heard.push({ command: 'begin', request })
      const { refusal } = state
      state.refusal = undefined
      if (refusal !== undefined) throw refusal
      const challenge: Challenge = { ...request, id: newId('chl'), code: draw(), token: request.link_base === undefined ? undefined : randomToken(32) }
      challenges.set(challenge.id, challenge)
      send(challenge)
      return view(challenge)
    }),
    handle(resendMailbox, async (request) => {
      heard.push({ command: 'resend', request })
      const challenge = challenges.get(request.challenge_id)
      if (challenge?.opener !== request.opener || challenge.purpose !== request.purpose) throw new Problem(problems.notFound)
      if (challenge.answeredBy !== undefined || challenge.cancelled) throw new Problem(problems.stateConflict)
      challenge.code = draw()
      if (challenge.token !== undefined) challenge.token = randomToken(32)
      send(challenge)
      return view(challenge)
    }),
    handle(answerMailbox, async ({ purpose, proof }, { commandId }) => {
      heard.push({ command: 'answer', request: proof })
      const byCode = 'code' in proof
      const challenge = byCode ? challenges.get(proof.challenge_id) : [...challenges.values()].find(({ token }) => token === proof.link_token)
      const right = challenge !== undefined && challenge.deliver && !challenge.cancelled && challenge.purpose === purpose &&
        (!byCode || (challenge.opener === proof.opener && challenge.code === proof.code)) && (challenge.answeredBy ?? commandId) === commandId
      if (!right) throw new Problem(problems.codeRejected)
      challenge.answeredBy = commandId
      const { id, email, user_id: userId } = challenge
      const claims: MailboxReceiptClaims = {
        jti: newId('rcp'), challenge_id: id, aud: 'auth-gateway', purpose, ...userId !== null && { sub: userId },
        proved_by: byCode ? 'code' : 'link', same_opener: proof.opener === challenge.opener, iat: 0,
        action_digest: `0x${createHash('sha256').update(mailboxActionPreimage(purpose, userId, email.toLowerCase())).digest('hex')}`
      }
      const { forge, loseReply } = state
      challenge.receipt ??= signer.signMailbox(claims)
      state.loseReply = false
      if (loseReply) throw new Problem(problems.unavailable)
      const receipt = await (forge === undefined ? challenge.receipt : forge(claims))
      return { receipt, challenge_id: id, user_id: userId, email }
    }),
    handle(cancelMailbox, async (request) => {
      heard.push({ command: 'cancel', request })
      const pending = [...challenges.values()].filter(({ email, user_id: userId, answeredBy, cancelled }) =>
        (userId === request.user_id || email.toLowerCase() === request.email?.toLowerCase()) && answeredBy === undefined && !cancelled)
      for (const challenge of pending) challenge.cancelled = true
      return { cancelled: pending.length }
    })
  ])

  return {
    state, heard, mails, signer,
    /** The newest mail to that address. */
    mailTo (to: string): StandInMail {
      const mail = mails.findLast((candidate) => candidate.to === to)
      if (mail === undefined) throw new Error(`no mail to ${to}`)
      return mail
    }
  }
}
