/** Whether an authenticator app answers rightly: a code of about now, which has not answered before, anywhere. */
import type { FactorCheck } from '../factors/factor-check.ts'
import type { TotpAttempts } from './totp-attempts.ts'
import type { TotpSecrets } from './totp-secrets.ts'
import { stepOf } from './totp.ts'

export interface TotpCheckDeps {
  readonly attempts: TotpAttempts
  /** Whether that session has answered rightly before. */
  readonly isOwn: (userId: string, sessionId: string) => Promise<boolean>
  readonly secrets: Pick<TotpSecrets, 'open' | 'again'>
  readonly newRef: () => string
}

export const totpCheck = ({ attempts, isOwn, secrets, newRef }: TotpCheckDeps): FactorCheck => ({
  // It knows the time and nothing of the action.
  shown: false,
  sends: false,
  async judge (challenge, factor, code) {
    if (factor.kind !== 'totp') return 'wrong'
    const ref = newRef()
    const paid = await attempts.pay(factor.id, ref, await isOwn(factor.userId, challenge.sessionId))
    if (paid === undefined) return 'wrong'
    const lock = { closed: false, retryAfterSeconds: paid.waitSeconds }
    if (!paid.granted) return lock

    const place = { userId: factor.userId, factorId: factor.id }
    // The attempt's time is the database's: a process whose clock is wrong takes no other codes.
    const step = stepOf(secrets.open(factor.sealedSecret, place), code, challenge.lastAttemptAt ?? challenge.createdAt)
    if (step === undefined) return paid.waitSeconds > 0 ? { locks: factor, lock } : 'wrong'
    if (await attempts.accept(factor.id, { step, ref, sealedSecret: secrets.again(factor.sealedSecret, place) })) return 'right'
    await attempts.giveBack(factor.id, ref)
    return 'used'
  }
})
