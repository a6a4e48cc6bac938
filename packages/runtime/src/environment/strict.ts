/** Strict mode: the rules of production. */
import type { EnvironmentSource } from './variable.ts'

/** @returns true when `NODE_ENV` or `ENVIRONMENT` says production, in any case: a capital letter must not open the door. */
export const isStrict = (env: EnvironmentSource): boolean =>
  [env.NODE_ENV, env.ENVIRONMENT].some((name) => name?.trim().toLowerCase() === 'production')
