/** Takes a wallet out of use at once, or back into it. What has a nonce goes through; what has none is refused in its lane. */
import type { Audit } from '@countersign/mongo'
import type { Transact } from '../unit.ts'
import type { Wallet } from './wallet.ts'
import type { WalletRepository } from './wallet-repository.ts'

export interface SwitchDeps {
  readonly wallets: Pick<WalletRepository, 'find' | 'disable' | 'enable'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

export interface SwitchGiven {
  readonly id: string
  /** Of a person behind the gateway it is the gateway's claim. */
  readonly actor: string
  readonly requestId?: string
}

/** @returns undefined when there is no such wallet; `changed` is false when it was so before. */
export type SwitchWallet = (given: SwitchGiven) => Promise<{ readonly wallet: Wallet, readonly changed: boolean } | undefined>

const createSwitch = (to: 'disable' | 'enable') => ({ wallets, audit, transact }: SwitchDeps): SwitchWallet =>
  async ({ id, actor, requestId }) => await transact(async (unit) => {
    const switched = await wallets[to](id, unit)
    if (switched === undefined) {
      const wallet = await wallets.find(id, unit)
      return wallet === undefined ? undefined : { wallet, changed: false }
    }
    await audit.append({ event: `wallet.${to}d`, subject: id, walletId: id, actor, ...requestId !== undefined && { requestId } }, unit.session)
    return { wallet: switched, changed: true }
  })

export const createDisableWallet = createSwitch('disable')
/** For the command line alone: a retired wallet stays retired. */
export const createEnableWallet = createSwitch('enable')
