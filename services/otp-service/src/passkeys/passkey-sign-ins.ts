/** Challenges of people who sign in with a passkey and are nobody yet. Each is looked at once: right or wrong, it is used up before. */
import type { ServiceName } from '@countersign/contracts'
import { exactly, literally, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'

interface SignInDocument {
  readonly _id: string
  readonly aud: ServiceName
  readonly challenge: string
  readonly created_at: Date
  readonly expires_at: Date
  readonly consumed_at: Date | null
  readonly consumed_by: string | null
}

export const passkeySignInIndexes: readonly IndexSpec[] = [
  { collection: 'passkey_sign_ins', name: 'expiry', key: { expires_at: 1 }, expireAfterSeconds: 3_600 }
]

export type PasskeySignIns = ReturnType<typeof createPasskeySignIns>

export function createPasskeySignIns (db: Db) {
  const signIns = db.collection<SignInDocument>('passkey_sign_ins')

  return {
    async begin ({ id, aud, challenge }: { readonly id: string, readonly aud: ServiceName, readonly challenge: string }, ttlSeconds: number): Promise<{ readonly expiresAt: Date }> {
      const made = await signIns.findOneAndUpdate({ _id: exactly(id) }, [{
        $replaceWith: { $mergeObjects: [literally({ _id: id, aud, challenge, consumed_at: null, consumed_by: null }), { created_at: '$$NOW', expires_at: { $add: ['$$NOW', ttlSeconds * 1_000] } }] }
      }], { upsert: true, returnDocument: 'after' })
      if (made === null) throw new Error('the challenge was not written')
      return { expiresAt: made.expires_at }
    },

    /** To exactly one caller, and to none after its end. @returns the challenge and the database's time */
    async consume (id: string, aud: ServiceName, commandId: string): Promise<{ readonly challenge: string, readonly at: Date } | undefined> {
      const found = await signIns.findOneAndUpdate(
        { _id: exactly(id), aud, consumed_at: null, $expr: { $gt: ['$expires_at', '$$NOW'] } },
        [{ $set: { consumed_at: '$$NOW', consumed_by: literally(commandId) } }],
        { returnDocument: 'after' }
      )
      return found === null || found.consumed_at === null ? undefined : { challenge: found.challenge, at: found.consumed_at }
    },

    /** Whether that command consumed it. */
    async wasConsumedBy (id: string, aud: ServiceName, commandId: string): Promise<boolean> {
      return await signIns.countDocuments({ _id: exactly(id), aud, consumed_by: exactly(commandId) }, { limit: 1 }) === 1
    }
  }
}
