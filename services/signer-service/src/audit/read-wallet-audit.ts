/** A wallet's rows for an operator, newest first, and how far they are sealed. */
import type { ReplyOf, readWalletAudit } from '@countersign/contracts'
import type { Cursors } from '@countersign/secrets'
import { compareRecorded } from './audit-chain.ts'
import type { SealRepository } from './seal-repository.ts'

export interface ReadWalletAuditDeps {
  readonly seals: Pick<SealRepository, 'newest' | 'page'>
  readonly cursors: Cursors
}

export const createReadWalletAudit = ({ seals, cursors }: ReadWalletAuditDeps) =>
  async ({ id, limit, cursor }: { readonly id: string, readonly limit: number, readonly cursor: string | undefined }): Promise<ReplyOf<typeof readWalletAudit>> => {
    const scope = ['audit', id]
    const newest = await seals.newest(id)
    const found = await seals.page(id, limit + 1, cursor === undefined ? undefined : cursors.read(scope, cursor))
    const { page, nextCursor } = cursors.page(scope, found, limit)
    return {
      data: page.map(({ wallet_id: _wallet, recorded_at: recordedAt, ...row }) => ({
        ...row,
        recorded_at: new Date(Number(recordedAt.split(':')[0]) * 1_000).toISOString(),
        sealed: newest !== undefined && compareRecorded(recordedAt, newest.through) <= 0
      })),
      checkpoint: newest === undefined ? null : { sequence: newest.checkpoint.sequence, hash: newest.checkpoint.hash, sealed_at: newest.checkpoint.sealed_at, signature: newest.signature },
      next_cursor: nextCursor
    }
  }
