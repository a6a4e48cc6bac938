/**
 * What a passkey signs to answer a question: a keyed hash over the question's own row, so that it fits this one of this asker, user, session and
 * action, and no other one, and is used up with it. Nothing more need be kept, and nobody but this service can know it before it is asked for.
 */
import { deriveKey, keyedHash } from '@countersign/secrets'
import type { Challenge } from '../challenges/challenge.ts'

export interface PasskeyQuestions {
  /** base64url, 256 bits. */
  of (question: Challenge): string
  /** Also those of before the last rotation of SECRET_KEY. */
  all (question: Challenge): string[]
}

const label = 'otp-service/passkey-step-up/v1'

export function createPasskeyQuestions (secretKey: string, previousSecretKey?: string): PasskeyQuestions {
  const keys = [secretKey, ...previousSecretKey === undefined ? [] : [previousSecretKey]].map((secret) => deriveKey(secret, label))
  const under = (key: Uint8Array, { id, aud, purpose, userId, sessionId, actionDigest }: Challenge): string =>
    keyedHash(key, id, aud, purpose, userId, sessionId, actionDigest).toString('base64url')
  return {
    of: (question) => under(keys[0] as Uint8Array, question),
    all: (question) => keys.map((key) => under(key, question))
  }
}
