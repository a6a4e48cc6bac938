/** Takes rights, wallets or keys away, at once and for every decision that is still to come; without naming any, all of them. */
import type { Audit } from '@countersign/mongo'
import type { Transact } from '../unit.ts'
import { keptBy, type Principal, type PrincipalRight, type Taken } from './principal.ts'
import type { PrincipalRepository } from './principal-repository.ts'

export interface RevokeDeps {
  readonly principals: Pick<PrincipalRepository, 'find' | 'put' | 'revoke'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

export interface Revoked {
  /** What is left; undefined: it is no principal any more, or was none. */
  readonly principal: Principal | undefined
  readonly changed: boolean
}

export const createRevokePrincipal = ({ principals, audit, transact }: RevokeDeps) =>
  async (userId: string, taken: Taken): Promise<Revoked> => await transact(async (unit) => {
    const before = await principals.find(userId, unit)
    if (before === undefined) return { principal: undefined, changed: false }
    const { id: _id, grantedAt: _grantedAt, ...left } = keptBy(before, taken)
    const facts = { may: left.may, wallets: left.wallets, approver_keys: left.approverKeys, intent_key_removed: before.intentKey !== null && left.intentKey === null }
    if (left.may.length === 0) {
      await principals.revoke(userId, unit)
      await audit.append({ event: 'principal.revoked', subject: userId, actor: 'operator', facts: { reason: 'operator' } }, unit.session)
      return { principal: undefined, changed: true }
    }
    if (unchanged(before, left)) return { principal: before, changed: false }
    const principal = await principals.put({ id: userId, ...left }, unit)
    await audit.append({ event: 'principal.narrowed', subject: userId, actor: 'operator', facts }, unit.session)
    return { principal, changed: true }
  })

const unchanged = (before: Principal, left: { readonly may: readonly PrincipalRight[], readonly wallets: readonly string[], readonly approverKeys: readonly string[], readonly intentKey: unknown }): boolean =>
  before.may.length === left.may.length && before.wallets.length === left.wallets.length && before.approverKeys.length === left.approverKeys.length && (before.intentKey === null) === (left.intentKey === null)
