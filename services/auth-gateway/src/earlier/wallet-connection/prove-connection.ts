import { Problem, problems, walletTypeFamilies, type NetworkName, type WalletType } from '@countersign/contracts'
import type { Families } from '@countersign/wallets'
import { couldNotBeChecked, verdictOf, type ProvedLogin } from '../../sign-in/check-wallet-proof.ts'
import type { SignInReport } from '../../sign-in/report-sign-in.ts'
import type { UserRepository } from '../../users/user-repository.ts'
import type { PendingConnections } from './pending-connections.ts'

export interface ProveConnectionDeps {
  readonly families: Pick<Families, 'stacks' | 'evm'>
  readonly pending: Pick<PendingConnections, 'takeChallenge'>
  readonly users: Pick<UserRepository, 'findByIdentity'>
  readonly report: Pick<SignInReport, 'refused'>
}

export interface ConnectionProof {
  readonly walletType: WalletType
  readonly address: string
  readonly publicKey?: string
  readonly signature: string
  readonly nonce: string
  readonly requestId: string
}

export interface ProvedWallet extends ProvedLogin {
  readonly network: NetworkName
  /** The key that signed, where the signature shows it and the caller named it. */
  readonly publicKey?: string
}

export type ProveConnection = (proof: ConnectionProof) => Promise<ProvedWallet>

/**
 * Consumes the challenge before any signature work; then the stored text must have been signed by the key of the claimed address, on the
 * network of the challenge. The text itself is never taken from the caller. Every refusal answers alike.
 * @throws Problem proofRejected; unavailable when nobody can tell whether the signature is right
 */
export const createProveConnection = ({ families, pending, users, report }: ProveConnectionDeps): ProveConnection =>
  async ({ walletType, address, publicKey, signature, nonce, requestId }) => {
    const familyName = walletTypeFamilies[walletType]
    const family = families[familyName]
    const challenge = await pending.takeChallenge(nonce)
    const account = family.read({ address, ...familyName === 'stacks' && challenge !== undefined && { network: challenge.network } })
    const fault = faultOf()
    // A signature is also checked where nothing was issued: an unknown challenge must take as long as a wrong signature.
    const verdict = 'fault' in account
      ? { outcome: 'refused' as const, reason: 'address' }
      : await verdictOf({ family, users }, account, { message: challenge?.message ?? nonce, signature, ...familyName === 'stacks' && publicKey !== undefined && { publicKey } }, fault === undefined)

    if (challenge !== undefined && fault === undefined && verdict.outcome === 'proved') {
      const key = familyName === 'stacks' ? publicKey?.replace(/^0x/, '').toLowerCase() : undefined
      return { identity: verdict.identity, holder: verdict.holder, network: challenge.network, ...key !== undefined && { publicKey: key } }
    }
    if (fault === undefined && verdict.outcome === 'unavailable') throw couldNotBeChecked()
    await report.refused({ method: walletType, reason: fault ?? (verdict.outcome === 'refused' ? verdict.reason : verdict.outcome), requestId })
    throw new Problem(problems.proofRejected)

    function faultOf (): string | undefined {
      if (challenge === undefined) return 'challenge'
      if ('fault' in account) return 'address'
      return challenge.address === undefined || challenge.address === account.address ? undefined : 'address'
    }
  }
