import { Problem, problems, type WalletType } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { CloseSession } from '../../sessions/close-session.ts'
import type { SessionRepository } from '../../sessions/session-repository.ts'
import type { Asker } from '../../sign-in/link-wallet.ts'
import type { ConnectionCache } from './connection-cache.ts'
import type { ConnectionRepository } from './connection-repository.ts'

export interface DisconnectDeps {
  readonly connections: Pick<ConnectionRepository, 'ofAddress' | 'disconnect'>
  readonly sessions: Pick<SessionRepository, 'idsOfConnection'>
  readonly cache: Pick<ConnectionCache, 'forget'>
  readonly close: CloseSession
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
}

export interface Disconnection {
  readonly address: string
  /** Absent: every program that the address is connected in. */
  readonly walletType?: WalletType
  readonly reason?: string
}

/** @returns whether the asker's own session was among those that ended */
export type DisconnectWallet = (given: Disconnection, asker: Asker) => Promise<{ readonly ownSessionEnded: boolean }>

/**
 * The owner's alone. Disconnecting again changes nothing, and ends what an interrupted disconnection left.
 * @throws Problem notFound, notOwner
 */
export const createDisconnectWallet = ({ connections, sessions, cache, close, audit, inTransaction }: DisconnectDeps): DisconnectWallet =>
  async ({ address: given, walletType, reason = 'disconnected by its owner' }, { userId, sessionId, requestId }) => {
    const address = given.toLowerCase()
    const named = (await connections.ofAddress(address)).filter((one) => walletType === undefined || one.walletType === walletType)
    if (named.length === 0) throw new Problem(problems.notFound)
    const own = named.filter((one) => one.userId === userId)
    if (own.length === 0) throw new Problem(problems.notOwner)

    await cache.forget(address)
    let ownSessionEnded = false
    for (const { id, identityId, walletType: type } of own) {
      await inTransaction(async (transaction) => {
        if (!await connections.disconnect(id, userId, reason, transaction)) return
        await audit.append({ event: 'wallet.disconnected', subject: userId, actor: userId, requestId, facts: { identity: identityId, walletType: type } }, transaction)
      })
      for (const opened of await sessions.idsOfConnection(id)) {
        await close({ sessionId: opened, reason: 'wallet_disconnected', requestId })
        ownSessionEnded ||= opened === sessionId
      }
    }
    return { ownSessionEnded }
  }
