/** Challenges, proofs and sessions of many wallets, over the gateway's own routes. */
import { walletRoutes, type TokenReply } from '@countersign/contracts'
import { ask, type House } from './house.ts'
import { walletMakers, type BenchedFamily, type Wallet } from './wallets.ts'

/** The body of a `verify` call, good once. */
export interface Proof {
  readonly address: string
  readonly signed_message: string
  readonly signature: string
  readonly challenge_id: string
}

export interface Challenge {
  readonly wallet: Wallet
  readonly message: string
  readonly id: string
}

export const walletsOf = (family: BenchedFamily, count: number): Wallet[] => Array.from({ length: count }, walletMakers[family])

export async function askChallenge ({ http }: Pick<House, 'http'>, family: BenchedFamily, wallet: Wallet): Promise<Challenge> {
  const { message, challenge_id: id } = await ask(http, { method: 'POST', path: walletRoutes[family].challenge.path, body: { address: wallet.address } }) as { message: string, challenge_id: string }
  return { wallet, message, id }
}

export const proofOf = ({ wallet, message, id }: Challenge): Proof =>
  ({ address: wallet.address, signed_message: message, signature: wallet.sign(message), challenge_id: id })

export const signIn = async ({ http }: Pick<House, 'http'>, family: BenchedFamily, proof: Proof): Promise<TokenReply> =>
  await ask(http, { method: 'POST', path: walletRoutes[family].verify.path, body: proof }) as TokenReply

/** @returns one session for each wallet; the first makes its account */
export const openSessions = async (house: Pick<House, 'http'>, family: BenchedFamily, wallets: readonly Wallet[]): Promise<TokenReply[]> =>
  await inTurns(wallets, async (wallet) => await signIn(house, family, proofOf(await askChallenge(house, family, wallet))))

const atOnce = 50

/** Fifty at a time. */
async function inTurns<T, R> (given: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < given.length; from += atOnce) results.push(...await Promise.all(given.slice(from, from + atOnce).map(work)))
  return results
}

/** @returns an operation that takes one of these at each call. @throws Error when none is left */
export function oneAfterAnother<T> (given: T[]): () => T {
  return () => {
    const next = given.pop()
    if (next === undefined) throw new Error('everything that was prepared is used up: the machine is faster than this benchmark reckons')
    return next
  }
}
