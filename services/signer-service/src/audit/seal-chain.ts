/**
 * Links audit rows into their chain and signs its end, one sealer per chain at a time.
 * A row's place in the database's order is taken when it is written, and shows when its transaction commits: only rows older than any
 * transaction can live are linked, so that none comes to stand before what was linked already.
 */
import type { KeyRing } from '@countersign/kms'
import { isDuplicateKey, LeaseLost, type Leases } from '@countersign/mongo'
import type { Transact } from '../unit.ts'
import { beginOf, checkpointDigest, linkHash, type ChainedRow, type Checkpoint } from './audit-chain.ts'
import type { Seal, SealRepository } from './seal-repository.ts'

export interface SealDeps {
  readonly seals: Pick<SealRepository, 'cutoff' | 'newest' | 'unsealed' | 'insert'>
  readonly leases: Pick<Leases, 'acquire' | 'assert' | 'release'>
  readonly holder: string
  readonly transact: Transact
  readonly keyRing: Pick<KeyRing, 'signDigest'>
  /** Signs checkpoints and nothing else. */
  readonly keyId: string
  readonly deployment: string
  /** Longer than any database transaction lives. */
  readonly sealAfterMs: number
}

const mostRows = 500
const leaseMs = 60_000

/** @returns how many rows were sealed; 0 too when another process seals this chain. @throws KmsFault: the rows wait */
export type SealChain = (chain: string) => Promise<number>

export const createSealChain = (deps: SealDeps): SealChain => async (chain) => {
  const { leases, holder } = deps
  const name = `audit:${chain}`
  const lease = await leases.acquire(name, holder, leaseMs)
  if (lease === null) return 0
  try {
    return await sealAll(deps, chain, { name, epoch: lease.epoch })
  } catch (error) {
    // Another sealer was faster, and its seal is as good.
    if (error instanceof LeaseLost || isDuplicateKey(error)) return 0
    throw error
  } finally {
    await leases.release(name, holder, lease.epoch)
  }
}

async function sealAll (deps: SealDeps, chain: string, { name, epoch }: { readonly name: string, readonly epoch: number }): Promise<number> {
  let sealed = 0
  for (;;) {
    const [newest, { before, now }] = [await deps.seals.newest(chain), await deps.seals.cutoff(deps.sealAfterMs)]
    const rows = await deps.seals.unsealed(chain, newest, mostRows, before)
    if (rows.length === 0) return sealed
    const seal = await sealOf(deps, chain, newest, rows, now)
    await deps.transact(async (unit) => {
      await deps.leases.assert(name, deps.holder, epoch, unit.session)
      await deps.seals.insert(seal, unit.session)
    })
    sealed += rows.length
    if (rows.length < mostRows) return sealed
  }
}

async function sealOf ({ keyRing, keyId, deployment }: SealDeps, chain: string, newest: Seal | undefined, rows: readonly ChainedRow[], now: Date): Promise<Seal> {
  const first = (newest?.checkpoint.sequence ?? 0) + 1
  let hash = newest?.checkpoint.hash ?? beginOf(deployment, chain)
  const linked = rows.map((row, index) => {
    hash = linkHash(first + index, hash, row)
    return { id: row.id, hash }
  })
  const checkpoint: Checkpoint = { version: 1, deployment, chain, sequence: first + rows.length - 1, hash, sealed_at: now.toISOString() }
  const { r, s } = await keyRing.signDigest(keyId, checkpointDigest(checkpoint))
  const signature = `0x${[r, s].map((part) => part.toString(16).padStart(64, '0')).join('')}`
  return { checkpoint, signature, first, rows: linked, through: rows.at(-1)?.recorded_at ?? '0:0' }
}
