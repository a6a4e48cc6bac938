/** `wallets reserve`: the least that a wallet should hold on a chain. */
import { UsageFault, type CliCommand } from '@countersign/runtime'
import { createLaneRepository } from '../lanes/lane-repository.ts'
import { createSetReserve } from '../wallets/set-reserve.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { amountOption, textOption } from './options.ts'
import type { WithParts } from './operator-parts.ts'

export const reserveCommands = (withParts: WithParts): CliCommand[] => [{
  name: 'wallets reserve',
  description: 'Say what a wallet should keep on a chain: below it nothing new is sent, and the operator is told',
  args: [['<wallet>', 'wallet id, wal_…']],
  requiredOptions: [['--chain <id>', 'chain id']],
  options: [['--least <wei>', 'in the smallest unit of the coin; 0: nothing'], ['--default', 'what CHAINS says of all wallets (min_balance)']],
  run: async ({ args: [id = ''], options, print, line }) => {
    const least = amountOption(options, 'least', '--least')
    const chainId = Number(textOption(options, 'chain'))
    if ((least === undefined) !== (options['default'] === true)) throw new UsageFault('give either --least or --default')
    if (!Number.isSafeInteger(chainId) || chainId < 1) throw new UsageFault('--chain is a chain id')
    await withParts(async ({ mongo, audit, transact }) => {
      await createSetReserve({ wallets: createWalletRepository(mongo.db), lanes: createLaneRepository(mongo.db), audit, transact })({ id, chainId, least })
      print({ wallet_id: id, chain_id: chainId, least: least?.toString() ?? null }, () => {
        line(least === undefined ? `${id} keeps on chain ${chainId} what CHAINS says.` : `${id} keeps at least ${least} on chain ${chainId}.`)
      })
    })
  }
}]
