/** The keys of access tokens as the database has them, followed by a running gateway without a restart. */
import type { Logger } from '@countersign/runtime'
import { publicHalf, SealBroken, thumbprint, type Jwk } from '@countersign/secrets'
import type { AccessTokens } from '../sessions/access-token.ts'
import type { KeySeal } from './key-seal.ts'
import type { SigningKeyRotation } from './rotate-signing-keys.ts'
import type { DatedKey, SigningKeyRepository } from './signing-key-repository.ts'

export interface WatchDeps {
  readonly keys: Pick<SigningKeyRepository, 'list'>
  readonly rotation: Pick<SigningKeyRotation, 'adopt' | 'advance'>
  readonly keySeal: Pick<KeySeal, 'open'>
  readonly accessTokens: Pick<AccessTokens, 'useKeys'>
  /** ACCESS_TOKEN_PRIVATE_JWK */
  readonly ownKey: Jwk
  /** ACCESS_TOKEN_PREVIOUS_JWKS */
  readonly previousKeys: readonly Jwk[]
  readonly log: Logger
}

const intervalMs = 1_000

/**
 * @returns once tokens can be signed
 * @throws Error when there is a current key that this SECRET_KEY does not open
 */
export async function watchSigningKeys ({ keys, rotation, keySeal, accessTokens, ownKey, previousKeys, log }: WatchDeps): Promise<{ close: () => Promise<void> }> {
  let used = ''
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  async function follow (): Promise<void> {
    let all = await keys.list()
    if (all.some(({ due }) => due)) {
      await rotation.advance()
      all = await keys.list()
    }
    const seen = all.map(({ kid, state }) => `${kid} ${state}`).join()
    if (seen === used) return
    const current = all.find(({ state }) => state === 'current')
    if (current?.sealedPrivate === undefined) throw new Error('there is no current key of access tokens')
    await accessTokens.useKeys(openCurrent(current.kid, current.sealedPrivate), accepted(all))
    used = seen
    log.info({ signing: current.kid, keys: all.filter(({ state }) => state !== 'retired').map(({ kid, state }) => `${kid} ${state}`) }, 'keys of access tokens')
  }

  function openCurrent (kid: string, sealedPrivate: string): Jwk {
    try {
      return keySeal.open(kid, sealedPrivate)
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error
      throw new Error(`the current key of access tokens, ${kid}, was sealed under another SECRET_KEY: bring that back, or run: countersign keys rotate --now`)
    }
  }

  /** What the environment names is good too, unless the database has retired it. */
  function accepted (all: readonly DatedKey[]): Jwk[] {
    const retired = new Set(all.filter(({ state }) => state === 'retired').map(({ kid }) => kid))
    return [...all.map(({ publicJwk }) => publicJwk), publicHalf(ownKey), ...previousKeys].filter((jwk) => !retired.has(thumbprint(jwk)))
  }

  const schedule = (): void => {
    timer = setTimeout(() => {
      running = follow().catch((error: unknown) => { log.error({ err: error }, 'keys of access tokens could not be followed; those known stay in use') }).finally(schedule)
    }, intervalMs)
  }

  await rotation.adopt(ownKey)
  await follow()
  schedule()
  return {
    async close () {
      clearTimeout(timer)
      await running
      clearTimeout(timer)
    }
  }
}
