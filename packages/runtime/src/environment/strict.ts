/** Strict mode: the rules of production. */
import type { EnvironmentSource } from './variable.ts'

/** @returns true when `NODE_ENV` or `ENVIRONMENT` says production, in any case: a capital letter must not open the door. */
export const isStrict = (env: EnvironmentSource): boolean =>
  [env.NODE_ENV, env.ENVIRONMENT].some((name) => name?.trim().toLowerCase() === 'production')

/**
 * Whether a URL may be asked in strict mode: over TLS, or without where nobody is between: this machine, a private network's address
 * (RFC 1918, RFC 4193), a name without a dot, or one that ends in `.internal`, `.local` or `.svc`. A URL that cannot be parsed may not.
 */
export function isGuardedUrl (url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || privateHosts.some((form) => form.test(hostname))
}

const privateHosts = [
  /^(127|10)\.\d+\.\d+\.\d+$/, /^192\.168\.\d+\.\d+$/, /^172\.(1[6-9]|2\d|3[01])\.\d+\.\d+$/, /^\[(::1|f[cd][0-9a-f]{2}:[0-9a-f:]+)\]$/,
  /^[a-z0-9_-]+$/i, /\.(internal|local|svc)$/i
]
