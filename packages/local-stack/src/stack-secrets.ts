/** Secrets of one data directory: made once, kept in a file that only its owner may read, so that a restart finds its data again. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serviceNames, type ServiceName } from '@countersign/contracts'
import { generateAccessTokenKey, generateReceiptKey, randomToken, type Jwk } from '@countersign/secrets'

export interface StackSecrets {
  readonly administratorPassword: string
  /** Of each service's MongoDB and Redis user. */
  readonly passwords: Readonly<Record<ServiceName, string>>
  readonly secretKeys: Readonly<Record<ServiceName, string>>
  readonly accessTokenKey: { readonly privateJwk: Jwk, readonly publicJwk: Jwk }
  readonly receiptKey: { readonly privateJwk: Jwk, readonly publicJwk: Jwk }
  readonly mailSealKeys: { readonly otp: string, readonly gateway: string, readonly signer: string }
  readonly deploymentId: string
}

const perService = (make: () => string): Record<ServiceName, string> =>
  Object.fromEntries(serviceNames.map((name) => [name, make()])) as Record<ServiceName, string>

const makeSecrets = (): StackSecrets => ({
  administratorPassword: randomToken(24),
  passwords: perService(() => randomToken(24)),
  secretKeys: perService(() => randomToken(48)),
  accessTokenKey: generateAccessTokenKey(),
  receiptKey: generateReceiptKey(),
  mailSealKeys: { otp: randomToken(32), gateway: randomToken(32), signer: randomToken(32) },
  deploymentId: `local-${randomBytes(4).toString('hex')}`
})

export const stackSecrets = (directory: string): StackSecrets => {
  const file = join(directory, 'secrets.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as StackSecrets
  const secrets = makeSecrets()
  writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 })
  return secrets
}
