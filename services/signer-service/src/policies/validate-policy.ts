/** A policy is refused whole, naming the path of each fault; what is kept is in one canonical form. */
import { createHash } from 'node:crypto'
import { Value } from 'typebox/value'
import { AllowRule, DenyRule, PolicyDocument } from './policy.ts'

export class PolicyRefused extends Error {
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    super(`the policy was refused: ${faults.join('; ')}`)
    this.name = 'PolicyRefused'
    this.faults = faults
  }
}

const highestAmount = 2n ** 256n - 1n

export interface ValidPolicy { readonly document: PolicyDocument, readonly sha256: string }

/**
 * @param given parsed JSON of anybody.
 * @param checksummed the EIP-55 form of an address, or undefined when its checksum is wrong.
 * @throws PolicyRefused
 */
export function validatePolicy (given: unknown, checksummed: (address: string) => string | undefined): ValidPolicy {
  if (!Value.Check(PolicyDocument, given)) throw new PolicyRefused(shapeFaults(given))
  const faults: string[] = []
  const names = new Set<string>()
  const rules = given.rules.map((rule, index) => {
    if (names.has(rule.name)) faults.push(`rules/${index}/name is used twice`)
    names.add(rule.name)
    if (rule.effect === 'allow') {
      // Beyond this it is no uint256, which the digest and the chain know alone.
      for (const limit of ['max_value', 'max_fee_total'] as const) if (BigInt(rule[limit] ?? 0) > highestAmount) faults.push(`rules/${index}/${limit} is above 2^256 - 1`)
    }
    if (rule.destinations === undefined) return rule
    const destinations = rule.destinations.map((address, at) => {
      const checked = checksummed(address)
      if (checked === undefined) faults.push(`rules/${index}/destinations/${at} has a wrong checksum`)
      return checked ?? address
    })
    return { ...rule, destinations: [...new Set(destinations)].sort() }
  })
  if (faults.length > 0) throw new PolicyRefused(faults)
  const document = { rules } as PolicyDocument
  return { document, sha256: createHash('sha256').update(canonical(document)).digest('hex') }
}

/** The union's own message would only say that nothing matched: each rule is held against the kind it claims to be. */
function shapeFaults (given: unknown): string[] {
  const rules = (given as { rules?: unknown } | null)?.rules
  if (!Array.isArray(rules)) return messages(PolicyDocument, given, '')
  const faults = rules.flatMap((rule: unknown, index) => {
    const effect = (rule as { effect?: unknown } | null)?.effect
    if (effect !== 'allow' && effect !== 'deny') return [`rules/${index}/effect must be allow or deny`]
    return messages(effect === 'allow' ? AllowRule : DenyRule, rule, `rules/${index}`)
  })
  return faults.length > 0 ? faults : messages(PolicyDocument, given, '')
}

const messages = (schema: typeof AllowRule | typeof DenyRule | typeof PolicyDocument, value: unknown, at: string): string[] =>
  [...Value.Errors(schema, value)].slice(0, 5).map(({ instancePath, message }) => `${at}${instancePath} ${message}`.trim())

/** JSON with sorted members: the same policy in another order is the same policy. */
const canonical = (value: unknown): string => JSON.stringify(value, (_key, item: unknown) =>
  typeof item === 'object' && item !== null && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1)) : item)
