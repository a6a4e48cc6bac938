/** Commands of the gateway about wallets: contract in, use case, contract out. */
import { disableWallet, getWallet, listWallets, Problem, problems, readWalletAudit } from '@countersign/contracts'
import { handle, type CommandHandler } from '@countersign/redis'
import type { createReadWalletAudit } from '../audit/read-wallet-audit.ts'
import type { createGetWallet, createListWallets, ViewWallet } from '../wallets/read-wallets.ts'
import type { SwitchWallet } from '../wallets/switch-wallet.ts'

export interface WalletUseCases {
  readonly list: ReturnType<typeof createListWallets>
  readonly get: ReturnType<typeof createGetWallet>
  readonly view: ViewWallet
  readonly disable: SwitchWallet
  readonly readAudit: ReturnType<typeof createReadWalletAudit>
}

export const walletCommands = ({ list, get, view, disable, readAudit }: WalletUseCases): CommandHandler[] => [
  handle(listWallets, async ({ user_id: userId, operator, limit, cursor }) => await list({ limit, cursor }, { userId, operator })),

  handle(getWallet, async ({ id, user_id: userId, operator }) => await get(id, { userId, operator })),

  handle(disableWallet, async ({ id, user_id: actor }, { requestId }) => {
    const switched = await disable({ id, actor, requestId })
    if (switched === undefined) throw new Problem(problems.notFound)
    return await view(switched.wallet)
  }),

  handle(readWalletAudit, async ({ id, limit, cursor }) => await readAudit({ id, limit, cursor }))
]
