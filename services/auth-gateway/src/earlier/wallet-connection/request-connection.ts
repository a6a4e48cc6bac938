import { Problem, problems, type NetworkName } from '@countersign/contracts'
import type { Families } from '@countersign/wallets'
import { connectionMessage } from './connection-message.ts'
import type { PendingConnections } from './pending-connections.ts'

export interface RequestConnectionDeps {
  readonly families: Pick<Families, 'stacks' | 'evm'>
  readonly pending: Pick<PendingConnections, 'keepChallenge' | 'ttlSeconds'>
  /** The store's clock. */
  readonly now: () => Promise<Date>
  /** 256 random bits in hex, as long as the earlier system's. */
  readonly newNonce: () => string
  readonly origin: string
  readonly domain: string
  readonly brand: string
}

export interface IssuedConnectionChallenge {
  readonly nonce: string
  readonly issuedAt: Date
  readonly expiresAt: Date
  readonly message: string
}

export type RequestConnection = (request: { readonly network: NetworkName, readonly address?: string }) => Promise<IssuedConnectionChallenge>

/** @throws Problem schemaViolation for an address that fails its checksum or is of another network */
export const createRequestConnection = ({ families, pending, now, newNonce, ...place }: RequestConnectionDeps): RequestConnection =>
  async ({ network, address: given }) => {
    const account = given === undefined ? undefined : given.startsWith('0x') ? families.evm.read({ address: given }) : families.stacks.read({ address: given, network })
    if (account !== undefined && 'fault' in account) throw new Problem(problems.schemaViolation, { faults: [account.fault] })
    const address = account && { address: account.address }

    const issuedAt = await now()
    const expiresAt = new Date(issuedAt.getTime() + pending.ttlSeconds * 1000)
    const nonce = newNonce()
    const message = connectionMessage({ ...place, ...address, network, nonce, issuedAt, expiresAt })
    await pending.keepChallenge(nonce, { message, network, ...address }, expiresAt)
    return { nonce, issuedAt, expiresAt, message }
  }
