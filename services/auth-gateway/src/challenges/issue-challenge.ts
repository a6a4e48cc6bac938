import { Problem, problems, type WalletFamily } from '@countersign/contracts'
import type { Families } from '@countersign/wallets'
import type { ChallengeStore } from './challenge-store.ts'
import { signInMessage, type ChallengePurpose } from './sign-in-message.ts'

export interface IssueDeps {
  readonly families: Families
  readonly challenges: Pick<ChallengeStore, 'keep'>
  /** The store's clock decides, so that a skewed process issues no message that wallets call expired. */
  readonly now: () => Promise<Date>
  readonly newId: () => string
  /** 128 random bits in letters and digits, as EIP-4361 asks. */
  readonly newNonce: () => string
  readonly origin: string
  readonly domain: string
  readonly brand: string
  readonly ttlSeconds: number
}

export interface ChallengeRequest {
  readonly address: string
  readonly network?: string
  readonly chainId?: number
  /** Links to this account, for this session alone; absent: signs in. */
  readonly asker?: { readonly userId: string, readonly sessionId: string }
}

export interface IssuedChallenge {
  readonly challengeId: string
  readonly message: string
  readonly nonce: string
  readonly expiresAt: Date
}

export type IssueChallenge = (family: WalletFamily, request: ChallengeRequest) => Promise<IssuedChallenge>

/** @throws Problem schemaViolation for an address that fails its checksum or a network that is not configured */
export const createIssueChallenge = ({ families, challenges, now, newId, newNonce, origin, domain, brand, ttlSeconds }: IssueDeps): IssueChallenge =>
  async (familyName, { asker, ...given }) => {
    const account = families[familyName].read(given)
    if ('fault' in account) throw new Problem(problems.schemaViolation, { faults: [account.fault] })
    const { address, network, chainReference, chainName } = account

    const issuedAt = await now()
    const expiresAt = new Date(issuedAt.getTime() + ttlSeconds * 1000)
    const challengeId = newId()
    const nonce = newNonce()
    const purpose: ChallengePurpose = asker === undefined ? 'login' : 'link'
    const message = signInMessage({ domain, origin, brand, purpose, chainName, address, chainReference, nonce, issuedAt, expiresAt, ...asker && { userId: asker.userId } })
    await challenges.keep({ id: challengeId, family: familyName, purpose, address, network, chainReference, nonce, message, ...asker && { asker } }, expiresAt)
    return { challengeId, message, nonce, expiresAt }
  }
