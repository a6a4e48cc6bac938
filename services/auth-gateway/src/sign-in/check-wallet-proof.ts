import { Problem, problems, type WalletFamily } from '@countersign/contracts'
import type { Families, Family, ProofVerdict, WalletAccount, WalletProof } from '@countersign/wallets'
import type { ChallengeStore, SignInChallenge } from '../challenges/challenge-store.ts'
import { nonceIn } from '../challenges/sign-in-message.ts'
import type { Identity } from '../users/identity.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { User } from '../users/user.ts'
import type { SignInReport } from './report-sign-in.ts'

export interface CheckDeps {
  readonly families: Families
  readonly challenges: Pick<ChallengeStore, 'consume' | 'idOfNonce'>
  readonly users: Pick<UserRepository, 'findByIdentity'>
  readonly report: Pick<SignInReport, 'refused'>
}

export interface GivenProof {
  readonly address: string
  readonly signedMessage: string
  readonly signature: string
  readonly publicKey?: string
  readonly challengeId?: string
  readonly requestId: string
}

/** For whom the challenge must have been made. */
export type Wanted = { readonly purpose: 'login' } | { readonly purpose: 'link', readonly userId: string, readonly sessionId: string }

export interface ProvedLogin {
  readonly identity: Identity
  /** Whose login it is, as read before the proof was looked at: what ends the sessions of this account meanwhile ends this sign-in as well. */
  readonly holder: User | undefined
}

export type CheckWalletProof = (family: WalletFamily, given: GivenProof, wanted: Wanted) => Promise<ProvedLogin>

/**
 * Consumes the challenge before any signature work, so that of many parallel tries one at most is looked at; then the text must be the
 * one that was issued, for this purpose and this asker; then the signature must be the address's. Every refusal answers alike.
 * @throws Problem proofRejected; unavailable when nobody can tell whether the signature is right
 */
export const createCheckWalletProof = ({ families, challenges, users, report }: CheckDeps): CheckWalletProof =>
  async (familyName, given, wanted) => {
    const family = families[familyName]
    const challenge = await consume(given)
    const fault = faultOf(challenge, familyName, given, wanted)
    // A signature is also checked where nothing was issued: an unknown challenge must take as long as a wrong signature.
    const account = challenge ?? family.read({ address: given.address })
    const verdict = 'fault' in account ? { outcome: 'refused' as const, reason: 'address' } : await verdictOf({ family, users }, accountOf(account), proofOf(given), fault === undefined)

    if (fault === undefined && verdict.outcome === 'proved') return { identity: verdict.identity, holder: verdict.holder }
    if (fault === undefined && verdict.outcome === 'unavailable') throw couldNotBeChecked()
    await report.refused({ method: familyName, reason: fault ?? (verdict.outcome === 'refused' ? verdict.reason : verdict.outcome), requestId: given.requestId })
    throw new Problem(problems.proofRejected)

    async function consume ({ challengeId, signedMessage }: GivenProof): Promise<SignInChallenge | undefined> {
      const nonce = nonceIn(signedMessage)
      const id = challengeId ?? (nonce === undefined ? undefined : await challenges.idOfNonce(nonce))
      return id === undefined ? undefined : await challenges.consume(id)
    }

    function faultOf (issued: SignInChallenge | undefined, name: WalletFamily, { address, signedMessage }: GivenProof, want: Wanted): string | undefined {
      if (issued === undefined) return 'challenge'
      if (issued.family !== name) return 'family'
      if (issued.purpose !== want.purpose) return 'purpose'
      if (want.purpose === 'link' && (issued.asker?.userId !== want.userId || issued.asker.sessionId !== want.sessionId)) return 'asker'
      if (issued.message !== signedMessage) return 'text'
      if (address === issued.address) return undefined
      const claimed = family.read({ address, network: name === 'evm' ? undefined : issued.network, ...name === 'evm' && { chainId: Number(issued.chainReference) } })
      return 'fault' in claimed || claimed.address !== issued.address ? 'address' : undefined
    }
  }

export interface VerdictDeps {
  readonly family: Family
  readonly users: Pick<UserRepository, 'findByIdentity'>
}

export type VerdictWithHolder = Exclude<ProofVerdict, { outcome: 'proved' }> | ProvedLogin & { readonly outcome: 'proved' }

export const couldNotBeChecked = (): Problem =>
  new Problem(problems.unavailable, { retry_after: 1, detail: 'The signature could not be checked at the moment. Ask for a new challenge: this one is used up.' })

/** The holders are read first, whatever the proof. Too much work waiting is the same to the caller as a node that does not answer. */
export async function verdictOf ({ family, users }: VerdictDeps, account: WalletAccount, proof: WalletProof, askChain: boolean): Promise<VerdictWithHolder> {
  const logins = family.loginsOf(account)
  const holders = await Promise.all(logins.map((id) => users.findByIdentity(id)))
  try {
    const verdict = await family.prove(account, proof, askChain)
    return verdict.outcome === 'proved' ? { ...verdict, holder: holders[logins.indexOf(verdict.identity.id)] } : verdict
  } catch (error) {
    if (error instanceof Problem && error.kind === problems.unavailable) return { outcome: 'unavailable' }
    throw error
  }
}

const accountOf = ({ address, network, chainReference, ...rest }: SignInChallenge | WalletAccount): WalletAccount =>
  ({ address, network, chainReference, chainName: 'chainName' in rest ? rest.chainName : '' })

const proofOf = ({ signedMessage, signature, publicKey }: GivenProof) =>
  ({ message: signedMessage, signature, ...publicKey !== undefined && { publicKey } })
