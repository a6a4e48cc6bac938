/** The audit's half of the composition: chains are sealed one after the other, over and over. */
import type { KeyRing } from '@countersign/kms'
import type { Leases } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Db } from 'mongodb'
import { deploymentChain } from './audit/audit-chain.ts'
import { createSealChain } from './audit/seal-chain.ts'
import { createSealRepository } from './audit/seal-repository.ts'
import type { Config } from './config.ts'
import type { Transact } from './unit.ts'
import type { WalletRepository } from './wallets/wallet-repository.ts'

export interface AuditOptions {
  readonly config: Config
  readonly log: Logger
  readonly metrics: Metrics
  readonly db: Db
  readonly holder: string
  readonly transact: Transact
  readonly leases: Leases
  readonly keyRing: Pick<KeyRing, 'signDigest' | 'address'>
  readonly wallets: Pick<WalletRepository, 'list'>
}

/** @returns undefined without a key to sign with. */
export function createSealRound ({ config, log, metrics, db, holder, transact, leases, keyRing, wallets }: AuditOptions): ((signal: AbortSignal) => Promise<void>) | undefined {
  const { keyId, sealAfterMs } = config.audit
  if (keyId === undefined) return undefined
  const sealed = metrics.counter({ name: 'signer_audit_sealed_total', help: 'Audit rows linked into their chain and signed for' })
  const sealChain = createSealChain({ seals: createSealRepository(db), leases, holder, transact, keyRing, keyId, deployment: config.deployment, sealAfterMs })

  return async (signal) => {
    const all = await wallets.list()
    const address = await keyRing.address(keyId)
    // A signature over a digest is a signature over whatever has that digest.
    if (all.some((wallet) => wallet.address === address)) throw new Error('AUDIT_KMS_KEY_ID is the key of a wallet: checkpoints need one of their own, and nothing is sealed')
    for (const chain of [deploymentChain, ...all.map(({ id }) => id)]) {
      if (signal.aborted) return
      const rows = await sealChain(chain)
      if (rows > 0) {
        sealed.inc({}, rows)
        log.debug({ chain, rows }, 'audit rows sealed')
      }
    }
  }
}
