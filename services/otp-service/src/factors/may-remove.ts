/** Which proof lets a factor go. */
import type { Factor } from './factor.ts'
import type { FactorChecks } from './factor-check.ts'

/**
 * A factor that shows actions confirms money, and goes only with a proof that showed its removal, its own included: an unshown proof can be
 * had by a stolen gateway, which asks for the code in the name of something else. One that shows nothing goes with the proof of another
 * factor, so that whoever finds a telephone does not take its app off the account with it; the last one of all goes with its own.
 */
export function mayRemove (factor: Pick<Factor, 'id' | 'kind'>, proof: Pick<Factor, 'id' | 'kind'>, { checks, count }: { readonly checks: FactorChecks, readonly count: number }): boolean {
  if (checks[factor.kind].shown) return checks[proof.kind].shown
  return proof.id !== factor.id || count === 1
}
