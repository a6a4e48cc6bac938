/** `wallets rotate`: a new wallet beside the old one, what is to be moved, and the end of the old one. */
import { UsageFault, type CliCommand, type CommandContext } from '@countersign/runtime'
import { createAttemptRepository } from '../attempts/attempt-repository.ts'
import { createTransactionRepository } from '../transactions/transaction-repository.ts'
import { createReadHoldings } from '../wallets/holdings.ts'
import { createFinishRotation, createReadRotation, type DustOf, type Rotation, type RotationDeps } from '../wallets/rotate-wallet.ts'
import { walletState, type Wallet } from '../wallets/wallet.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { amountOption, textOption } from './options.ts'
import type { OperatorParts, WithParts } from './operator-parts.ts'
import { creating, newWalletOf, newWalletOptions, shownWallet } from './wallet-commands.ts'

/** A command line may wait longer than a request. */
const holdingsTimeoutMs = 30_000

export const rotationCommands = (withParts: WithParts): CliCommand[] => [{
  name: 'wallets rotate',
  description: 'Replace a wallet: makes a new one, lists the transfers to ask for, and with --finish retires the old one once it is empty',
  args: [['<wallet>', 'id of the old wallet, wal_…']],
  options: [
    ['--name <name>', 'of the new wallet (default: the old name and -2, -3, …)'],
    ...newWalletOptions,
    ['--finish', 'retire the old wallet; refused while it holds more than dust or has anything on its way'],
    ['--dust <wei>', 'of a chain\'s coin, what is not worth moving (default: max_fee_total of the chain)']
  ],
  run: async (context) => await withParts(async (parts) => {
    const { args: [id = ''], options } = context
    const dust = amountOption(options, 'dust', '--dust')
    const dustOf: DustOf = (chainId) => dust ?? BigInt(parts.chains.find(chainId)?.maxFeeTotal ?? 0)
    const deps = rotationDeps(parts)
    if (options['finish'] === true) return await finish(context, deps, id, dustOf)
    const rotation = await createReadRotation(deps)(id, dustOf)
    if (walletState(rotation.from) === 'retired') throw new Error(`wallet ${id} is retired already`)
    show(context, await begun(parts, rotation, options))
  })
}]

const rotationDeps = ({ mongo, chains, audit, transact }: OperatorParts): RotationDeps => ({
  wallets: createWalletRepository(mongo.db),
  transactions: createTransactionRepository(mongo.db),
  attempts: createAttemptRepository(mongo.db),
  chains, audit, transact,
  readHoldings: createReadHoldings({ chains, timeoutMs: holdingsTimeoutMs, cacheMs: 0, now: () => performance.now() })
})

/** Run again it makes nothing more, and says what is left to move. */
async function begun (parts: OperatorParts, rotation: Rotation, options: Readonly<Record<string, unknown>>): Promise<Rotation & { readonly changed: boolean }> {
  if (rotation.to !== undefined) {
    if (textOption(options, 'name') !== undefined || textOption(options, 'keyId') !== undefined) throw new UsageFault(`the rotation to ${rotation.to.id} was begun before: it takes no new name or key`)
    return { ...rotation, changed: false }
  }
  const { from } = rotation
  const asked = newWalletOf(options, textOption(options, 'name') ?? await nextName(parts, from), from.chainIds)
  if (options['dryRun'] === true) return { ...rotation, changed: false }
  const to = await creating(parts)({ ...asked, role: from.role ?? 'operations', rotatingFrom: from.id })
  return { ...rotation, to, open: rotation.open.slice(1), changed: true }
}

async function nextName ({ mongo }: OperatorParts, { name }: Wallet): Promise<string> {
  const taken = new Set((await createWalletRepository(mongo.db).list()).map((wallet) => wallet.name))
  const stem = name.replace(/-\d+$/, '').slice(0, 58)
  for (let number = 2; ; number++) if (!taken.has(`${stem}-${number}`)) return `${stem}-${number}`
}

function show ({ print, line }: CommandContext, { from, to, transfers, open, changed }: Rotation & { readonly changed: boolean }): void {
  const requests = transfers.map(({ chainId, symbol, token, value }) => ({
    wallet_id: from.id, chain_id: chainId, to: to?.address ?? null, ...token === null ? { value: value.toString() } : { token, amount: value.toString() }, symbol
  }))
  print({ from: shownWallet(from), to: to === undefined ? null : shownWallet(to), transfers: requests, open, changed }, () => {
    line(to === undefined ? `Nothing was made (dry run). Wallet ${from.id} would be replaced.` : `${changed ? 'Made' : 'There is'} the wallet ${to.id} (${to.name}), address ${to.address}, key ${to.keyId}.`)
    line('')
    line(requests.length === 0 ? 'There is nothing to move.' : 'A principal that may use the old wallet asks for these, and each is decided and confirmed like any other transaction.')
    if (requests.length > 0) line('The policy must allow them: from the old wallet to the new address.')
    for (const { symbol, ...request } of requests) line(`  POST /api/v1/transactions ${JSON.stringify(request)}  (${symbol})`)
    line('')
    line('Then grant principals the new wallet, put it into the policy, and retire the old one:')
    line(`  countersign wallets rotate ${from.id} --finish`)
    for (const reason of open) line(`  still open: ${reason}`)
  })
}

async function finish ({ options, print, line }: CommandContext, deps: RotationDeps, id: string, dustOf: DustOf): Promise<void> {
  if (options['dryRun'] === true) {
    const { from, to, open } = await createReadRotation(deps)(id, dustOf)
    return print({ dry_run: true, from: shownWallet(from), to: to === undefined ? null : shownWallet(to), open }, () => {
      line(open.length === 0 ? `Wallet ${id} can be retired.` : 'Not yet:')
      for (const reason of open) line(`  ${reason}`)
    })
  }
  const { wallet, changed } = await createFinishRotation(deps)(id, dustOf)
  print({ ...shownWallet(wallet), changed }, () => { line(changed ? `Wallet ${id} is retired. Its key still signs: disable it in the KMS, and delete it only after a long wait.` : `Wallet ${id} was retired before.`) })
}
