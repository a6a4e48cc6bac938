/** What the signer's operator checks before he makes a user a principal. */
import { Problem, problems, type ReplyOf, type RequestOf, type describeFactors } from '@countersign/contracts'
import { constantTimeEqual } from '@countersign/secrets'
import { maskAddress, normaliseAddress } from './factor.ts'
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
    const wallets = all.filter((factor) => factor.kind === 'wallet')
    return {
      factor_root: owner.factorRoot,
      factors: [
        ...addresses.map(({ id, kind, address, provedAt }) => ({ factor_id: id, kind, masked: maskAddress(address), proved_at: provedAt.toISOString() })),
        // Under the same root: whoever is granted it should be seen whole.
        ...wallets.map(({ id, kind, wallet: { address }, provedAt }) => ({ factor_id: id, kind, masked: address, proved_at: provedAt.toISOString() }))
      ],
      ...expected !== undefined && { matches_expected: addresses.some(({ addressNormalised }) => constantTimeEqual(addressNormalised, normaliseAddress(expected))) }
    }
  }
