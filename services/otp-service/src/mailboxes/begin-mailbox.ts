/** Mails a code, and a link where one is wanted, to an address that somebody typed in; for an address that must get none, does as much. */
import { mailboxLinkSeconds, Problem, problems, type ReplyOf, type RequestOf, type beginMailbox } from '@countersign/contracts'
import { isDuplicateKey } from '@countersign/mongo'
import type { Asking } from '../asking.ts'
import { maskAddress } from '../factors/factor.ts'
import type { MailboxChallenge, NewMailboxChallenge } from './mailbox-challenge.ts'
import { oneMailboxPerCommand, type Lives, type MailboxRepository } from './mailbox-repository.ts'
import type { OpenMailbox } from './open-mailboxes.ts'
import type { SendMailbox } from './send-mailbox.ts'

type Request = RequestOf<typeof beginMailbox>
type Reply = ReplyOf<typeof beginMailbox>

export interface BeginMailboxDeps {
  readonly mailboxes: Pick<MailboxRepository, 'findByCommand'>
  readonly openMailbox: OpenMailbox
  readonly send: SendMailbox
  readonly newChallengeId: () => string
  readonly ttlSeconds: number
  readonly maxAttempts: number
  /** The only origin that a mailed link may lead to; undefined: whichever the gateway is configured with. */
  readonly linkOrigin: string | undefined
}

export const createBeginMailbox = ({ mailboxes, openMailbox, send, newChallengeId, ttlSeconds, maxAttempts, linkOrigin }: BeginMailboxDeps) =>
  async (request: Request, asking: Asking): Promise<Reply> => {
    admit(request, linkOrigin)
    const repeated = await mailboxes.findByCommand(asking.caller, asking.commandId)
    if (repeated !== undefined) return mailboxView(sameOrConflict(repeated, request))

    const draft = draftOf(request, asking, newChallengeId())
    const made = await send({
      to: draft,
      place: request.place,
      write: (stored, drawn, take) => openMailbox({
        opening: { challenge: { ...draft, ...stored, attemptsMax: maxAttempts }, lives: livesOf(draft, ttlSeconds) }, drawn, take, requestId: asking.requestId,
        audited: ({ id, userId, purpose, aud, deliver, linkMac, sessionId }) => ({
          event: 'mailbox.challenged', subject: id, ...userId !== null && { actor: userId }, requestId: asking.requestId,
          facts: { purpose, aud, delivered: deliver, link: linkMac !== null, session: sessionId }
        })
      }),
      requestId: asking.requestId
    }).catch(unlessBegun)
    if (made !== undefined) return mailboxView(made)
    const first = await mailboxes.findByCommand(asking.caller, asking.commandId)
    if (first === undefined) throw new Problem(problems.unavailable)
    return mailboxView(sameOrConflict(first, request))
  }

/** What an asker learns: nothing that differs between an address that gets a mail and one that does not. */
export const mailboxView = ({ id, address, codeExpiresAt, attemptsLeft }: MailboxChallenge): Reply => ({
  challenge_id: id,
  sent_to: maskAddress(address),
  expires_at: codeExpiresAt.toISOString(),
  attempts_left: attemptsLeft
})

export const livesOf = ({ purpose }: Pick<MailboxChallenge, 'purpose'>, codeSeconds: number): Lives => ({ codeSeconds, linkSeconds: mailboxLinkSeconds[purpose] })

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
  knownPlace: request.place?.known === true,
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
