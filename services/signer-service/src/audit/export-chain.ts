/** A chain as lines of JSON: what was sealed, with its hashes and signed checkpoints, and what is too young for that. */
import { beginOf, type ChainedRow, type Checkpoint } from './audit-chain.ts'
import type { Seal, SealRepository } from './seal-repository.ts'

export type ExportLine =
  | { readonly type: 'export', readonly version: 1, readonly deployment: string, readonly chain: string, readonly begin: string }
  /** `row` is null where the database has none any more. */
  | { readonly type: 'row', readonly sequence: number, readonly hash: string, readonly row: ChainedRow | null }
  | { readonly type: 'checkpoint', readonly checkpoint: Checkpoint, readonly signature: string }
  | { readonly type: 'unsealed', readonly row: ChainedRow }

export interface ExportDeps {
  readonly seals: Pick<SealRepository, 'sealsOf' | 'rowsById' | 'unsealed' | 'idsThrough'>
  readonly deployment: string
}

const unsealedAtOnce = 1_000

/** @param chain a wallet's id, or `deployment` */
export const createExportChain = ({ seals, deployment }: ExportDeps) => async function * (chain: string): AsyncGenerator<ExportLine, void, undefined> {
  yield { type: 'export', version: 1, deployment, chain, begin: beginOf(deployment, chain) }
  const known = new Set<string>()
  let newest: Seal | undefined
  for await (const seal of seals.sealsOf(chain)) {
    const rows = await seals.rowsById(seal.rows.map(({ id }) => id))
    for (const [index, { id, hash }] of seal.rows.entries()) {
      known.add(id)
      yield { type: 'row', sequence: seal.first + index, hash, row: rows.get(id) ?? null }
    }
    yield { type: 'checkpoint', checkpoint: seal.checkpoint, signature: seal.signature }
    newest = seal
  }
  const strangers: string[] = []
  if (newest !== undefined) for await (const id of seals.idsThrough(chain, newest)) if (!known.has(id)) strangers.push(id)
  for (const row of (await seals.rowsById(strangers)).values()) yield { type: 'unsealed', row }
  for (const row of await seals.unsealed(chain, newest, unsealedAtOnce)) if (!strangers.includes(row.id)) yield { type: 'unsealed', row }
}
