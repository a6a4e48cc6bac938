/**
 * Codes for callers of an earlier system, who hold nothing between asking and answering: the browser's secret is made of the address and
 * the client address that asked, and the challenge is the last one of both. So a stranger elsewhere neither answers nor burns it; strangers
 * behind the same client address can spend its attempts, and still need the code.
 */
import { Problem, problems, type AskingPlace } from '@countersign/contracts'
import type { Redis } from '@countersign/redis'
import { keyedHash } from '@countersign/secrets'
import { emailIdentityId } from '../users/identity.ts'
import type { SignInReport } from '../sign-in/report-sign-in.ts'
import type { Settled } from './settle-mailbox.ts'
import type { AskForCode, SignInByCode } from './sign-in-by-code.ts'

export interface EarlierCodesDeps {
  readonly redis: Redis
  /** 32 bytes for this purpose alone. */
  readonly key: Uint8Array
  readonly askForCode: AskForCode
  readonly signInByCode: SignInByCode
  readonly report: Pick<SignInReport, 'refused'>
}

export interface EarlierCaller {
  readonly email: string
  readonly ip: string
  readonly requestId: string
}

export type EarlierCodes = ReturnType<typeof createEarlierCodes>

/** Longer than any code lives. */
const keptSeconds = 3_600

export function createEarlierCodes ({ redis, key, askForCode, signInByCode, report }: EarlierCodesDeps) {
  const secretOf = ({ email, ip }: EarlierCaller): string => keyedHash(key, 'secret', emailIdentityId(email), ip).toString('base64url')
  const lastOf = ({ email, ip }: EarlierCaller): string => `gw:earlier-code:${keyedHash(key, 'last', emailIdentityId(email), ip).toString('base64url')}`

  return {
    /** @throws Problem sendLimited, factorLocked, unavailable */
    async ask (caller: EarlierCaller & { readonly place: AskingPlace }): Promise<void> {
      const { challenge_id: challengeId } = await askForCode({ email: caller.email, secret: secretOf(caller), place: caller.place, requestId: caller.requestId })
      await redis.set(lastOf(caller), challengeId, 'EX', keptSeconds)
    },

    /** @throws Problem codeRejected, factorLocked, unavailable */
    async submit (caller: EarlierCaller, code: string): Promise<Settled> {
      const challengeId = await redis.get(lastOf(caller))
      if (challengeId === null) {
        await report.refused({ method: 'email_code', reason: 'challenge', requestId: caller.requestId })
        throw new Problem(problems.codeRejected)
      }
      return await signInByCode({ challengeId, secret: secretOf(caller), code, requestId: caller.requestId })
    }
  }
}
