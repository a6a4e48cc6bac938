/** On which proof a factor that shows actions comes beside those that are there. */
import type { Factor } from './factor.ts'
import type { FactorChecks } from './factor-check.ts'

/**
 * It will confirm money, so that whoever may do that now must have been shown that it comes: a stolen gateway gets an unshown proof by asking
 * for it in the name of something else. Where nothing shows anything yet, an unshown proof will do, and the root becomes another one.
 * @returns undefined: not on this proof
 */
export function admitShown (proof: Pick<Factor, 'kind'>, all: readonly Pick<Factor, 'kind'>[], checks: FactorChecks): 'inherits root' | 'renews root' | undefined {
  if (checks[proof.kind].shown) return 'inherits root'
  return all.some(({ kind }) => checks[kind].shown) ? undefined : 'renews root'
}
