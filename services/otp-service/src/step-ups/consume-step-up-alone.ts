import type { ConsumeChallenge } from '../challenges/consume-challenge.ts'
import type { FactorRepository } from '../factors/factor-repository.ts'
import type { Dispatch, Transact } from '../transaction.ts'
import type { ConsumeStepUp } from './consume-step-ups.ts'

export interface ConsumeStepUpAloneDeps {
  readonly factors: Pick<FactorRepository, 'find'>
  readonly consume: ConsumeChallenge
  readonly transact: Transact
  readonly dispatch: Dispatch
}

export const createConsumeStepUpAlone = ({ factors, consume, transact, dispatch }: ConsumeStepUpAloneDeps): ConsumeStepUp =>
  async ({ right, signed, asking }) => {
    const rows = await transact(async (transaction) => {
      // It may have been removed while it was answering.
      if (await factors.find(right.challenge.userId, right.answeredBy, transaction) === undefined) return undefined
      return await consume(right, signed, asking, transaction)
    })
    if (rows !== undefined) await dispatch(rows)
    return rows !== undefined
  }
