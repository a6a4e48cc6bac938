/** `wallets derive-address|public-key|test` and `kms test`: what a key is, and that it signs. */
import { exitCodes, UsageFault, type CliCommand } from '@countersign/runtime'
import { pemOfPublicKey } from '../audit/public-key.ts'
import { proveKey } from '../wallets/prove-key.ts'
import type { Wallet } from '../wallets/wallet.ts'
import { createWalletRepository } from '../wallets/wallet-repository.ts'
import { textOption } from './options.ts'
import type { OperatorParts, WithParts } from './operator-parts.ts'

export const walletKeyCommands = (withParts: WithParts): CliCommand[] =>
  [deriveCommand(withParts), publicKeyCommand(withParts), testWalletsCommand(withParts), testKeyCommand(withParts)]

const which = [['[wallet-or-key]', 'wallet id, or a KMS key\'s id, ARN or alias (default: KMS_KEY_ID)']] as const

interface Named { readonly keyId: string, readonly wallet: Wallet | undefined }

/** @throws UsageFault when nothing is named; Error when the wallet is not there */
async function named ({ config, mongo }: OperatorParts, given: string | undefined): Promise<Named> {
  const name = given ?? config.defaultKeyId
  if (name === undefined) throw new UsageFault('name a wallet or a key, or set KMS_KEY_ID')
  if (!name.startsWith('wal_')) return { keyId: name, wallet: undefined }
  const wallet = await createWalletRepository(mongo.db).find(name)
  if (wallet === undefined) throw new Error(`there is no wallet ${name}: see wallets list`)
  return { keyId: wallet.keyId, wallet }
}

const deriveCommand = (withParts: WithParts): CliCommand => ({
  name: 'wallets derive-address',
  description: 'The address of a wallet or key, derived from its public half and proved by a test signature; exit 1 when a wallet has another one',
  args: which,
  run: async ({ args: [given], print, line }) => await withParts(async (parts) => {
    const { keyId, wallet } = await named(parts, given)
    const address = await proveKey(parts.keyRing, keyId)
    const matches = wallet === undefined || wallet.address === address
    print({ key_id: keyId, address, proved: true, ...wallet !== undefined && { wallet_id: wallet.id, matches } }, () => {
      line(`KMS Key ID: ${keyId}`)
      line(`Ethereum Address: ${address}`)
      line('')
      line(matches ? 'IMPORTANT: Fund this address with gas tokens (ETH; POL, once MATIC, on Polygon)' : `IMPORTANT: wallet ${wallet.id} has the address ${wallet.address}: was its alias moved to another key? Fund nothing.`)
    })
    return matches ? exitCodes.ok : exitCodes.failed
  })
})

const publicKeyCommand = (withParts: WithParts): CliCommand => ({
  name: 'wallets public-key',
  description: 'The public half of a wallet\'s key or of any KMS key: uncompressed hex, and PEM',
  args: which,
  run: async ({ args: [given], print, line }) => await withParts(async (parts) => {
    const { keyId } = await named(parts, given)
    const publicKey = await parts.keyRing.publicKey(keyId)
    const shown = { key_id: keyId, public_key: `0x${Buffer.from(publicKey).toString('hex')}`, pem: pemOfPublicKey(publicKey) }
    print(shown, () => {
      line(shown.public_key)
      line(shown.pem.trimEnd())
    })
  })
})

interface Tested { readonly wallet_id: string | null, readonly key_id: string, readonly address: string | null, readonly sign_ms: number | null, readonly fault: string | null }

/** One key that fails hides none of the others. */
async function tested ({ keyRing }: OperatorParts, { keyId, wallet }: Named): Promise<Tested> {
  const startedAt = performance.now()
  const shown = { wallet_id: wallet?.id ?? null, key_id: keyId }
  try {
    const address = await proveKey(keyRing, keyId)
    const moved = wallet !== undefined && wallet.address !== address
    return { ...shown, address, sign_ms: Math.round(performance.now() - startedAt), fault: moved ? `the wallet has the address ${wallet.address}` : null }
  } catch (error) {
    return { ...shown, address: null, sign_ms: null, fault: error instanceof Error ? error.message : String(error) }
  }
}

const testWalletsCommand = (withParts: WithParts): CliCommand => ({
  name: 'wallets test',
  description: 'Prove by a signature each that the keys of wallets still sign for their addresses; exit 1 when one does not',
  args: [['[wallets...]', 'wallet ids; default: all that are not retired']],
  run: async ({ args, print, table }) => await withParts(async (parts) => {
    const all = await createWalletRepository(parts.mongo.db).list()
    const unknown = args.find((id) => !all.some((wallet) => wallet.id === id))
    if (unknown !== undefined) throw new Error(`there is no wallet ${unknown}: see wallets list`)
    const chosen = all.filter(({ id, retiredAt = null }) => args.length === 0 ? retiredAt === null : args.includes(id))
    if (chosen.length === 0) throw new UsageFault('there is no wallet to test')
    const rows: Tested[] = []
    for (const wallet of chosen) rows.push(await tested(parts, { keyId: wallet.keyId, wallet }))
    print(rows, () => { table(rows.map((row) => ({ ...row, fault: row.fault ?? '' }))) })
    return rows.some(({ fault }) => fault !== null) ? exitCodes.failed : exitCodes.ok
  })
})

const testKeyCommand = (withParts: WithParts): CliCommand => ({
  name: 'kms test',
  description: 'Reach the KMS and prove a signature: of --key-id, of KMS_KEY_ID, else of every wallet\'s key',
  options: [['--key-id <id>', 'only this key']],
  run: async ({ options, print, table }) => await withParts(async ({ config, mongo, keyRing }) => {
    const one = textOption(options, 'keyId') ?? config.defaultKeyId
    const ids = one === undefined ? (await createWalletRepository(mongo.db).list()).map(({ keyId }) => keyId) : [one]
    if (ids.length === 0) throw new UsageFault('there is no key to test: give --key-id, set KMS_KEY_ID or make a wallet')
    const rows: { key_id: string, address: string, sign_ms: number }[] = []
    for (const keyId of ids) {
      const startedAt = performance.now()
      const address = await proveKey(keyRing, keyId)
      rows.push({ key_id: keyId, address, sign_ms: Math.round(performance.now() - startedAt) })
    }
    print(rows, () => { table(rows) })
  })
})
