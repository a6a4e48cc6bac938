/** Counts the codes that nobody will ask about any more, after which MongoDB removes them. Any number of processes may do it at once. */
import type { Transact } from '../transaction.ts'
import { tallySources, type TallyRepository } from './tally-repository.ts'

export interface CountEndedDeps {
  readonly tallies: Pick<TallyRepository, 'countSome'>
  readonly transact: Transact
}

/** @returns how many were counted */
export type CountEnded = () => Promise<number>

const atOnce = 500

export const createCountEnded = ({ tallies, transact }: CountEndedDeps): CountEnded => async () => {
  let all = 0
  for (const source of tallySources) {
    for (let counted = atOnce; counted === atOnce;) {
      counted = await transact(async (transaction) => await tallies.countSome(source, atOnce, transaction))
      all += counted
    }
  }
  return all
}
