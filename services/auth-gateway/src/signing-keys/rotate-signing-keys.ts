import { isDuplicateKey, type Audit } from '@countersign/mongo'
import { publicHalf, thumbprint, type Jwk } from '@countersign/secrets'
import type { ClientSession } from 'mongodb'
import type { KeySeal } from './key-seal.ts'
import { jwksCacheSeconds, type SigningKey } from './signing-key.ts'
import type { NewSigningKey, SigningKeyRepository } from './signing-key-repository.ts'

export interface RotateDeps {
  readonly keys: SigningKeyRepository
  readonly keySeal: Pick<KeySeal, 'seal'>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  /** Life of an access token. */
  readonly tokenSeconds: number
}

export type SigningKeyRotation = ReturnType<typeof createSigningKeyRotation>

/**
 * A key is published before it signs, by as long as copies of the published keys may live, and stays published until its last token has
 * ended: no token is ever refused for a key that its reader could not know.
 */
export function createSigningKeyRotation ({ keys, keySeal, audit, inTransaction, tokenSeconds }: RotateDeps) {
  const tell = (event: string, kid: string, transaction: ClientSession, actor?: string): Promise<void> =>
    audit.append({ event: `signing_key.${event}`, subject: kid, ...actor !== undefined && { actor } }, transaction)

  const sealed = (privateJwk: Jwk, origin: SigningKey['origin']): NewSigningKey => {
    const kid = thumbprint(privateJwk)
    return { kid, publicJwk: publicHalf(privateJwk), sealedPrivate: keySeal.seal(kid, privateJwk), origin }
  }

  return {
    /**
     * Takes in the key of the environment: the first of all signs at once, one that was never seen here becomes the next. A key that was
     * here before stays what it is, so that an old environment brings no retired key back.
     */
    async adopt (privateJwk: Jwk): Promise<void> {
      const known = await keys.list()
      const key = sealed(privateJwk, 'environment')
      if (known.some(({ kid, state }) => kid === key.kid || state === 'next')) return
      const first = known.every(({ state }) => state === 'retired')
      try {
        await inTransaction(async (transaction) => {
          await keys.insert(key, first ? { state: 'current', signsInSeconds: 0 } : { state: 'next', signsInSeconds: jwksCacheSeconds }, transaction)
          await tell('added', key.kid, transaction)
        })
      } catch (error) {
        // Another process did the same in this moment.
        if (!isDuplicateKey(error)) throw error
      }
    },

    /** Whatever is due: the next key begins to sign, previous ones retire. Any number of processes may try at once. */
    async advance (): Promise<void> {
      await inTransaction(async (transaction) => {
        const kid = await keys.dueNext(transaction)
        if (kid !== undefined) {
          await keys.demote(tokenSeconds + jwksCacheSeconds, transaction)
          await keys.promote(kid, transaction)
          await tell('current', kid, transaction)
        }
        for (const retired of await keys.retireDue(transaction)) await tell('retired', retired, transaction)
      })
    },

    /** @returns the kid, or undefined when a rotation is under way already */
    async begin (privateJwk: Jwk, actor: string): Promise<string | undefined> {
      const key = sealed(privateJwk, 'command')
      try {
        await inTransaction(async (transaction) => {
          await keys.insert(key, { state: 'next', signsInSeconds: jwksCacheSeconds }, transaction)
          await tell('added', key.kid, transaction, actor)
        })
      } catch (error) {
        if (isDuplicateKey(error, 'one_next')) return undefined
        throw error
      }
      return key.kid
    },

    /** For a key that somebody else may hold: every key retires now, and its tokens with it; refresh tokens bring new ones. @returns the kid */
    async replaceAll (privateJwk: Jwk, actor: string): Promise<string> {
      const key = sealed(privateJwk, 'command')
      await inTransaction(async (transaction) => {
        for (const retired of await keys.retireAll(transaction)) await tell('retired', retired, transaction, actor)
        await keys.insert(key, { state: 'current', signsInSeconds: 0 }, transaction)
        await tell('current', key.kid, transaction, actor)
      })
      return key.kid
    }
  }
}
