/** Opens the question whether a user confirms one action of the gateway. Which factor answers is the user's choice; nothing is sent before it. */
import { isOfAction, Problem, problems, stepUpPreimage, stepUpShortText, stepUpText, type ReplyOf, type RequestOf, type beginStepUp } from '@countersign/contracts'
import { orFirst } from '@countersign/mongo'
import { actionDigest } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import { onePerCommand, type ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { Challenge, NewChallenge } from '../challenges/challenge.ts'
import type { OpenTogether } from '../challenges/open-together.ts'
import type { FactorChecks } from '../factors/factor-check.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import { factorView } from '../factors/factor-view.ts'
import { nameOf } from '../factors/factor-notices.ts'
import type { Factor } from '../factors/factor.ts'
import { stepUpPurpose } from './step-up-purpose.ts'

type Request = RequestOf<typeof beginStepUp>

export interface BeginStepUpDeps {
  readonly factors: Pick<FactorRepository, 'listOf'>
  readonly challenges: Pick<ChallengeRepository, 'findByCommand'>
  readonly checks: FactorChecks
  readonly openTogether: OpenTogether
  readonly newChallengeId: () => string
  readonly ttlSeconds: number
  readonly maxAttempts: number
}

export const createBeginStepUp = ({ factors, challenges, checks, openTogether, newChallengeId, ttlSeconds, maxAttempts }: BeginStepUpDeps) => {
  const open = async (draft: NewChallenge, { requestId }: Asking): Promise<Challenge> => {
    const made = await openTogether({
      opening: { challenge: draft, ttlSeconds }, requestId,
      audited: ({ id, userId, purpose, aud, actionDigest: digest, sessionId: session }) => ({ event: 'challenge.created', subject: id, actor: userId, requestId, facts: { purpose, aud, digest, session } })
    })
    if (made === undefined) throw new Error('a fresh challenge id was taken')
    return made.challenge
  }

  /** @throws Problem schemaViolation for a resource that the action cannot have, factorRequired when the user has no factor, notFound for a factor that is not theirs */
  return async (request: Request, asking: Asking): Promise<ReplyOf<typeof beginStepUp>> => {
    if (!isOfAction(request.action)) throw new Problem(problems.schemaViolation)
    const all = await factors.listOf(request.user_id)
    if (all.length === 0) throw new Problem(problems.factorRequired)
    const draft = { ...draftOf(request, all, asking, newChallengeId()), attemptsMax: maxAttempts }
    const repeated = async () => sameOrConflict((await challenges.findByCommand(asking.caller, asking.commandId))[0], draft)

    const challenge = await repeated() ?? await open(draft, asking).catch(orFirst(onePerCommand, repeated))
    return { challenge_id: challenge.id, expires_at: challenge.expiresAt.toISOString(), attempts_left: challenge.attemptsLeft, factors: all.map((factor) => factorView(factor, checks)) }
  }
}

/** Its text is said by the contract, from the action alone: what the mail or text message shows is not the gateway's to write. */
function draftOf ({ user_id: userId, session_id: sessionId, action }: Request, all: readonly Factor[], { caller, commandId }: Asking, id: string): Omit<NewChallenge, 'attemptsMax'> {
  const digest = actionDigest(stepUpPreimage(userId, sessionId, action))
  const called = calledBy(action, all)
  return {
    id, userId, sessionId, commandId, aud: caller, purpose: stepUpPurpose, text: stepUpText(userId, action, called), shortText: stepUpShortText(action, called), actionDigest: digest, fingerprint: digest,
    factorId: null, address: null, codeMac: null, pepperId: null, actionEndsAt: null, enrolment: null
  }
}

/** Its owner would not know a factor by its id. */
function calledBy ({ type, resource_id: id }: Request['action'], all: readonly Factor[]): string | undefined {
  if (type !== 'factors.remove') return undefined
  const factor = all.find((known) => known.id === id)
  if (factor === undefined) throw new Problem(problems.notFound)
  return nameOf(factor)
}

/** A command id names one request of one session. */
function sameOrConflict (existing: Challenge | undefined, { fingerprint, purpose }: Pick<NewChallenge, 'fingerprint' | 'purpose'>): Challenge | undefined {
  if (existing !== undefined && (existing.fingerprint !== fingerprint || existing.purpose !== purpose)) throw new Problem(problems.stateConflict)
  return existing
}
