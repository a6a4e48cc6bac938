import type { ApiKeyView, Scope } from '@countersign/contracts'

export type KeyMode = 'live' | 'test'

export interface ApiKey {
  readonly id: string
  readonly userId: string
  /** The login of the session that made it: it ends with that one. */
  readonly madeBy: string
  readonly name: string
  readonly mode: KeyMode
  readonly lastFour: string
  readonly scopes: readonly Scope[]
  readonly networks: readonly string[]
  readonly maxPerMinute: number
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

/** What its maker chooses. */
export type NewKey = Pick<ApiKey, 'userId' | 'madeBy' | 'name' | 'mode' | 'scopes' | 'networks' | 'maxPerMinute'>

export const apiKeyView = ({ id, name, mode, lastFour, scopes, networks, maxPerMinute, createdAt, expiresAt, lastUsedAt, revokedAt }: ApiKey): ApiKeyView => ({
  id,
  name,
  shown: `sk_${mode}_…${lastFour}`,
  scopes: [...scopes],
  networks: [...networks],
  max_per_minute: maxPerMinute,
  created_at: createdAt.toISOString(),
  expires_at: expiresAt?.toISOString() ?? null,
  last_used_at: lastUsedAt?.toISOString() ?? null,
  revoked_at: revokedAt?.toISOString() ?? null
})
