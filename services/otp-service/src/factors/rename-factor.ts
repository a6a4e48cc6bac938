import { Problem, problems, type ReplyOf, type RequestOf, type renameFactor } from '@countersign/contracts'
import type { FactorChecks } from './factor-check.ts'
import type { FactorRepository } from './factor-repository.ts'
import { factorView } from './factor-view.ts'

/** @throws Problem notFound, stateConflict for a factor that is known by its address */
export const createRenameFactor = ({ factors, checks }: { readonly factors: Pick<FactorRepository, 'find' | 'rename'>, readonly checks: FactorChecks }) =>
  async ({ user_id: userId, factor_id: factorId, name }: RequestOf<typeof renameFactor>): Promise<ReplyOf<typeof renameFactor>> => {
    const factor = await factors.rename(userId, factorId, name)
    if (factor !== undefined) return { factor: factorView(factor, checks) }
    if (await factors.find(userId, factorId) === undefined) throw new Problem(problems.notFound)
    throw new Problem(problems.stateConflict, { detail: 'A factor with an address is called by it.' })
  }
