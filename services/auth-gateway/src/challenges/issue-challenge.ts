import { Problem, problems } from '@countersign/contracts'
import { evmMessage } from './evm-message.ts'
import type { ChallengeStore } from './challenge-store.ts'

export interface IssueDeps {
  readonly challenges: Pick<ChallengeStore, 'keep'>
  /** The store's clock decides, so that a skewed process issues no message that wallets call expired. */
  readonly now: () => Promise<Date>
  readonly newId: () => string
  /** 128 random bits in letters and digits, as EIP-4361 asks. */
  readonly newNonce: () => string
  /** EIP-55 form, or undefined for a mixed-case address whose checksum is wrong. */
  readonly checksumAddress: (address: string) => string | undefined
  readonly origin: string
  readonly domain: string
  readonly brand: string
  readonly chainIds: readonly number[]
  readonly ttlSeconds: number
}

export interface IssuedChallenge {
  readonly challengeId: string
  readonly message: string
  readonly nonce: string
  readonly expiresAt: Date
}

/** @throws Problem schemaViolation for an address that fails its checksum or a chain that is not configured. */
export const createIssueChallenge = ({ challenges, now, newId, newNonce, checksumAddress, origin, domain, brand, chainIds, ttlSeconds }: IssueDeps) =>
  async (given: { address: string, chainId?: number }): Promise<IssuedChallenge> => {
    const address = checksumAddress(given.address)
    if (address === undefined) throw refused('body/address', 'has a wrong EIP-55 checksum')
    const chainId = given.chainId ?? chainIds[0] as number
    if (!chainIds.includes(chainId)) throw refused('body/chain_id', 'is not a configured chain')

    const issuedAt = await now()
    const expiresAt = new Date(issuedAt.getTime() + ttlSeconds * 1000)
    const challengeId = newId()
    const nonce = newNonce()
    const message = evmMessage({ domain, origin, brand, address, chainId, nonce, issuedAt, expiresAt })
    await challenges.keep({ id: challengeId, purpose: 'login', address, chainId, nonce, message }, ttlSeconds)
    return { challengeId, message, nonce, expiresAt }
  }

const refused = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })
