/** Who may ask for what. Granted on the signer's own command line only; a message of another service can at most take it away, with the account. */
import { keyIdOf, type IntentKey } from '../intents/intent-key.ts'

export const principalRights = ['initiate', 'approve', 'administer'] as const
export type PrincipalRight = typeof principalRights[number]

export interface Principal {
  /** A user id: of a program, that of the account whose API key it uses. */
  readonly id: string
  readonly kind: 'user' | 'service'
  /** The chain of proofs that the operator checked; a receipt of another one confirms nothing. Null: it was granted no right that needs a factor. */
  readonly factorRoot: string | null
  readonly may: readonly PrincipalRight[]
  /** From which it may initiate, and for which it may approve. */
  readonly wallets: readonly string[]
  /** EIP-55. Its own wallets, whose signatures approve and administer. */
  readonly approverKeys: readonly string[]
  /** EIP-55. Of its wallets that are factors: they approve nothing, and tell whose keys are whose. Absent in rows from before they were asked for. */
  readonly factorAccounts?: readonly string[]
  /** Of a program: what its requests are signed with. */
  readonly intentKey: IntentKey | null
  readonly grantedAt: Date
}

/** @returns why this principal may not use this wallet, or undefined. Absent principals may nothing. */
export function refusalOf (principal: Principal | undefined, walletId: string): string | undefined {
  if (principal === undefined) return 'no_principal'
  if (!principal.may.includes('initiate')) return 'may_not_initiate'
  return principal.wallets.includes(walletId) ? undefined : 'wallet_not_granted'
}

/** By what its proofs are its own: the chain of proofs of its factors, or of a program the id of its key. */
export const rootOf = ({ kind, factorRoot, intentKey }: Pick<Principal, 'kind' | 'factorRoot' | 'intentKey'>): string | null =>
  kind === 'user' ? factorRoot : intentKey && keyIdOf(intentKey)

/** Everything that only one person has: what it approves with, what it confirms with, and what a program of it signs with. */
const ownOf = ({ approverKeys, factorAccounts = [], intentKey, factorRoot }: Principal): readonly string[] =>
  [...approverKeys, ...factorAccounts, ...intentKey === null ? [] : [keyIdOf(intentKey)], ...factorRoot === null ? [] : [factorRoot]]

/** Two principals with a key or a chain of proofs in common are one person, whatever each of them uses it for. */
export function samePerson (a: Principal, b: Principal): boolean {
  const own = new Set(ownOf(b))
  return a.id === b.id || ownOf(a).some((one) => own.has(one))
}

/** @returns how many persons these principals are, the initiator not counted. Who is one person with a third is one with whom that one is. */
export function personsBeside (initiator: Principal, principals: readonly Principal[]): number {
  const groups: Principal[][] = []
  for (const principal of [initiator, ...principals]) {
    const met = groups.filter((group) => group.some((other) => samePerson(principal, other)))
    for (const group of met) groups.splice(groups.indexOf(group), 1)
    groups.push([principal, ...met.flat()])
  }
  return groups.filter((group) => !group.includes(initiator)).length
}

export interface Taken {
  readonly may?: readonly PrincipalRight[]
  readonly wallets?: readonly string[]
  /** EIP-55. */
  readonly approverKeys?: readonly string[]
  readonly intentKey?: boolean
}

/** @returns the principal without what is taken, and without rights that nothing is left for; naming nothing takes all. */
export function keptBy (principal: Principal, { may, wallets, approverKeys, intentKey = false }: Taken): Principal {
  const all = [may, wallets, approverKeys].every((list) => list === undefined) && !intentKey
  const without = <T>(list: readonly T[], gone: readonly T[] = []): readonly T[] => all ? [] : list.filter((one) => !gone.includes(one))
  const left = { wallets: without(principal.wallets, wallets), approverKeys: without(principal.approverKeys, approverKeys), intentKey: all || intentKey ? null : principal.intentKey }
  const initiates = left.wallets.length > 0 && (left.intentKey !== null || (principal.kind === 'user' && principal.factorRoot !== null))
  const able = { initiate: initiates, approve: left.wallets.length > 0 && left.approverKeys.length > 0, administer: left.approverKeys.length > 0 }
  return { ...principal, ...left, may: without(principal.may, may).filter((right) => able[right]) }
}
