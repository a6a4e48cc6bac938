/** The four monitoring queries of the earlier wallet system, and the ratio that its alert on failed sign-ins needs. */
import type { AuditRow, Mongo } from '@countersign/mongo'
import { createSessionRepository, type SessionRepositoryOptions } from '../sessions/session-repository.ts'

export interface Count { readonly name: string, readonly count: number }

export interface Failures {
  readonly succeeded: number
  readonly failed: number
  /** 0…1; 0 when nobody tried. */
  readonly ratio: number
  readonly reasons: readonly Count[]
}

export type Stats = ReturnType<typeof createStats>

export function createStats (mongo: Mongo, options: SessionRepositoryOptions) {
  const sessions = createSessionRepository(mongo, options)
  const connections = mongo.db.collection('wallet_connections')
  const identities = mongo.db.collection('identities')
  const audit = mongo.db.collection<AuditRow>('audit')
  const counted = async (rows: AsyncIterable<{ _id: unknown, count: number }>): Promise<Count[]> => {
    const counts: Count[] = []
    for await (const { _id, count } of rows) counts.push({ name: String(_id ?? 'unknown'), count })
    return counts
  }
  const byCount = { $sort: { count: -1 as const, _id: 1 as const } }

  return {
    /** Sessions that are open now, by what opened them. */
    openSessions: async (): Promise<Count[]> => sorted(await sessions.countByMethod()),

    /** The same by the wallet's network. */
    openSessionsByNetwork: async (): Promise<Count[]> => sorted(await sessions.countByNetwork()),

    /** Wallets that are connected by the earlier wallet system's paths, by type. */
    connectedWallets: (): Promise<Count[]> => counted(connections.aggregate<{ _id: unknown, count: number }>([
      { $match: { isConnected: true } }, { $group: { _id: '$walletType', count: { $sum: 1 } } }, byCount
    ])),

    /** Linked logins by kind. */
    logins: (): Promise<Count[]> => counted(identities.aggregate<{ _id: unknown, count: number }>([
      { $group: { _id: '$kind', count: { $sum: 1 } } }, byCount
    ])),

    /** Sign-ins of the last so many seconds. */
    async failures (seconds: number): Promise<Failures> {
      const since = { $expr: { $gt: [{ $toDate: '$recordedAt' }, { $subtract: ['$$NOW', seconds * 1000] }] } }
      const reasons = await counted(audit.aggregate<{ _id: unknown, count: number }>([
        { $match: { event: 'sign_in.failed', ...since } }, { $group: { _id: '$facts.reason', count: { $sum: 1 } } }, byCount
      ]))
      const succeeded = await audit.countDocuments({ event: 'session.opened', ...since })
      const failed = reasons.reduce((sum, { count }) => sum + count, 0)
      return { succeeded, failed, ratio: failed === 0 ? 0 : failed / (failed + succeeded), reasons }
    }
  }
}

const sorted = (counts: ReadonlyMap<string, number>): Count[] =>
  [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
