/** The environment is read once, as a whole, in main.ts or cli.ts. */
import { given, inspectEnvironment } from './inspect.ts'
import type { Environment, EnvironmentSource, Values, Variables } from './variable.ts'

/** The environment cannot be used. Each fault is one line that begins with the variable's name and never holds its value. */
export class EnvironmentFault extends Error {
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    super(`the environment is not usable: ${faults.join('; ')}`)
    this.name = 'EnvironmentFault'
    this.faults = faults
  }
}

/**
 * Turns the environment into one frozen object of values.
 * @param env usually `process.env`; an empty string counts as absent.
 * @returns the values under their canonical names; an optional variable that is absent has no key.
 * @throws EnvironmentFault with every fault at once.
 */
export function readEnvironment<V extends Variables> (environment: Environment<V>, env: EnvironmentSource): Readonly<Values<V>> {
  const findings = inspectEnvironment(environment, env)
  const faults = findings.flatMap(({ name, fault }) => fault === undefined ? [] : [`${name} ${fault}`])
  const foreign = foreignDatabaseFault(environment, env)
  if (foreign !== undefined) faults.push(foreign)
  if (faults.length > 0) throw new EnvironmentFault(faults)
  const present = findings.filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value])
  return Object.freeze(Object.fromEntries(present)) as Readonly<Values<V>>
}

/** An earlier system's PostgreSQL address would otherwise be ignored in silence. */
export function foreignDatabaseFault (environment: Environment, env: EnvironmentSource): string | undefined {
  if (!('MONGODB_URI' in environment.variables)) return undefined
  return /^postgres(ql)?(\+[a-z0-9]+)?:\/\//i.test(given(env, 'DATABASE_URL')?.trim() ?? '') ? 'DATABASE_URL names PostgreSQL; this is MongoDB: set MONGODB_URI' : undefined
}
