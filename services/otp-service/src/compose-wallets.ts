/** Wires wallets as factors. */
import { createLimiter, type Redis } from '@countersign/redis'
import { newId, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime'
import { randomHex } from '@countersign/secrets'
import { createEvmRpcs, createSignaturePool, openFamilies } from '@countersign/wallets'
import { countLimit } from './challenges/challenge-events.ts'
import type { ChallengeUseCases } from './commands/challenge-commands.ts'
import type { WalletUseCases } from './commands/wallet-commands.ts'
import type { Config } from './config.ts'
import { createAnswerByWallet, type AnswerByWalletDeps } from './wallets/answer-by-wallet.ts'
import { createAskWallet, type AskWalletDeps } from './wallets/ask-wallet.ts'
import { createBeginWallet, type BeginWalletDeps } from './wallets/begin-wallet.ts'
import { createConfirmWallet, type ConfirmWalletDeps } from './wallets/confirm-wallet.ts'
import { createWalletLimit } from './wallets/wallet-limit.ts'
import { createWalletQuestions } from './wallets/wallet-questions.ts'

/** Made here. */
type Own = 'families' | 'purpose' | 'questions' | 'limit' | 'hasNode' | 'site' | 'ttlSeconds' | 'newFactorId' | 'newNonce' | 'newReceiptId'

export interface WalletParts extends Omit<BeginWalletDeps & ConfirmWalletDeps & AskWalletDeps & AnswerByWalletDeps, Own> {
  readonly redis: Redis
  readonly config: Pick<Config, 'wallets' | 'confirmations'>
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Pick<Lifecycle, 'onStop'>
}

/** Long enough to find the device. */
const enrolmentSeconds = 900

export function composeWallets ({ redis, config: { wallets, confirmations: { site, perMinute } }, log, metrics, lifecycle, ...given }: WalletParts): WalletUseCases & Pick<ChallengeUseCases, 'askWalletOfChallenge' | 'answerChallengeByWallet'> {
  const pool = createSignaturePool({ log, metrics })
  lifecycle.onStop('signature pool', () => pool.close())
  const rpcs = createEvmRpcs({ urls: wallets.evmRpcUrls, metrics })
  const families = openFamilies({ ...wallets, pool, rpcs })
  const questions = createWalletQuestions({ families, site })
  const limit = createWalletLimit({ limiter: createLimiter({ redis, prefix: 'otp:{signatures}' }), perMinute, onLimited: countLimit(metrics, 'signatures') })
  const parts = { ...given, families, questions, limit, site, newReceiptId: () => newId('rcp') }

  return {
    beginWallet: createBeginWallet({ ...parts, ttlSeconds: enrolmentSeconds, newFactorId: () => newId('fct'), newNonce: () => randomHex(16) }),
    confirmWallet: createConfirmWallet({ ...parts, hasNode: (chainId) => rpcs.rpcOf(chainId) !== undefined }),
    askWallet: createAskWallet({ ...parts, purpose: 'step_up' }),
    answerByWallet: createAnswerByWallet({ ...parts, purpose: 'step_up' }),
    askWalletOfChallenge: createAskWallet({ ...parts, purpose: 'transaction' }),
    answerChallengeByWallet: createAnswerByWallet({ ...parts, purpose: 'transaction' })
  }
}
