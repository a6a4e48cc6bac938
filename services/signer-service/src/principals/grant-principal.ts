/** Makes a user a principal, or gives it more wallets, once an operator has checked whose factors these are. */
import type { Audit } from '@countersign/mongo'
import type { Transact } from '../unit.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import type { Principal } from './principal.ts'
import type { PrincipalRepository } from './principal-repository.ts'

export interface GrantDeps {
  readonly principals: Pick<PrincipalRepository, 'find' | 'put'>
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

export interface Grant {
  readonly userId: string
  readonly walletIds: readonly string[]
  /** As otp-service told it on the signer's own list, and as the operator saw it. */
  readonly factorRoot: string
}

/**
 * What a principal may use after a grant: its wallets and the new ones. Factors of another root are another person until an operator
 * says otherwise, wallet by wallet, so that nothing is carried over to them.
 */
export const walletsAfter = (before: Pick<Principal, 'factorRoot' | 'wallets'> | undefined, { walletIds, factorRoot }: Pick<Grant, 'walletIds' | 'factorRoot'>): string[] =>
  [...new Set([...before?.factorRoot === factorRoot ? before.wallets : [], ...walletIds])].sort()

/** @throws Error naming a wallet that does not exist */
export const createGrantPrincipal = ({ principals, wallets, audit, transact }: GrantDeps) =>
  async ({ userId, walletIds, factorRoot }: Grant): Promise<{ principal: Principal, changed: boolean }> => await transact(async (unit) => {
    for (const id of walletIds) {
      if (await wallets.find(id, unit) === undefined) throw new Error(`there is no wallet ${id}: see wallets list`)
    }
    const before = await principals.find(userId, unit)
    const granted = walletsAfter(before, { walletIds, factorRoot })
    const same = before !== undefined && before.factorRoot === factorRoot && before.may.includes('initiate') && granted.length === before.wallets.length
    if (same) return { principal: before, changed: false }

    const principal = await principals.put({ id: userId, kind: 'user', factorRoot, may: ['initiate'], wallets: granted }, unit)
    await audit.append({
      event: 'principal.granted',
      subject: userId,
      actor: 'operator',
      facts: { may: ['initiate'], wallets: granted, factor_root_changed: before !== undefined && before.factorRoot !== factorRoot }
    }, unit.session)
    return { principal, changed: true }
  })
