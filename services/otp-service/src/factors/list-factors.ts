import type { ReplyOf, RequestOf, listFactors } from '@countersign/contracts'
import type { FactorRepository } from './factor-repository.ts'
import { factorView } from './factor-view.ts'

/** For the user's own export; none is an answer like any other. */
export const createListFactors = ({ factors }: { readonly factors: Pick<FactorRepository, 'listOf'> }) =>
  async ({ user_id: userId }: RequestOf<typeof listFactors>): Promise<ReplyOf<typeof listFactors>> =>
    ({ factors: (await factors.listOf(userId)).map(factorView) })
