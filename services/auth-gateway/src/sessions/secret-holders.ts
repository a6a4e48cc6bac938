import { LRUCache } from 'lru-cache'
import type { SessionRepository } from './session-repository.ts'
import type { SessionSecrets } from './session-secret.ts'

export interface SecretHoldersDeps {
  readonly secrets: Pick<SessionSecrets, 'hashOf'>
  readonly sessions: Pick<SessionRepository, 'findBySecret'>
}

export interface SecretHolder {
  readonly sessionId: string
  readonly userId: string
}

const rememberedMs = 600_000

/**
 * Whose a session secret is. That never changes, so it may be remembered; whether the session is still open is asked each time, elsewhere.
 * @returns undefined for whatever is no secret of ours
 */
export function createSecretHolders ({ secrets, sessions }: SecretHoldersDeps) {
  const known = new LRUCache<string, SecretHolder>({ max: 50_000, ttl: rememberedMs })

  return async (secret: string): Promise<SecretHolder | undefined> => {
    const hash = secrets.hashOf(secret)
    if (hash === undefined) return undefined
    const remembered = known.get(hash)
    if (remembered !== undefined) return remembered
    const session = await sessions.findBySecret(hash)
    if (session === undefined) return undefined
    const holder = { sessionId: session.id, userId: session.userId }
    known.set(hash, holder)
    return holder
  }
}

export type SecretHolders = ReturnType<typeof createSecretHolders>
