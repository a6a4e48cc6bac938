/**
 * Answers a mailbox challenge. A code is paid for first: the attempt of the challenge and the failure of address and account are counted
 * before it is compared. A link is found by its HMAC and consumed. Whatever is not right is refused alike.
 */
import { Problem, problems, type MailboxPurpose, type ReplyOf, type RequestOf, type answerMailbox } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import type { HouseFailures } from '../budgets/house-failures.ts'
import type { Lock } from '../budgets/budget.ts'
import { lockedProblem } from '../budgets/locked-problem.ts'
import type { ChallengeEvents, RejectionClass } from '../challenges/challenge-events.ts'
import type { Codes } from '../challenges/codes.ts'
import type { Links } from './links.ts'
import type { MailboxBudgets } from './mailbox-budgets.ts'
import { isLinkAlive, type MailboxChallenge } from './mailbox-challenge.ts'
import type { MailboxRepository } from './mailbox-repository.ts'
import type { ProveMailbox } from './prove-mailbox.ts'

type Request = RequestOf<typeof answerMailbox>
type Reply = ReplyOf<typeof answerMailbox>
type CodeProof = Extract<Request['proof'], { code: string }>
type LinkProof = Exclude<Request['proof'], CodeProof>

export interface AnswerMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'find' | 'findByLink' | 'spendAttempt' | 'giveBackAttempt'>
  readonly budgets: Pick<MailboxBudgets, 'reserve' | 'giveBack' | 'pretend'>
  readonly proving: ProveMailbox
  readonly codes: Pick<Codes, 'matches' | 'pretend'>
  readonly links: Pick<Links, 'macsOf'>
  readonly house: HouseFailures
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'rejected' | 'accountLocked'>
  readonly newReservationId: () => string
}

export function createAnswerMailbox ({ mailboxes, budgets, proving, codes, links, house, audit, events, newReservationId }: AnswerMailboxDeps) {
  const refuse = async (reason: RejectionClass, purpose: MailboxPurpose, { caller, requestId }: Asking, challengeId: string, given: { challenge?: MailboxChallenge, lock?: Lock | undefined } = {}): Promise<Problem> => {
    const userId = given.challenge?.userId ?? null
    events.rejected(purpose, reason, { challengeId, userId, requestId })
    await audit.append({ event: 'mailbox.rejected', subject: challengeId, ...userId !== null && { actor: userId }, requestId, facts: { reason, purpose, aud: caller } })
    return given.lock === undefined ? new Problem(problems.codeRejected) : lockedProblem(given.lock)
  }

  const byCode = async (purpose: MailboxPurpose, { challenge_id: id, opener, code }: CodeProof, asking: Asking): Promise<Reply> => {
    const known = await mailboxes.find(id)
    if (known?.purpose === purpose && known.opener === opener && known.deliver && codes.matches(known, code)) {
      const repeated = await proving.again(known, 'code', asking)
      if (repeated !== undefined) return repeated
    }

    const challenge = await mailboxes.spendAttempt(id, { aud: asking.caller, purpose, opener })
    if (challenge === undefined) {
      await budgets.pretend(newReservationId())
      codes.pretend({ id, purpose }, code)
      throw await refuse('unknown', purpose, asking, id)
    }
    const reservation = await budgets.reserve(challenge, newReservationId())
    if (!reservation.granted) {
      // Nothing is compared, so that the lock does not eat the challenge.
      await mailboxes.giveBackAttempt(id)
      throw await refuse('locked', purpose, asking, id, { challenge, lock: reservation.lock })
    }
    const right = codes.matches(challenge, code)
    if (!right || !challenge.deliver) {
      void house.count()
      if (reservation.spends) {
        events.accountLocked(challenge, asking.requestId)
        await audit.append({ event: 'mailbox.locked', subject: id, requestId: asking.requestId, facts: { purpose } })
      }
      throw await refuse('wrong', purpose, asking, id, { challenge })
    }

    const reply = await proving.prove({ challenge, by: 'code', sameOpener: true, answeredAt: challenge.lastAttemptAt ?? challenge.createdAt, reservationId: reservation.id }, asking)
    if (reply !== undefined) return reply
    await budgets.giveBack(challenge, reservation.id)
    throw await refuse('late', purpose, asking, id, { challenge })
  }

  const byLink = async (purpose: MailboxPurpose, { link_token: token, opener }: LinkProof, asking: Asking): Promise<Reply> => {
    const found = await mailboxes.findByLink(links.macsOf(purpose, token), { aud: asking.caller, purpose })
    if (found === undefined) throw await refuse('unknown', purpose, asking, noChallenge)
    const { challenge, now } = found
    const repeated = await proving.again(challenge, 'link', asking)
    if (repeated !== undefined) return repeated
    if (!isLinkAlive(challenge, now)) throw await refuse('unknown', purpose, asking, challenge.id, { challenge })

    const reply = await proving.prove({ challenge, by: 'link', sameOpener: opener === challenge.opener, answeredAt: now, reservationId: newReservationId() }, asking)
    if (reply !== undefined) return reply
    throw await refuse('late', purpose, asking, challenge.id, { challenge })
  }

  return async ({ purpose, proof }: Request, asking: Asking): Promise<Reply> =>
    'code' in proof ? await byCode(purpose, proof, asking) : await byLink(purpose, proof, asking)
}

/** Subject of what names no challenge. */
const noChallenge = 'chl_unknown'
