/**
 * Codes under the paths of the earlier OTP system: its limits and its words, over otp-service's challenges. Of requests at once with one
 * right code exactly one is answered 200, since callers take that for a yes: so no request stands for another one, not even its repetition.
 */
import {
  earlierOtpLooks, earlierOtpStatus, earlierOtpVerifications, Problem, problems, sendEarlierOtp, verifyEarlierOtp,
  type EarlierOtpPurpose, type ReplyOf
} from '@countersign/contracts'
import type { CommandClient, LimitBucket, Limiter } from '@countersign/redis'
import type { Asker } from '../sign-in/link-wallet.ts'

export interface WalletOtpDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly limiter: Pick<Limiter, 'take' | 'giveBack'>
  readonly onLimited: () => void
}

export type WalletOtp = ReturnType<typeof createWalletOtp>

export function createWalletOtp ({ commands, limiter, onLimited }: WalletOtpDeps) {
  const whose = ({ userId, sessionId }: Asker) => ({ user_id: userId, session_id: sessionId })
  const asked = ({ userId, requestId }: Asker) => ({ requestId, actor: userId })

  /** @returns what takes it back: a request that compared nothing is no verification. */
  const count = async (bucket: LimitBucket, detail?: string): Promise<() => Promise<void>> => {
    const { allowed, retryAfterMs, takenAtMs } = await limiter.take([bucket])
    if (!allowed) {
      onLimited()
      throw new Problem(problems.rateLimited, { ...detail !== undefined && { detail }, retry_after: Math.max(1, Math.ceil(retryAfterMs / 1_000)) })
    }
    return () => limiter.giveBack([bucket], takenAtMs)
  }

  return {
    /** @throws Problem addressMismatch, factorRequired, factorLocked, sendLimited, unavailable */
    send: async (asker: Asker, purpose: EarlierOtpPurpose, email: string): Promise<ReplyOf<typeof sendEarlierOtp>> =>
      await commands.call(sendEarlierOtp, { ...whose(asker), purpose, email }, asked(asker)),

    /** @throws Problem rateLimited, unavailable */
    async status (asker: Asker, purpose: EarlierOtpPurpose): Promise<ReplyOf<typeof earlierOtpStatus>> {
      await count({ key: `status:${asker.userId}`, max: earlierOtpLooks.max, windowMs: earlierOtpLooks.seconds * 1_000 })
      return await commands.call(earlierOtpStatus, { ...whose(asker), purpose }, asked(asker))
    },

    /**
     * @param reference the challenge, or a word of the caller's own
     * @throws Problem otpRejected, rateLimited, factorLocked, unavailable
     */
    async verify (asker: Asker, reference: string, code: string): Promise<ReplyOf<typeof verifyEarlierOtp>> {
      const takeBack = await count({ key: `verify:${asker.userId}`, max: earlierOtpVerifications.max, windowMs: earlierOtpVerifications.seconds * 1_000 }, exceeded)
      try {
        return await commands.call(verifyEarlierOtp, { ...whose(asker), ...challengeId.test(reference) && { challenge_id: reference }, code }, asked(asker))
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        if (error.kind === problems.codeRejected) throw new Problem(problems.otpRejected)
        await takeBack()
        throw error.kind === problems.factorLocked ? new Problem(problems.factorLocked, { ...error.extensions, detail: exceeded }) : error
      }
    }
  }
}

const exceeded = 'Too many requests: Maximum OTP attempts exceeded. Wait before the next one.'
const challengeId = /^chl_[0-9A-HJKMNP-TV-Z]{26}$/
