/** Gives a user rights, wallets and approver keys, once an operator has checked whose factors and keys these are. */
import type { Audit } from '@countersign/mongo'
import { keyIdOf, type IntentKey } from '../intents/intent-key.ts'
import type { Transact } from '../unit.ts'
import type { WalletRepository } from '../wallets/wallet-repository.ts'
import { principalRights, type Principal, type PrincipalRight } from './principal.ts'
import type { PrincipalRepository } from './principal-repository.ts'

export interface GrantDeps {
  readonly principals: Pick<PrincipalRepository, 'find' | 'put' | 'ofKey'>
  readonly wallets: Pick<WalletRepository, 'find'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

export interface Grant {
  readonly userId: string
  readonly walletIds: readonly string[]
  /** As otp-service told it on the signer's own list, and as the operator saw it. Undefined: nothing that needs a factor is granted. */
  readonly factorRoot?: string
  /** Default: initiate. */
  readonly may?: readonly PrincipalRight[]
  /** EIP-55. */
  readonly approverKeys?: readonly string[]
  /** Makes it a program, which signs its requests with this key; a new key takes the place of the one before. */
  readonly intentKey?: IntentKey
}

type Rights = Pick<Principal, 'kind' | 'factorRoot' | 'may' | 'wallets' | 'approverKeys' | 'intentKey'>

/**
 * What a principal has after a grant: what it had, and the new. Factors of another root are another person until an operator
 * says otherwise, wallet by wallet, so that nothing is carried over to them.
 */
export function rightsAfter (before: Rights | undefined, { walletIds, factorRoot, may = ['initiate'], approverKeys = [], intentKey }: Omit<Grant, 'userId'>): Rights {
  const same = before !== undefined && (factorRoot === undefined || before.factorRoot === null || before.factorRoot === factorRoot) ? before : undefined
  const rights = new Set([...same?.may ?? [], ...may])
  return {
    kind: intentKey === undefined ? same?.kind ?? 'user' : 'service',
    intentKey: intentKey ?? same?.intentKey ?? null,
    factorRoot: factorRoot ?? same?.factorRoot ?? null,
    may: principalRights.filter((right) => rights.has(right)),
    wallets: [...new Set([...same?.wallets ?? [], ...walletIds])].sort(),
    approverKeys: [...new Set([...same?.approverKeys ?? [], ...approverKeys])].sort()
  }
}

/** @throws Error naming what is wrong: a wallet that does not exist, a key of somebody else, a right without what it needs */
export const createGrantPrincipal = ({ principals, wallets, audit, transact }: GrantDeps) =>
  async ({ userId, ...grant }: Grant): Promise<{ principal: Principal, changed: boolean }> => await transact(async (unit) => {
    for (const id of grant.walletIds) {
      if (await wallets.find(id, unit) === undefined) throw new Error(`there is no wallet ${id}: see wallets list`)
    }
    for (const key of grant.approverKeys ?? []) {
      const other = (await principals.ofKey(key, unit)).find(({ id }) => id !== userId)
      if (other !== undefined) throw new Error(`${key} is a key of ${other.id}: two principals with one key are one person, and approve nothing for each other`)
    }
    const before = await principals.find(userId, unit)
    const after = rightsAfter(before, grant)
    // A person confirms with factors and a program with its key: who is both could stand in for himself.
    if (before !== undefined && before.kind !== after.kind) throw new Error(`${userId} is a ${before.kind} already: a program has an account of its own`)
    if (after.may.includes('initiate') && after.factorRoot === null && after.intentKey === null) throw new Error('whoever initiates needs a proved factor')
    if (after.approverKeys.length === 0 && after.may.some((right) => right !== 'initiate')) throw new Error('whoever approves or administers needs --approver-key')
    if (before !== undefined && JSON.stringify(after) === JSON.stringify(rightsAfter(before, { walletIds: [], may: [] }))) return { principal: before, changed: false }

    const principal = await principals.put({ id: userId, ...after }, unit)
    await audit.append({
      event: 'principal.granted',
      subject: userId,
      actor: 'operator',
      facts: { kind: after.kind, ...after.intentKey !== null && { intent_key: keyIdOf(after.intentKey) }, may: after.may, wallets: after.wallets, approver_keys: after.approverKeys, factor_root_changed: before !== undefined && before.factorRoot !== after.factorRoot }
    }, unit.session)
    return { principal, changed: true }
  })
