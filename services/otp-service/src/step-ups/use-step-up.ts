/** A change of factors uses up a step-up that this service has on its own record as answered, for exactly this change: what the gateway says of it is not asked. */
import { Problem, problems, stepUpPreimage, stepUpSeconds, type StepUpAction } from '@countersign/contracts'
import { actionDigest } from '@countersign/secrets'
import type { Asking } from '../asking.ts'
import type { ChallengeRepository } from '../challenges/challenge-repository.ts'
import type { Factor } from '../factors/factor.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { ObjectionRepository } from '../objections/objection-repository.ts'
import type { Transaction } from '../transaction.ts'

export interface WantedStepUp {
  readonly userId: string
  readonly sessionId: string
  readonly action: StepUpAction
  /** Its challenge, as the caller names it. */
  readonly stepUpId: string | undefined
}

export interface UsedStepUp {
  /** The one that answered. */
  readonly factor: Factor
  /** The database's time. */
  readonly at: Date
}

export interface UseStepUp {
  /** Before work that costs something. @returns the factor that answered. @throws Problem as `use` would now */
  check (wanted: WantedStepUp, asking: Asking): Promise<Factor>
  /** Counts for exactly one transaction. @throws Problem stepUpRequired, also when the factor that answered is gone; stateConflict while somebody may still object to that factor */
  use (wanted: WantedStepUp, asking: Asking, transaction: Transaction): Promise<UsedStepUp>
}

export interface UseStepUpDeps {
  readonly objections: Pick<ObjectionRepository, 'isOpen'>
  readonly challenges: Pick<ChallengeRepository, 'answeredBy' | 'useAnswer'>
  readonly factors: Pick<FactorRepository, 'find'>
}

export const createUseStepUp = ({ challenges, factors, objections }: UseStepUpDeps): UseStepUp => {
  const required = ({ action }: WantedStepUp): Problem => new Problem(problems.stepUpRequired, { action })
  const answerOf = ({ userId, sessionId, action }: WantedStepUp, { caller }: Asking) => ({
    answerer: { aud: caller, userId, sessionId },
    actionDigest: actionDigest(stepUpPreimage(userId, sessionId, action)),
    withinSeconds: stepUpSeconds
  })

  const admitted = async (wanted: WantedStepUp, factorId: string | undefined, transaction?: Transaction): Promise<Factor> => {
    const factor = factorId === undefined ? undefined : await factors.find(wanted.userId, factorId, transaction)
    if (factor === undefined) throw required(wanted)
    // Whoever slipped it in would take the others away with it before their owner has read of it.
    if (await objections.isOpen(factor.id, transaction)) throw new Problem(problems.stateConflict, { detail: 'This factor is too new to change others: prove an older one.' })
    return factor
  }

  return {
    check: async (wanted, asking) => await admitted(wanted, wanted.stepUpId === undefined ? undefined : await challenges.answeredBy(wanted.stepUpId, answerOf(wanted, asking))),
    async use (wanted, asking, transaction) {
      const answer = wanted.stepUpId === undefined ? undefined : await challenges.useAnswer(wanted.stepUpId, answerOf(wanted, asking), transaction)
      const factor = await admitted(wanted, answer?.factorId, transaction)
      if (answer === undefined) throw required(wanted)
      return { factor, at: answer.at }
    }
  }
}
