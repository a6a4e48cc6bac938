/** A policy is refused whole, naming the path of each fault; what is kept is in one canonical form. */
import { createHash } from 'node:crypto'
import { canonicalPolicyJson, PolicyDocument, ruleKinds } from '@countersign/contracts'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { normaliseRule } from './normalise-rule.ts'

export class PolicyRefused extends Error {
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    super(`the policy was refused: ${faults.join('; ')}`)
    this.name = 'PolicyRefused'
    this.faults = faults
  }
}

/** The EIP-55 form of an address, or undefined when its checksum is wrong. */
export type Checksummed = (address: string) => string | undefined

export interface ValidPolicy { readonly document: PolicyDocument, readonly sha256: string }

/**
 * @param given parsed JSON of anybody.
 * @throws PolicyRefused
 */
export function validatePolicy (given: unknown, checksummed: Checksummed): ValidPolicy {
  if (!Value.Check(PolicyDocument, given)) throw new PolicyRefused(shapeFaults(given))
  const normalised = given.rules.map((rule) => normaliseRule(rule, checksummed))
  const names = given.rules.map(({ name }) => name)
  const faults = normalised.flatMap(({ faults: own }, index) => [
    ...names.indexOf(names[index] ?? '') < index ? [`rules/${index}/name is used twice`] : [], ...own.map((fault) => `rules/${index}${fault}`)
  ])
  if (faults.length > 0) throw new PolicyRefused(faults)
  const document = { rules: normalised.map(({ rule }) => rule) }
  return { document, sha256: createHash('sha256').update(canonicalPolicyJson(document)).digest('hex') }
}

/** The union's own message would only say that nothing matched: each rule is held against the kind it claims to be. */
function shapeFaults (given: unknown): string[] {
  const rules = (given as { rules?: unknown } | null)?.rules
  if (!Array.isArray(rules)) return messages(PolicyDocument, given, '')
  const faults = rules.flatMap((rule: unknown, index) => {
    const effect = (rule as { effect?: unknown } | null)?.effect
    if (typeof effect !== 'string' || !Object.hasOwn(ruleKinds, effect)) return [`rules/${index}/effect must be ${Object.keys(ruleKinds).join(', ').replace(/, (\w+)$/, ' or $1')}`]
    return messages(ruleKinds[effect as keyof typeof ruleKinds], rule, `rules/${index}`)
  })
  return faults.length > 0 ? faults : messages(PolicyDocument, given, '')
}

const messages = (schema: TSchema, value: unknown, at: string): string[] =>
  [...Value.Errors(schema, value)].slice(0, 5).map(({ instancePath, message }) => `${at}${instancePath} ${message}`.trim())
