/** The earlier OTP system's paths. */
import { readWalletOtp, sendWalletOtp, verifyWalletOtp, verifyWalletOtpToo } from '@countersign/contracts'
import { addRoute } from '@countersign/http'
import type { FastifyInstance } from 'fastify'
import type { WalletOtp } from '../earlier/wallet-otp.ts'
import type { OpenSession } from '../sessions/session-state.ts'
import { askerOf } from './asker-of.ts'

export interface WalletOtpRoutesDeps {
  readonly walletOtp: WalletOtp
}

export function walletOtpRoutes (app: FastifyInstance, { walletOtp }: WalletOtpRoutesDeps): void {
  addRoute<typeof sendWalletOtp, OpenSession>(app, sendWalletOtp, async ({ body: { purpose, email }, session, request }) => {
    const { challenge_id: otpId, expires_in: expiresIn } = await walletOtp.send(askerOf(session, request), purpose, email)
    return { success: true, message: 'OTP sent', expiresIn, otpId, transactionReference: otpId }
  })

  addRoute<typeof readWalletOtp, OpenSession>(app, readWalletOtp, async ({ query: { purpose }, session, request }) => {
    const { exists, is_valid, is_locked, attempts, max_attempts, expires_at, expires_in } = await walletOtp.status(askerOf(session, request), purpose)
    return { success: true, purpose, exists, isValid: is_valid, isLocked: is_locked, attempts, maxAttempts: max_attempts, expiresAt: expires_at, expiresIn: expires_in }
  })

  for (const route of [verifyWalletOtp, verifyWalletOtpToo] as const) {
    addRoute<typeof verifyWalletOtp, OpenSession>(app, route as typeof verifyWalletOtp, async ({ body: { otp, transaction_reference: reference }, session, request }) => {
      const { challenge_id: otpId, purpose } = await walletOtp.verify(askerOf(session, request), reference, otp)
      return { success: true, message: 'OTP verified', otpId, purpose }
    })
  }
}
