import { Problem, problems } from '@countersign/contracts'
import type { parseSiweMessage, verifyEvmMessage } from '@countersign/wallet-proofs'
import type { ChallengeStore } from '../challenges/challenge-store.ts'
import type { User } from '../users/user.ts'
import type { UserRepository } from '../users/user-repository.ts'
import { evmIdentityId } from '../users/identity.ts'

export interface SignInDeps {
  readonly challenges: Pick<ChallengeStore, 'consume' | 'idOfNonce'>
  readonly users: Pick<UserRepository, 'findOrCreateByIdentity'>
  readonly parseMessage: typeof parseSiweMessage
  readonly verifyMessage: typeof verifyEvmMessage
  readonly record: (outcome: 'success' | 'failure') => void
}

export interface SignInRequest {
  readonly address: string
  readonly signedMessage: string
  readonly signature: string
  readonly challengeId?: string
  readonly username?: string
}

/**
 * Consumes the challenge before any signature work, so that of many parallel tries one at most is looked at; then the text
 * must be the one that was issued, then the signature must be the address's. Every failure answers alike.
 * @throws Problem proofRejected
 */
export const createSignInEvm = ({ challenges, users, parseMessage, verifyMessage, record }: SignInDeps) =>
  async ({ address, signedMessage, signature, challengeId, username }: SignInRequest): Promise<User> => {
    const challenge = await consume(challengeId ?? await idFromText(signedMessage))
    // Also checked without a challenge: an unknown one must take as long as a wrong signature.
    const proof = await verifyMessage({ message: signedMessage, signature, address })
    const issued = challenge !== undefined && challenge.purpose === 'login' &&
      challenge.message === signedMessage && challenge.address === proof.address
    if (!issued || !proof.valid) {
      record('failure')
      throw new Problem(problems.proofRejected)
    }
    record('success')
    return await users.findOrCreateByIdentity({
      id: evmIdentityId(challenge.address), kind: 'evm', address: challenge.address
    }, username)

    async function consume (id: string | undefined) {
      return id === undefined ? undefined : await challenges.consume(id)
    }

    async function idFromText (text: string): Promise<string | undefined> {
      const parsed = parseMessage(text)
      return parsed.ok ? await challenges.idOfNonce(parsed.message.nonce) : undefined
    }
  }
