/** Reading: a user sees its own signatures and nobody else's. */
import type { SignatureView } from '@countersign/contracts'
import type { Cursors } from '@countersign/secrets'
import { findOwn } from '../transactions/find-own.ts'
import type { SignatureRepository } from './signature-repository.ts'
import { signatureView } from './signature-view.ts'

export interface ReadSignaturesDeps {
  readonly signatures: Pick<SignatureRepository, 'find' | 'listOf'>
  readonly cursors: Cursors
}

/** @throws Problem notFound */
export const createGetSignature = ({ signatures }: Pick<ReadSignaturesDeps, 'signatures'>) =>
  async (id: string, userId: string): Promise<SignatureView> => signatureView(await findOwn(signatures, id, userId))

export const createListSignatures = ({ signatures, cursors }: ReadSignaturesDeps) =>
  async ({ limit, cursor }: { readonly limit: number, readonly cursor: string | undefined }, userId: string): Promise<{ data: SignatureView[], next_cursor: string | null }> => {
    const scope = ['signatures', userId]
    const found = await signatures.listOf(userId, { limit: limit + 1, before: cursor === undefined ? undefined : cursors.read(scope, cursor) })
    const { page, nextCursor } = cursors.page(scope, found, limit)
    return { data: page.map(signatureView), next_cursor: nextCursor }
  }
