/** `wallets create|list|disable|enable`: keys in the KMS that hold money. Made here alone, under the operator's own identity. */
import { walletRoles, type WalletRole } from '@countersign/contracts'
import { exitCodes, newId, UsageFault, type CliCommand } from '@countersign/runtime'
import { createCreateWallet, type NewWallet } from '../wallets/create-wallet.ts'
import { createDisableWallet, createEnableWallet } from '../wallets/switch-wallet.ts'
import { walletState, type Wallet } from '../wallets/wallet.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { ageOption, textOption, textsOption } from './options.ts'
import type { OperatorParts, WithParts } from './operator-parts.ts'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$/
const aliasPattern = /^alias\/(?!aws\/)[A-Za-z0-9:/_-]{1,250}$/

export const shownWallet = ({ id, name, address, keyId, chainIds, active, createdAt, role = 'operations', rotatingFrom = null, ...wallet }: Wallet) =>
  ({ id, name, role, address, key_id: keyId, chain_ids: chainIds, active, state: walletState({ active, ...wallet }), rotating_from: rotatingFrom, created_at: createdAt.toISOString() })

export const walletCommands = (withParts: WithParts): CliCommand[] => [
  createCommand(withParts), listCommand(withParts), switchCommand(withParts, 'disable'), switchCommand(withParts, 'enable')
]

/** Options of whatever makes a wallet. */
export const newWalletOptions = [
  ['--key-id <id>', 'adopt this KMS key: its id, ARN, or an alias, which must then never be moved'],
  ['--alias <alias>', 'name the new key alias/…, which the IAM policy of the service can allow'],
  ['--description <text>', 'of the key and the wallet', ''],
  ['--tags <tags...>', 'of a new key, as name=value'],
  ['--dry-run', 'say what would be made, and make nothing']
] as const

const createCommand = (withParts: WithParts): CliCommand => ({
  name: 'wallets create',
  description: 'Make a wallet: a new key in the KMS, or an existing one with --key-id; proved by a signature that gives its address',
  requiredOptions: [['--name <name>', 'shown in the mails that ask for a confirmation']],
  options: [
    ['--chain <ids...>', 'chain ids it is used on; default: every chain of CHAINS'],
    ['--role <role>', 'operations, or treasury for the reserve that fills the others', 'operations'],
    ['--new-key', 'make a key even when KMS_KEY_ID is set, which is adopted else while no wallet has it'],
    ...newWalletOptions
  ],
  run: async ({ options, print, line }) => await withParts(async (parts) => {
    const configured = parts.config.chains.map(({ chainId }) => chainId)
    const asked = newWalletOf(options, textOption(options, 'name') ?? '', chainsOf(textsOption(options, 'chain'), configured))
    const role = roleOf(options)
    const keyId = asked.keyId ?? await freeDefaultKey(parts, options)
    if (options['dryRun'] === true) {
      const address = keyId === undefined ? null : await parts.keyRing.address(keyId)
      return print({ dry_run: true, name: asked.name, chain_ids: asked.chainIds, key_id: keyId ?? null, address }, () => {
        line(`Would make the wallet ${asked.name} on chain ${asked.chainIds.join(', ')} of ${keyId === undefined ? 'a new key' : `the key ${keyId}, address ${String(address)}`}.`)
      })
    }
    const wallet = await creating(parts)({ ...asked, keyId, role })
    print(shownWallet(wallet), () => {
      line(`Wallet:  ${wallet.id}`)
      line(`Address: ${wallet.address}`)
      line(`Key:     ${wallet.keyId}`)
    })
  })
})

export const creating = ({ mongo, keyRing, keyAdmin, audit, transact }: OperatorParts) =>
  createCreateWallet({ wallets: createWalletRepository(mongo.db), keyRing, keyAdmin, audit, transact, newWalletId: () => newId('wal') })

/** @throws UsageFault */
export function newWalletOf (options: Readonly<Record<string, unknown>>, name: string, chainIds: readonly number[]): NewWallet {
  if (!namePattern.test(name)) throw new UsageFault('--name must be 1 to 64 letters, digits, blanks, dots, dashes or underscores')
  const [alias, keyId] = [textOption(options, 'alias'), textOption(options, 'keyId')]
  if (alias !== undefined && keyId !== undefined) throw new UsageFault('--alias names a new key: an adopted one has its own')
  if (alias !== undefined && !aliasPattern.test(alias)) throw new UsageFault('--alias must be alias/ and letters, digits, slashes, dashes or underscores')
  return { name, description: textOption(options, 'description') ?? '', chainIds, keyId, alias, tags: tagsOf(textsOption(options, 'tags')) }
}

function roleOf (options: Readonly<Record<string, unknown>>): WalletRole {
  const role = walletRoles.find((known) => known === (options['role'] ?? 'operations'))
  if (role === undefined) throw new UsageFault(`--role must be one of ${walletRoles.join(', ')}`)
  return role
}

async function freeDefaultKey ({ config, mongo }: OperatorParts, options: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  if (config.defaultKeyId === undefined || options['newKey'] === true || options['alias'] !== undefined) return undefined
  const taken = (await createWalletRepository(mongo.db).list()).some(({ keyId }) => keyId === config.defaultKeyId)
  return taken ? undefined : config.defaultKeyId
}

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
  description: 'All wallets, or those whose key is due to be rotated',
  options: [['--older-than <age>', 'only those made before so long, as in 365d']],
  run: async ({ options, print, table }) => await withParts(async ({ mongo }) => {
    const wallets = createWalletRepository(mongo.db)
    const age = ageOption(options, 'olderThan', '--older-than')
    const rows = (await (age === undefined ? wallets.list() : wallets.listOlderThan(age))).map(shownWallet)
    print(rows, () => { table(rows.map(({ chain_ids: chains, ...rest }) => ({ ...rest, chains: chains.join(',') })), ['id', 'name', 'role', 'address', 'chains', 'state', 'key_id', 'created_at']) })
  })
})

const switchCommand = (withParts: WithParts, to: 'disable' | 'enable'): CliCommand => ({
  name: `wallets ${to}`,
  description: to === 'disable' ? 'Take nothing new from a wallet; what has a nonce goes through, what waits is rejected' : 'Use a disabled wallet again; a retired one stays retired',
  args: [['<wallet>', 'wallet id, wal_…']],
  run: async ({ args: [id = ''], print, line }) => await withParts(async ({ mongo, audit, transact }) => {
    const switchWallet = (to === 'disable' ? createDisableWallet : createEnableWallet)({ wallets: createWalletRepository(mongo.db), audit, transact })
    const switched = await switchWallet({ id, actor: 'operator' })
    if (switched === undefined) throw new Error(`there is no wallet ${id}: see wallets list`)
    const { wallet, changed } = switched
    print({ ...shownWallet(wallet), changed }, () => { line(`${wallet.id} is ${walletState(wallet)}${changed ? '' : '; nothing changed'}.`) })
    return walletState(wallet) === 'retired' && to === 'enable' ? exitCodes.failed : exitCodes.ok
  })
})
