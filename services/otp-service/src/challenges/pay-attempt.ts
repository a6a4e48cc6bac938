/**
 * What an answer costs, before anybody looks at it: an attempt of its challenge and a failure of its account, both or neither, for good once this
 * returns. Answers that come at the same time pay in one transaction. Who names a challenge that is not there, or not his, pays on rows that nobody
 * has: it takes as long.
 */
import { gather } from '@countersign/mongo'
import type { Attempt as Failure, BudgetRepository } from '../budgets/budget-repository.ts'
import type { Reservation } from '../budgets/budget.ts'
import type { Transact } from '../transaction.ts'
import type { Challenge } from './challenge.ts'
import type { Attempt, ChallengeRepository } from './challenge-repository.ts'

export interface PayAttemptDeps {
  readonly challenges: Pick<ChallengeRepository, 'spendAll'>
  readonly budgets: Pick<BudgetRepository, 'reserveAll' | 'decoy'>
  readonly transact: Transact
}

export type Paying = Attempt & {
  /** Names this attempt inside its account's budget. */
  readonly reservationId: string
  /** The account pays nothing. */
  readonly uncharged: boolean
}

export interface Paid {
  readonly challenge: Challenge
  /** Not granted: the account is locked for this session, or closed. */
  readonly reservation: Reservation
}

/** @returns undefined when there is no attempt to be had: the challenge is over, unknown, or not the answerer's; `answered` when this very command was its right answer */
export type PayAttempt = (paying: Paying) => Promise<Paid | 'answered' | undefined>

/** A charge that is in no budget. */
const free = { granted: true, spends: false, lock: { closed: false, retryAfterSeconds: 0 } } as const

export function createPayAttempt ({ challenges, budgets, transact }: PayAttemptDeps): PayAttempt {
  return gather(async (all: readonly Paying[]) => await transact(async (transaction) => {
    const spent = await challenges.spendAll(all, transaction)
    const failures = all.map(({ reservationId, uncharged }, i): Failure[] => {
      const challenge = spent[i]
      if (challenge === undefined) return [nobodys(reservationId), nobodys(reservationId)]
      return uncharged || challenge === 'answered' ? [] : [{ userId: challenge.userId, sessionId: challenge.sessionId, reservationId }]
    })
    const reserved = await budgets.reserveAll(failures.flat(), transaction)
    let next = 0
    return all.map(({ reservationId }, i): Paid | 'answered' | undefined => {
      const [reservation = { ...free, id: reservationId }] = reserved.slice(next, next += failures[i]?.length ?? 0)
      const challenge = spent[i]
      return typeof challenge === 'object' ? { challenge, reservation } : challenge
    })
  }), { most: 100 })

  function nobodys (reservationId: string): Failure {
    const decoy = budgets.decoy()
    return { userId: decoy, sessionId: decoy, reservationId }
  }
}
