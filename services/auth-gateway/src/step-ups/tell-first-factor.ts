import { listFactors, type FactorKind } from '@countersign/contracts'
import type { CommandClient } from '@countersign/redis'
import type { Asker } from '../sign-in/link-wallet.ts'
import type { UserRepository } from '../users/user-repository.ts'
import type { TellFactorAdded } from './tell-factor-added.ts'

export interface TellFirstFactorDeps {
  readonly commands: Pick<CommandClient, 'call'>
  readonly users: Pick<UserRepository, 'find'>
  readonly tell: TellFactorAdded
}

/** Once a factor without an address was added. Never throws for the telling. */
export type TellFirstFactor = (asker: Asker, factor: { readonly id: string, readonly kind: FactorKind }) => Promise<void>

/** otp-service tells at the addresses of an account's factors: without one it could tell nobody. */
export const createTellFirstFactor = ({ commands, users, tell }: TellFirstFactorDeps): TellFirstFactor =>
  async ({ userId, requestId }, { id, kind }) => {
    // Told twice is better than told to nobody.
    const { factors } = await commands.call(listFactors, { user_id: userId }, { requestId, actor: userId }).catch(() => ({ factors: [] }))
    if (factors.some((known) => known.kind === 'email_code')) return
    const email = (await users.find(userId))?.email ?? null
    if (email !== null) await tell({ id, kind }, email, requestId)
  }
