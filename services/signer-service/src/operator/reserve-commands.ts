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
  options: [
    ['--least <wei>', 'in the smallest unit of the coin; 0: nothing'], ['--default', 'what CHAINS says of all wallets (min_balance)'],
    ['--refill-from <wallet>', 'fill it out of this wallet, by a transaction that the policy decides like any other'], ['--refill-to <wei>', 'so much it holds afterwards'],
    ['--refill-as <user>', 'the principal that asks for it, usr_…']
  ],
  run: async ({ args: [id = ''], options, print, line }) => {
    const least = amountOption(options, 'least', '--least')
    const refill = refillOf(options)
    const chainId = Number(textOption(options, 'chain'))
    if ((least === undefined) !== (options['default'] === true)) throw new UsageFault('give either --least or --default')
    if (!Number.isSafeInteger(chainId) || chainId < 1) throw new UsageFault('--chain is a chain id')
    await withParts(async ({ mongo, audit, transact }) => {
      await createSetReserve({ wallets: createWalletRepository(mongo.db), lanes: createLaneRepository(mongo.db), audit, transact })({ id, chainId, least, refill })
      print({ wallet_id: id, chain_id: chainId, least: least?.toString() ?? null, refill: refill === undefined ? null : { from: refill.from, to: refill.upTo, as: refill.as } }, () => {
        line(least === undefined ? `${id} keeps on chain ${chainId} what CHAINS says.` : `${id} keeps at least ${least} on chain ${chainId}.`)
      })
    })
  }
}]

/** @throws UsageFault */
function refillOf (options: Readonly<Record<string, unknown>>): { from: string, upTo: string, as: string } | undefined {
  const [from, upTo, as] = [textOption(options, 'refillFrom'), amountOption(options, 'refillTo', '--refill-to'), textOption(options, 'refillAs')]
  if (from === undefined && upTo === undefined && as === undefined) return undefined
  if (from === undefined || upTo === undefined || as === undefined) throw new UsageFault('--refill-from, --refill-to and --refill-as go together')
  return { from, upTo: upTo.toString(), as }
}
