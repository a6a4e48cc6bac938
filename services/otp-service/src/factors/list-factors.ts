import type { ReplyOf, RequestOf, listFactors } from '@countersign/contracts'
import type { FactorChecks } from './factor-check.ts'
import type { FactorRepository } from './factor-repository.ts'
import { factorView } from './factor-view.ts'

export const createListFactors = ({ factors, checks }: { readonly factors: Pick<FactorRepository, 'listOf'>, readonly checks: FactorChecks }) =>
  async ({ user_id: userId }: RequestOf<typeof listFactors>): Promise<ReplyOf<typeof listFactors>> =>
    ({ factors: (await factors.listOf(userId)).map((factor) => factorView(factor, checks)) })
