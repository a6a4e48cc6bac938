/** `wallets create|list` and `kms test`. */
import { randomBytes } from 'node:crypto'
import { newId, UsageFault, type CliCommand } from '@countersign/runtime'
import { createCreateWallet } from '../wallets/create-wallet.ts'
import type { Wallet } from '../wallets/wallet.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { textOption, textsOption } from './options.ts'
import type { WithParts } from './operator-parts.ts'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$/

const shown = ({ id, name, address, keyId, chainIds, active, createdAt }: Wallet) =>
  ({ id, name, address, key_id: keyId, chain_ids: chainIds, active, created_at: createdAt.toISOString() })

export const walletCommands = (withParts: WithParts): CliCommand[] => [createCommand(withParts), listCommand(withParts), testCommand(withParts)]

const createCommand = (withParts: WithParts): CliCommand => ({
  name: 'wallets create',
  description: 'Make a wallet: a new key in the KMS, or an existing one with --key-id',
  requiredOptions: [['--name <name>', 'shown in the mails that ask for a confirmation']],
  options: [
    ['--chain <ids...>', 'chain ids it is used on; default: every chain of CHAINS'],
    ['--key-id <id>', 'adopt this KMS key (default: KMS_KEY_ID when it is set and no wallet has it)'],
    ['--new-key', 'make a key even when KMS_KEY_ID is set'],
    ['--description <text>', 'of the key and the wallet', ''],
    ['--tags <tags...>', 'of a new key, as name=value']
  ],
  run: async ({ options, print, line }) => await withParts(async (parts) => {
    const { config, mongo, keyRing, keyAdmin, audit, transact } = parts
    const name = textOption(options, 'name') ?? ''
    if (!namePattern.test(name)) throw new UsageFault('--name must be 1 to 64 letters, digits, blanks, dots, dashes or underscores')
    const wallets = createWalletRepository(mongo.db)
    const create = createCreateWallet({ wallets, keyRing, keyAdmin, audit, transact, newWalletId: () => newId('wal') })
    const free = config.defaultKeyId !== undefined && options['newKey'] !== true && !(await wallets.list()).some(({ keyId }) => keyId === config.defaultKeyId)
    const wallet = await create({
      name,
      description: textOption(options, 'description') ?? '',
      chainIds: chainsOf(textsOption(options, 'chain'), config.chains.map(({ chainId }) => chainId)),
      keyId: textOption(options, 'keyId') ?? (free ? config.defaultKeyId : undefined),
      tags: tagsOf(textsOption(options, 'tags'))
    })
    print(shown(wallet), () => {
      line(`Wallet:  ${wallet.id}`)
      line(`Address: ${wallet.address}`)
      line(`Key:     ${wallet.keyId}`)
    })
  })
})

function chainsOf (given: readonly string[], configured: readonly number[]): number[] {
  const chosen = given.length === 0 ? configured : given.map(Number)
  const unknown = chosen.find((id) => !configured.includes(id))
  if (unknown !== undefined) throw new UsageFault(`--chain ${unknown} is not in CHAINS (${configured.join(', ')})`)
  return [...new Set(chosen)]
}

function tagsOf (given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((tag) => {
    const at = tag.indexOf('=')
    if (at < 1) throw new UsageFault('--tags takes name=value')
    return [tag.slice(0, at), tag.slice(at + 1)]
  }))
}

const listCommand = (withParts: WithParts): CliCommand => ({
  name: 'wallets list',
  description: 'All wallets',
  run: async ({ print, table }) => await withParts(async ({ mongo }) => {
    const rows = (await createWalletRepository(mongo.db).list()).map(shown)
    print(rows, () => { table(rows.map(({ chain_ids: chains, ...rest }) => ({ ...rest, chains: chains.join(',') })), ['id', 'name', 'address', 'chains', 'active', 'key_id']) })
  })
})

const testCommand = (withParts: WithParts): CliCommand => ({
  name: 'kms test',
  description: 'Reach the KMS and prove a signature: of --key-id, of KMS_KEY_ID, else of every wallet\'s key',
  options: [['--key-id <id>', 'only this key']],
  run: async ({ options, print, table }) => await withParts(async ({ config, mongo, keyRing }) => {
    const one = textOption(options, 'keyId') ?? config.defaultKeyId
    const ids = one === undefined ? (await createWalletRepository(mongo.db).list()).map(({ keyId }) => keyId) : [one]
    if (ids.length === 0) throw new UsageFault('there is no key to test: give --key-id, set KMS_KEY_ID or make a wallet')
    const rows: { key_id: string, address: string, sign_ms: number }[] = []
    for (const keyId of ids) {
      const address = await keyRing.address(keyId)
      const startedAt = performance.now()
      // The ring itself recovers the signature and refuses any that does not give this address.
      await keyRing.signDigest(keyId, randomBytes(32))
      rows.push({ key_id: keyId, address, sign_ms: Math.round(performance.now() - startedAt) })
    }
    print(rows, () => { table(rows) })
  })
})
