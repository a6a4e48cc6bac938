/** The wallets' half of the composition: what the gateway reads of them, and switching one off. */
import type { Audit } from '@countersign/mongo'
import type { Cursors } from '@countersign/secrets'
import type { Db } from 'mongodb'
import { createReadWalletAudit } from './audit/read-wallet-audit.ts'
import { createSealRepository } from './audit/seal-repository.ts'
import type { Chains } from './chain/chains.ts'
import type { WalletUseCases } from './commands/wallet-commands.ts'
import type { PrincipalRepository } from './principals/principal-repository.ts'
import type { Transact } from './unit.ts'
import { createReadHoldings } from './wallets/holdings.ts'
import { createGetWallet, createListWallets, createViewWallet } from './wallets/read-wallets.ts'
import { createDisableWallet } from './wallets/switch-wallet.ts'
import type { WalletRepository } from './wallets/wallet-repository.ts'

export interface WalletsOptions {
  readonly db: Db
  readonly chains: Chains
  readonly wallets: WalletRepository
  readonly principals: PrincipalRepository
  readonly cursors: Cursors
  readonly audit: Audit
  readonly transact: Transact
}

/** Well below the deadline of the command that waits for it. */
const holdingsTimeoutMs = 3_000
const holdingsCacheMs = 5_000

export function createWalletUseCases ({ db, chains, wallets, principals, cursors, audit, transact }: WalletsOptions): WalletUseCases {
  const readHoldings = createReadHoldings({ chains, timeoutMs: holdingsTimeoutMs, cacheMs: holdingsCacheMs, now: () => performance.now() })
  const deps = { wallets, principals, readHoldings, cursors }
  return {
    list: createListWallets(deps),
    get: createGetWallet(deps),
    view: createViewWallet({ readHoldings }),
    disable: createDisableWallet({ wallets, audit, transact }),
    readAudit: createReadWalletAudit({ seals: createSealRepository(db), cursors })
  }
}
