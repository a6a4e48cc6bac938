/** Who may call a route: the words of the table that `http/access-table.ts` and the tests walk. */
import { Type, type Static } from 'typebox'

/** What an API key may be allowed to do. A route without a scope is closed to every key. */
export const scopes = [
  'profile:read', 'identities:read', 'sessions:read', 'transactions:read', 'transactions:write', 'tokens:introspect', 'audit:read'
] as const
export type Scope = typeof scopes[number]
export const ScopeSchema = Type.Unsafe<Scope>({ type: 'string', enum: [...scopes] })

/** Roles open routes of the gateway and nothing else; who may move money is the signer's `principals`. */
export const roles = ['user', 'operator', 'admin'] as const
export type Role = typeof roles[number]
export const RoleSchema = Type.Unsafe<Role>({ type: 'string', enum: [...roles] })

/** Scopes that a plain user's key cannot have: at every use its owner must hold this role. */
export const scopeRoles: Readonly<Partial<Record<Scope, Exclude<Role, 'user'>>>> = Object.freeze({ 'tokens:introspect': 'operator', 'audit:read': 'operator' })

/** An administrator may do what an operator may. */
export const holdsRole = (held: readonly Role[], wanted: Role): boolean =>
  wanted === 'user' || held.includes(wanted) || (wanted === 'operator' && held.includes('admin'))

/** Age of a session's own proof after which a sensitive route asks for a new one (RFC 9470 `max_age`). */
export const freshProofSeconds = 600

/** A family of wallets, and the last but one part of its sign-in routes. */
export const walletFamilies = ['evm', 'solana', 'cosmos', 'stacks', 'bitcoin'] as const
export type WalletFamily = typeof walletFamilies[number]

export const IdentityKind = Type.Unsafe<WalletFamily | 'email' | 'passkey'>({ type: 'string', enum: [...walletFamilies, 'email', 'passkey'] })
export type IdentityKind = Static<typeof IdentityKind>
