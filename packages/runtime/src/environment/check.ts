/** What `env check` prints and what a process says about its environment at start. Never a value. */
import { given, inspectEnvironment, type VariableState } from './inspect.ts'
import { foreignDatabaseFault } from './read.ts'
import type { Environment, EnvironmentSource } from './variable.ts'

/** Names of the earlier systems that are accepted and do nothing. */
export const unusedNames = ['JWT_SECRET', 'REFRESH_TOKEN_SECRET', 'ALGORITHM', 'WALLET_ENCRYPTION_PASSWORD', 'POSTGRES_PASSWORD'] as const

export interface CheckedVariable {
  readonly name: string
  readonly state: VariableState | 'unused'
  /** Why the state is missing, weak or wrong. */
  readonly fault?: string
}

/** @returns one row per variable, then one per unused name that is set. */
export function checkEnvironment (environment: Environment, env: EnvironmentSource): CheckedVariable[] {
  const rows: CheckedVariable[] = inspectEnvironment(environment, env).map(({ name, state, fault, weakness }) => {
    const why = fault ?? weakness
    return { name, state, ...why !== undefined && { fault: why } }
  })
  const foreign = foreignDatabaseFault(environment, env)
  if (foreign !== undefined) rows.push({ name: 'DATABASE_URL', state: 'wrong', fault: foreign.slice('DATABASE_URL '.length) })
  return [...rows, ...setUnused(environment, env).map((name) => ({ name, state: 'unused' as const }))]
}

/** @returns the lines that a process logs at start: unused names, and weak secrets outside strict mode. */
export function environmentNotices (environment: Environment, env: EnvironmentSource): string[] {
  const unused = setUnused(environment, env)
  const weak = inspectEnvironment(environment, env).filter(({ state }) => state === 'weak').map(({ name }) => name)
  return [
    ...unused.length > 0 ? [`accepted but unused environment variables: ${unused.join(', ')}`] : [],
    ...weak.length > 0 ? [`weak secrets, refused in production: ${weak.join(', ')}`] : []
  ]
}

function setUnused ({ variables }: Environment, env: EnvironmentSource): string[] {
  return unusedNames.filter((name) => given(env, name) !== undefined && !Object.hasOwn(variables, name))
}
