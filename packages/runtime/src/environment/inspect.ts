/** Looks at each variable once; reading and checking an environment are two views of the same findings. */
import { parseVariable } from './parse.ts'
import { isStrict } from './strict.ts'
import { defaultOf, isOptional, type Environment, type EnvironmentSource, type Values, type Variable, type Variables } from './variable.ts'
import { weaknessOf } from './weakness.ts'

/** `absent`: optional and not set. `weak`: a guessable secret, a fault in strict mode only. */
export type VariableState = 'set' | 'default' | 'absent' | 'missing' | 'weak' | 'wrong'

export interface Finding {
  readonly name: string
  readonly state: VariableState
  readonly value?: unknown
  /** What is wrong, to be read after the name. */
  readonly fault?: string
  /** Why a secret is weak, also where that is no fault. */
  readonly weakness?: string
}

/** @returns one finding per variable, then one per rule that is broken. */
export function inspectEnvironment (environment: Environment, env: EnvironmentSource): Finding[] {
  const strict = isStrict(env)
  const findings = Object.entries(environment.variables).map(([name, declared]) => inspect(name, declared, env, strict))
  if (findings.some(({ fault }) => fault !== undefined)) return findings
  const values = Object.fromEntries(findings.map(({ name, value }) => [name, value])) as Readonly<Values<Variables>>
  for (const rule of environment.rules) {
    const broken = rule(values, strict)
    if (broken !== undefined) findings.push({ ...broken, state: 'wrong' })
  }
  return findings
}

function inspect (name: string, variable: Variable, env: EnvironmentSource, strict: boolean): Finding {
  const set = [name, ...variable.aliases].filter((known) => given(env, known) !== undefined)
  if (new Set(set.map((known) => env[known])).size > 1) return { name, state: 'wrong', fault: `differs from its other name: ${set.join(' and ')} are both set` }
  const text = set[0] === undefined ? variable.fallback?.(env) : env[set[0]]
  if (text === undefined) return inspectAbsent(name, variable, strict)

  const parsed = parseVariable(variable, text)
  const via = set[0] === undefined || set[0] === name ? '' : ` (set as ${set[0]})`
  if ('fault' in parsed) return { name, state: 'wrong', fault: `${parsed.fault}${via}: ${variable.description}` }
  const refusal = strict ? refusalOf(variable, parsed.value) : undefined
  if (refusal !== undefined) return { name, state: 'wrong', fault: `${refusal} in production${via}` }
  const weakness = weaknessOf(text, variable.secret)
  if (weakness !== undefined) return { name, state: 'weak', value: parsed.value, weakness, ...strict && { fault: `${weakness}, which production refuses${via}` } }
  return { name, state: set[0] === undefined ? 'default' : 'set', value: parsed.value }
}

function inspectAbsent (name: string, variable: Variable, strict: boolean): Finding {
  const missing: Finding = { name, state: 'missing', fault: `is missing: ${variable.description}` }
  if (strict && variable.strict === 'required') return missing
  const value = defaultOf(variable.schema)
  if (value !== undefined) return { name, state: 'default', value }
  return isOptional(variable.schema) ? { name, state: 'absent' } : missing
}

function refusalOf ({ strict }: Variable, value: unknown): string | undefined {
  if (strict === 'refused') return 'must not be set'
  return typeof strict === 'function' ? (strict as (value: unknown) => string | undefined)(value) : undefined
}

/** Compose files and shells pass an unset variable on as the empty string. */
export const given = (env: EnvironmentSource, name: string): string | undefined => env[name] === '' ? undefined : env[name]
