import { exactly, type IndexSpec } from '@countersign/mongo'
import { signatureMoves, type SignatureState } from '@countersign/contracts'
import type { Collection, Db } from 'mongodb'
import type { Unit } from '../unit.ts'
import { countersignedIndexes, createCountersignedRepository, nothingWanted, type KeptRow, type New } from '../transactions/countersigned-repository.ts'
import type { Signature } from './signature.ts'

export const signatureIndexes: readonly IndexSpec[] = [
  ...countersignedIndexes('signatures'),
  { collection: 'signatures', name: 'signed_of_wallet', key: { walletId: 1, chainId: 1 }, partialFilterExpression: { state: 'signed' } }
]

/** Fields of a new row; the rest is stamped or empty. */
export type NewSignature = Pick<Signature, 'id' | 'initiator' | 'idempotencyKey' | 'fingerprint' | 'requestId' | 'walletId' | 'chainId' | 'address' | 'payload' | 'metadata' | 'policy' | 'confirmation'>

export type SignatureRepository = ReturnType<typeof createSignatureRepository>

export function createSignatureRepository (db: Db) {
  const rows: Collection<KeptRow> = db.collection<KeptRow>('signatures')
  const countersigned = createCountersignedRepository<Signature>({
    rows, toNoun, assertMove, empty: { signature: null }, unfinished: ['received', 'awaiting_confirmation', 'approved'], done: 'signed'
  })
  return {
    ...countersigned,

    insert: async (one: New<NewSignature>, unit: Unit): Promise<Signature> => await countersigned.insert(one, unit),

    /** In the unit that moves it to `signed`, which happens once. */
    async keepSignature (id: string, signature: string, unit: Unit): Promise<void> {
      const { modifiedCount } = await rows.updateOne({ _id: exactly(id), state: 'signed', signature: null }, { $set: { signature } }, { session: unit.session })
      if (modifiedCount !== 1) throw new Error('a signature is kept once')
    },

    /** The oldest first. */
    async listApproved (limit: number): Promise<Signature[]> {
      return (await rows.find({ state: 'approved', $expr: { $gt: ['$validUntil', '$$NOW'] } }, { sort: { approvedAt: 1 }, limit }).toArray()).map(toNoun)
    },

    /** Everything that a wallet ever signed for a chain, one after the other. */
    async * signedOf (walletId: string, chainId: number): AsyncGenerator<Pick<Signature, 'id' | 'payload' | 'signature'>, void, undefined> {
      const found = rows.find({ walletId: exactly(walletId), chainId: exactly(chainId), state: 'signed' }, { projection: { payload: 1, signature: 1 } })
      for await (const { _id: id, payload, signature } of found) yield { id, payload: payload as string, signature: signature as string | null }
    },

    /** Newest first. @param before id of the last one of the page before. */
    async listOf (initiator: string, { limit, before }: { readonly limit: number, readonly before: string | undefined }): Promise<Signature[]> {
      return (await rows.find({ initiator: exactly(initiator), ...before !== undefined && { _id: { $lt: before } } }, { sort: { _id: -1 }, limit }).toArray()).map(toNoun)
    }
  }
}

/** @throws Error: asking for a move that does not exist is a fault of this service, never of its caller. */
function assertMove (from: string, to: string): void {
  const moves: readonly string[] = Object.hasOwn(signatureMoves, from) ? signatureMoves[from as SignatureState] : []
  if (!moves.includes(to)) throw new Error(`a signature never moves from ${from} to ${to}`)
}

const toNoun = ({ _id, ...rest }: KeptRow): Signature => ({ id: _id, ...nothingWanted, ...rest }) as unknown as Signature
