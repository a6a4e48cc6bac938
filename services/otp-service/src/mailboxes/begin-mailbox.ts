/** Mails a code, and a link where one is wanted, to an address that somebody typed in; for an address that must get none, does as much. */
import { mailboxLinkSeconds, Problem, problems, type ReplyOf, type RequestOf, type beginMailbox } from '@countersign/contracts'
import { isDuplicateKey, type Audit } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import { isLocked, lockedProblem } from '../budgets/locked-problem.ts'
import type { ChallengeEvents } from '../challenges/challenge-events.ts'
import type { Codes } from '../challenges/codes.ts'
import { maskAddress } from '../factors/factor.ts'
import type { Send, SendLimit } from '../mail/send-limit.ts'
import type { Transact } from '../transaction.ts'
import type { Links } from './links.ts'
import type { MailboxBudgets } from './mailbox-budgets.ts'
import type { MailboxChallenge, NewMailboxChallenge } from './mailbox-challenge.ts'
import type { DispatchLater, WriteMailboxMail } from './mailbox-mail.ts'
import { oneMailboxPerCommand, type Lives, type MailboxRepository } from './mailbox-repository.ts'

type Request = RequestOf<typeof beginMailbox>
type Reply = ReplyOf<typeof beginMailbox>

export interface BeginMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'findByCommand' | 'insert'>
  readonly budgets: Pick<MailboxBudgets, 'lockOf'>
  readonly codes: Pick<Codes, 'draw'>
  readonly links: Pick<Links, 'draw'>
  readonly writeMail: WriteMailboxMail
  readonly sendLimit: SendLimit
  readonly audit: Audit
  readonly events: Pick<ChallengeEvents, 'sent'>
  readonly transact: Transact
  readonly dispatchLater: DispatchLater
  readonly newChallengeId: () => string
  readonly ttlSeconds: number
  readonly maxAttempts: number
  /** The only origin that a mailed link may lead to; undefined: whichever the gateway is configured with. */
  readonly linkOrigin: string | undefined
}

export function createBeginMailbox (deps: BeginMailboxDeps) {
  const { mailboxes, budgets, codes, links, writeMail, sendLimit, audit, events, transact, dispatchLater, newChallengeId, ttlSeconds, maxAttempts, linkOrigin } = deps

  return async (request: Request, asking: Asking): Promise<Reply> => {
    admit(request, linkOrigin)
    const repeated = await mailboxes.findByCommand(asking.caller, asking.commandId)
    if (repeated !== undefined) return mailboxView(sameOrConflict(repeated, request))

    const draft = draftOf(request, asking, newChallengeId())
    const lock = await budgets.lockOf(draft)
    // Links are not guessed: with one, strangers who spent the budget of codes keep nobody from signing in.
    if (isLocked(lock) && draft.linkBase === null) throw lockedProblem(lock)
    const takeSend = sendLimit.taking([sendOf(draft)])

    const { code, ...stored } = codes.draw(draft)
    const { token, linkMac } = draft.linkBase === null ? { token: null, linkMac: null } : links.draw(draft.purpose)
    const made = await transact(async (transaction) => {
      const challenge = await mailboxes.insert({ ...draft, ...stored, linkMac, attemptsMax: maxAttempts }, livesOf(draft, ttlSeconds), transaction)
      // After the insert: of repeats in parallel only the one that mails a code pays for it.
      await takeSend()
      const row = await writeMail(challenge, { code, token }, asking.requestId, transaction)
      await audit.append({
        event: 'mailbox.challenged',
        subject: challenge.id,
        ...challenge.userId !== null && { actor: challenge.userId },
        requestId: asking.requestId,
        facts: { purpose: challenge.purpose, aud: challenge.aud, delivered: challenge.deliver, link: linkMac !== null, session: challenge.sessionId }
      }, transaction)
      return { challenge, row }
    }).catch(unlessBegun)
    if (made === undefined) {
      const first = await mailboxes.findByCommand(asking.caller, asking.commandId)
      if (first === undefined) throw new Problem(problems.unavailable)
      return mailboxView(sameOrConflict(first, request))
    }

    events.sent(made.challenge, asking.requestId)
    dispatchLater(made.row)
    return mailboxView(made.challenge)
  }
}

/** What an asker learns: nothing that differs between an address that gets a mail and one that does not. */
export const mailboxView = ({ id, address, codeExpiresAt, attemptsLeft }: MailboxChallenge): Reply => ({
  challenge_id: id,
  sent_to: maskAddress(address),
  expires_at: codeExpiresAt.toISOString(),
  attempts_left: attemptsLeft
})

export const livesOf = ({ purpose }: Pick<MailboxChallenge, 'purpose'>, codeSeconds: number): Lives => ({ codeSeconds, linkSeconds: mailboxLinkSeconds[purpose] })

/** What a session asks for counts like any enrolment of its user, what others ask for counts against the mailbox alone. */
export const sendOf = ({ userId, sessionId, address, knownPlace }: Pick<MailboxChallenge, 'userId' | 'sessionId' | 'address' | 'knownPlace'>): Send =>
  sessionId !== null && userId !== null ? { to: 'enrolment', userId, address } : { to: 'mailbox', address, knownPlace }

function admit ({ purpose, user_id: userId, session_id: sessionId, link_base: linkBase }: Request, linkOrigin: string | undefined): void {
  const needsUser = purpose === 'email_link' || sessionId !== undefined
  if (needsUser && userId === null) throw new Problem(problems.schemaViolation, { faults: [{ path: '/user_id', message: 'is required for an account\'s own request' }] })
  if (linkBase !== undefined && linkOrigin !== undefined && new URL(linkBase).origin !== linkOrigin) {
    throw new Problem(problems.notPermitted, { detail: 'A link in a mail leads to FRONTEND_URL and nowhere else.' })
  }
}

const draftOf = (request: Request, { caller, commandId }: Asking, id: string): Omit<NewMailboxChallenge, 'codeMac' | 'pepperId' | 'linkMac' | 'attemptsMax'> => ({
  id,
  aud: caller,
  purpose: request.purpose,
  userId: request.user_id,
  sessionId: request.session_id ?? null,
  address: request.email,
  opener: request.opener,
  deliver: request.deliver,
  knownPlace: request.known_place === true,
  linkBase: mailboxLinkSeconds[request.purpose] > 0 ? request.link_base ?? null : null,
  commandId
})

/** A duplicate ends its transaction on the server, so that it is answered outside of it. */
function unlessBegun (error: unknown): undefined {
  if (!isDuplicateKey(error, oneMailboxPerCommand)) throw error
}

/** A command id names one request. */
function sameOrConflict (repeated: MailboxChallenge, { purpose, user_id: userId, email, opener, deliver }: Request): MailboxChallenge {
  const same = repeated.purpose === purpose && repeated.userId === userId && repeated.address === email && repeated.opener === opener && repeated.deliver === deliver
  if (!same) throw new Problem(problems.stateConflict)
  return repeated
}
