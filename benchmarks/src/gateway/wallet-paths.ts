/** Signing in with a wallet: 1,000 known accounts in turn, each challenge used once. */
import { verifyEvmMessage, verifySolanaMessage } from '@countersign/wallet-proofs'
import { rateOf } from '../load/measure.ts'
import type { Ceilings } from './ceilings.ts'
import type { House } from './house.ts'
import { inFlight, measurePath, operationsFor, together, type PathMeasured } from './report.ts'
import { askChallenge, oneAfterAnother, proofOf, signIn, type Challenge } from './sign-in.ts'
import type { BenchedFamily, Wallet } from './wallets.ts'

const mostPerSecond = 1_500
const goals = { evm: { floor: 700, aim: 900 }, solana: { floor: 700, aim: 1_000 } } as const
const verifyOf: Readonly<Record<BenchedFamily, (proof: { message: string, signature: string, address: string }) => Promise<{ valid: boolean }>>> =
  { evm: verifyEvmMessage, solana: verifySolanaMessage }

/**
 * `sign-in` is the whole: a challenge is asked for, signed by the load generator and verified. `verify` is the second half alone: its
 * challenges are issued and signed beforehand.
 */
export async function measureWallets (house: House, family: BenchedFamily, wallets: readonly Wallet[], { post, tokens }: Ceilings): Promise<PathMeasured[]> {
  let turn = 0
  const nextWallet = (): Wallet => wallets[turn++ % wallets.length] as Wallet
  const issued: Challenge[] = []
  const issue = async (): Promise<void> => { issued.push(await askChallenge(house, family, nextWallet())) }
  const sample = await askChallenge(house, family, nextWallet())
  const { address, signed_message: message, signature } = proofOf(sample)
  const crypto = await rateOf(() => verifyOf[family]({ address, message, signature }), 1_000)

  const whole = await measurePath(house, {
    name: `${family} sign-in: challenge, then verify`, ...goals[family], ceiling: together(post, post, crypto, tokens),
    operation: async () => await signIn(house, family, proofOf(await askChallenge(house, family, nextWallet())))
  })
  const challenge = await measurePath(house, { name: `${family} challenge`, operation: issue, ceiling: post })
  while (issued.length < operationsFor(mostPerSecond)) await Promise.all(Array.from({ length: inFlight }, issue))
  const next = oneAfterAnother(issued.map(proofOf))
  const verify = await measurePath(house, { name: `${family} verify`, operation: () => signIn(house, family, next()), ceiling: together(post, crypto, tokens) })
  return [whole, challenge, verify]
}
