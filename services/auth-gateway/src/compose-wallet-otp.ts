/** Codes under the paths of the earlier OTP system, joined. */
import { createLimiter } from '@countersign/redis'
import { createWalletOtp, type WalletOtp } from './earlier/wallet-otp.ts'
import type { Stores } from './stores.ts'

export const composeWalletOtp = ({ redis, commands }: Pick<Stores, 'redis' | 'commands'>): WalletOtp =>
  createWalletOtp({ commands, limiter: createLimiter({ redis, prefix: 'gw:{earlier-otp}' }) })
