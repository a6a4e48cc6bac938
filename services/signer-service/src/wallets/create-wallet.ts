/** Makes a wallet of a new or an existing key, and believes neither before it has signed. */
import type { KeyAdmin, KeyRing } from '@countersign/kms'
import { isDuplicateKey, type Audit } from '@countersign/mongo'
import type { Transact } from '../unit.ts'
import { proveKey } from './prove-key.ts'
import type { Wallet } from './wallet.ts'
import type { WalletRepository } from './wallet-repository.ts'

export interface CreateWalletDeps {
  readonly wallets: Pick<WalletRepository, 'findByName' | 'insert'>
  readonly keyRing: Pick<KeyRing, 'address' | 'signDigest'>
  readonly keyAdmin: Pick<KeyAdmin, 'createKey'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly newWalletId: () => string
}

export interface NewWallet {
  readonly name: string
  readonly description: string
  readonly chainIds: readonly number[]
  /** Adopted instead of making one. */
  readonly keyId: string | undefined
  /** Of a new key, `alias/…`. */
  readonly alias?: string | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly role?: 'operations' | 'treasury'
  /** The wallet whose funds it takes over. */
  readonly rotatingFrom?: string
}

/** @throws Error when the name or the key's address is a wallet already, or the old wallet has a successor; KmsFault */
export const createCreateWallet = ({ wallets, keyRing, keyAdmin, audit, transact, newWalletId }: CreateWalletDeps) =>
  async ({ name, description, chainIds, keyId: given, alias, tags, role = 'operations', rotatingFrom }: NewWallet): Promise<Wallet> => {
    // Before a key is made, which costs money each month.
    if (await wallets.findByName(name) !== undefined) throw new Error(`there is a wallet named ${name} already: see wallets list`)
    const keyId = given ?? (await keyAdmin.createKey({
      description: description === '' ? `Countersign wallet ${name}` : description, tags: { ...tags }, ...alias !== undefined && { alias }
    })).keyId
    try {
      const address = await proveKey(keyRing, keyId)
      return await transact(async (unit) => {
        const wallet = await wallets.insert({
          id: newWalletId(), name, description, keyId, address, chainIds: [...chainIds], active: true, role, ...rotatingFrom !== undefined && { rotatingFrom }
        }, unit)
        await audit.append({
          event: 'wallet.created', subject: wallet.id, walletId: wallet.id, actor: 'operator',
          facts: { address, key_id: keyId, adopted: given !== undefined, ...rotatingFrom !== undefined && { rotating_from: rotatingFrom } }
        }, unit.session)
        return wallet
      })
    } catch (error) {
      const why = whyNot(error, keyId, name)
      // A key that nobody knows of is paid for all the same.
      if (given === undefined) throw new Error(`${why}; the key ${keyId} was made all the same: adopt it with --key-id ${keyId}`, { cause: error })
      throw isDuplicateKey(error) ? new Error(why, { cause: error }) : error
    }
  }

function whyNot (error: unknown, keyId: string, name: string): string {
  if (isDuplicateKey(error, 'one_successor')) return 'the wallet is being rotated already: see wallets list'
  if (isDuplicateKey(error)) return `the key ${keyId} or the name ${name} belongs to a wallet already: see wallets list`
  return error instanceof Error ? error.message : String(error)
}
