/** Audit rows in the database's order, and the seals over them. Both can only be inserted. */
import { exactly, type AuditRow } from '@countersign/mongo'
import { Timestamp, type ClientSession, type Db, type Document } from 'mongodb'
import { deploymentChain, type ChainedRow, type Checkpoint } from './audit-chain.ts'

/** A batch of linked rows, and the signed checkpoint over its last one. */
export interface Seal {
  readonly checkpoint: Checkpoint
  /** 0x and 128 hex digits. */
  readonly signature: string
  /** Number of its first row. */
  readonly first: number
  readonly rows: readonly { readonly id: string, readonly hash: string }[]
  /** `recorded_at` of its last row. */
  readonly through: string
}

interface SealRow extends Omit<Seal, 'through'> {
  readonly _id: string
  readonly chain: string
  readonly through: Timestamp
}

export type SealRepository = ReturnType<typeof createSealRepository>

export function createSealRepository (db: Db) {
  const rows = db.collection<AuditRow>('audit')
  const seals = db.collection<SealRow>('audit_seals')
  // What a failover could take back is not there yet.
  const lasting = { readConcern: { level: 'majority' } } as const

  return {
    /** The database's time, so long ago. */
    async cutoff (ms: number): Promise<{ readonly before: string, readonly now: Date }> {
      const { localTime } = await db.command({ hello: 1 }) as { localTime: Date }
      return { before: `${Math.floor((localTime.getTime() - ms) / 1_000)}:0`, now: localTime }
    },

    async newest (chain: string): Promise<Seal | undefined> {
      const row = await seals.findOne({ chain: exactly(chain) }, { sort: { first: -1 }, ...lasting })
      return row === null ? undefined : toSeal(row)
    },

    /** Rows of a chain that no seal covers, in the database's order. @param before only rows recorded before that */
    async unsealed (chain: string, newest: Seal | undefined, limit: number, before?: string): Promise<ChainedRow[]> {
      const range: Document = { ...newest !== undefined && { $gte: toTimestamp(newest.through) }, ...before !== undefined && { $lt: toTimestamp(before) } }
      const found = await rows.find({
        walletId: chain === deploymentChain ? null : exactly(chain),
        ...Object.keys(range).length > 0 && { recordedAt: range },
        // Rows of one instant as the last sealed one.
        ...newest !== undefined && { _id: { $nin: newest.rows.map(({ id }) => id) } }
      } as Document, { sort: { recordedAt: 1, _id: 1 }, limit, ...lasting }).toArray()
      return found.map(toChained)
    },

    /** Rows of a chain that stand in the database's order before the newest seal's end. */
    async countThrough (chain: string, { through }: Seal): Promise<number> {
      return await rows.countDocuments({ walletId: chain === deploymentChain ? null : exactly(chain), recordedAt: { $lte: toTimestamp(through) } } as Document, lasting)
    },

    /** @throws MongoServerError (isDuplicateKey) when another sealer was first */
    async insert ({ through, ...seal }: Seal, session: ClientSession): Promise<void> {
      const { chain } = seal.checkpoint
      await seals.insertOne({ _id: `${chain}:${String(seal.first).padStart(12, '0')}`, chain, ...seal, through: toTimestamp(through) }, { session })
    },

    async * sealsOf (chain: string): AsyncGenerator<Seal, void, undefined> {
      for await (const row of seals.find({ chain: exactly(chain) }, { sort: { first: 1 }, batchSize: 16, ...lasting })) yield toSeal(row)
    },

    /** Ids of all rows that stand in the database's order before the end of that seal. */
    async * idsThrough (chain: string, { through }: Seal): AsyncGenerator<string, void, undefined> {
      for await (const { _id } of rows.find({ walletId: chain === deploymentChain ? null : exactly(chain), recordedAt: { $lte: toTimestamp(through) } } as Document, { projection: { _id: 1 }, ...lasting })) yield _id
    },

    async rowsById (ids: readonly string[]): Promise<Map<string, ChainedRow>> {
      return new Map((await rows.find({ _id: { $in: [...ids] } }).toArray()).map((row) => [row._id, toChained(row)]))
    },

    /** Rows of a wallet, newest first. @param before id of the last one of the page before */
    async page (walletId: string, limit: number, before?: string): Promise<ChainedRow[]> {
      const filter = { walletId: exactly(walletId), ...before !== undefined && { _id: { $lt: before } } }
      return (await rows.find(filter as Document, { sort: { _id: -1 }, limit }).toArray()).map(toChained)
    }
  }
}

const toSeal = ({ checkpoint, signature, first, rows, through }: SealRow): Seal => ({ checkpoint, signature, first, rows, through: fromTimestamp(through) })

export const toChained = ({ _id, event, subject, actor, requestId, walletId, facts, recordedAt }: AuditRow): ChainedRow => ({
  id: _id, event, subject, actor: actor ?? null, request_id: requestId ?? null, wallet_id: walletId ?? null, facts: facts ?? {}, recorded_at: fromTimestamp(recordedAt)
})

const fromTimestamp = (at: Timestamp): string => `${at.getHighBitsUnsigned()}:${at.getLowBitsUnsigned()}`

function toTimestamp (text: string): Timestamp {
  const [t = 0, i = 0] = text.split(':').map(Number)
  return new Timestamp({ t, i })
}
