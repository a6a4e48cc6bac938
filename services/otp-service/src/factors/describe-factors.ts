/** What the signer's operator checks before he makes a user a principal. */
import { Problem, problems, type ReplyOf, type RequestOf, type describeFactors } from '@countersign/contracts'
import { constantTimeEqual } from '@countersign/secrets'
import { labelOf, normaliseAddress, type Factor } from './factor.ts'
import type { FactorRepository } from './factor-repository.ts'

export interface DescribeFactorsDeps {
  readonly factors: Pick<FactorRepository, 'ownerOf' | 'listOf'>
}

/**
 * With an address that the operator expects, whether codes go there: a mask of two characters is no check, and the whole address stays here.
 * @throws Problem factorRequired when the user never enrolled one.
 */
export const createDescribeFactors = ({ factors }: DescribeFactorsDeps) =>
  async ({ user_id: userId, expected_email: expected }: RequestOf<typeof describeFactors>): Promise<ReplyOf<typeof describeFactors>> => {
    const [owner, all] = await Promise.all([factors.ownerOf(userId), factors.listOf(userId)])
    if (owner === undefined) throw new Problem(problems.factorRequired)
    const addresses = all.filter((factor) => factor.kind === 'email_code')
    return {
      factor_root: owner.factorRoot,
      // All of them are under the root that is granted.
      factors: all.map((factor) => ({ factor_id: factor.id, kind: factor.kind, masked: shownAs(factor), proved_at: factor.provedAt.toISOString() })),
      ...expected !== undefined && { matches_expected: addresses.some(({ addressNormalised }) => constantTimeEqual(addressNormalised, normaliseAddress(expected))) }
    }
  }

/** A wallet by its address, whatever its owner calls it: the address is what can be checked. */
const shownAs = (factor: Factor): string => factor.kind === 'wallet' ? factor.wallet.address : labelOf(factor)
