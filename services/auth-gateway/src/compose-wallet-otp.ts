/** Codes under the paths of the earlier OTP system, joined. */
import { createLimiter } from '@countersign/redis'
import type { Metrics } from '@countersign/runtime'
import { createWalletOtp, type WalletOtp } from './earlier/wallet-otp.ts'
import type { Stores } from './stores.ts'

export function composeWalletOtp ({ redis, commands }: Pick<Stores, 'redis' | 'commands'>, metrics: Metrics): WalletOtp {
  // The name is otp-service's: an alert sums over both processes.
  const limits = metrics.counter({ name: 'otp_rate_limit_hits', help: 'Refusals because of a limit', labels: ['limit'] })
  limits.inc({ limit: 'earlier' }, 0)
  return createWalletOtp({ commands, limiter: createLimiter({ redis, prefix: 'gw:{earlier-otp}' }), onLimited: () => { limits.inc({ limit: 'earlier' }) } })
}
