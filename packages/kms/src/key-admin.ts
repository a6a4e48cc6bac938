/** Making and listing keys, for the command line under the operator's own identity; no service does this. */

import {
  CreateAliasCommand, CreateKeyCommand, DescribeKeyCommand, GetPublicKeyCommand, ListAliasesCommand, ListKeysCommand,
  type KeyMetadata, type ListAliasesCommandOutput, type ListKeysCommandOutput
} from '@aws-sdk/client-kms'
import { openKmsCalls, type KmsCalls, type KmsOptions } from './kms-calls.ts'
import { KmsFault, type KmsFaultCode } from './kms-fault.ts'
import type { Address } from './key-ring.ts'
import { addressOf, publicKeyFromSpki } from './public-key.ts'

export interface NewKey {
  /** `alias/…`. */
  alias?: string
  description?: string
  tags?: Record<string, string>
}

export interface CreatedKey { keyId: string, arn: string, address: Address, alias: string | null }

export interface ListedKey {
  keyId: string
  arn: string
  /** Null while the key is disabled (KMS shows no public half then) or closed to this identity. */
  address: Address | null
  aliases: string[]
  description: string
  enabled: boolean
}

export interface KeyAdmin {
  /**
   * Creates a secp256k1 signing key.
   * @throws KmsFault; when the alias fails after the key was made, `reason` holds the id of that key
   */
  createKey (given?: NewKey): Promise<CreatedKey>
  /** The account's secp256k1 signing keys that this identity may describe, without those on their way to deletion. @throws KmsFault */
  listKeys (): Promise<ListedKey[]>
  close (): void
}

export function createKeyAdmin (options: KmsOptions): KeyAdmin {
  const kms = openKmsCalls(options)
  // CreateKey has no idempotency token: a retry after a lost answer would leave a second key, paid for and unknown.
  const once = openKmsCalls({ ...options, maxAttempts: 1 })
  return {
    createKey: async ({ alias, description, tags = {} } = {}) => {
      if (alias !== undefined) await refuseTaken(kms, alias)
      const { KeyMetadata } = await once.call({ operation: 'CreateKey' }, (client, given) => client.send(new CreateKeyCommand({
        KeySpec: 'ECC_SECG_P256K1',
        KeyUsage: 'SIGN_VERIFY',
        ...(description === undefined ? {} : { Description: description }),
        Tags: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
      }), given))
      const { keyId, arn } = identity(KeyMetadata)
      if (alias !== undefined) await nameKey(once, alias, keyId)
      return { keyId, arn, address: await addressAt(kms, keyId), alias: alias ?? null }
    },
    listKeys: () => listKeys(kms),
    close: () => {
      kms.close()
      once.close()
    }
  }
}

/** Before the key is made: a key whose alias is refused costs a dollar a month until somebody finds it. */
async function refuseTaken (kms: KmsCalls, alias: string): Promise<void> {
  const aliases = await aliasesByKey(kms)
  if ([...aliases.values()].flat().includes(alias)) throw new KmsFault('refused', { operation: 'CreateAlias', reason: 'AlreadyExistsException' })
}

async function nameKey (once: KmsCalls, alias: string, keyId: string): Promise<void> {
  try {
    await once.call({ operation: 'CreateAlias', keyId }, (client, given) => client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId }), given))
  } catch (error) {
    const { code, reason } = error as KmsFault
    throw new KmsFault(code, { operation: 'CreateAlias', reason: `${reason}; the key ${keyId} was made all the same` })
  }
}

async function addressAt (kms: KmsCalls, keyId: string): Promise<Address> {
  return kms.call({ operation: 'GetPublicKey', keyId }, async (client, given) => {
    const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }), given)
    return addressOf(publicKeyFromSpki(PublicKey ?? new Uint8Array()))
  })
}

async function listKeys (kms: KmsCalls): Promise<ListedKey[]> {
  const aliases = await aliasesByKey(kms)
  const ids = await keyIds(kms)
  const found: (ListedKey | null | 'denied')[] = []
  // Ten at a time: an account with thousands of keys stays under DescribeKey's quota.
  for (let start = 0; start < ids.length; start += 10) {
    found.push(...await Promise.all(ids.slice(start, start + 10).map((keyId) => describe(kms, keyId, aliases.get(keyId) ?? []))))
  }
  // One closed key is another team's; nothing but closed keys is an identity without the right, and no empty account.
  if (found.length > 0 && found.every((key) => key === 'denied')) throw new KmsFault('denied', { operation: 'DescribeKey', reason: 'AccessDeniedException' })
  return found.filter((key) => key !== null && key !== 'denied')
}

async function keyIds (kms: KmsCalls): Promise<string[]> {
  const ids: string[] = []
  let Marker: string | undefined
  do {
    const page: ListKeysCommandOutput = await kms.call({ operation: 'ListKeys' }, (client, given) => client.send(new ListKeysCommand({ Limit: 1000, Marker }), given))
    ids.push(...(page.Keys ?? []).flatMap(({ KeyId }) => KeyId ?? []))
    Marker = page.NextMarker
  } while (Marker !== undefined)
  return ids
}

/** @returns null for a key that is none of ours, 'denied' for one whose policy shuts this identity out */
async function describe (kms: KmsCalls, keyId: string, aliases: string[]): Promise<ListedKey | null | 'denied'> {
  const metadata = await kms.call({ operation: 'DescribeKey', keyId }, async (client, given) => (await client.send(new DescribeKeyCommand({ KeyId: keyId }), given)).KeyMetadata)
    .catch(orWhen({ denied: 'denied', not_found: null } as const))
  if (metadata === 'denied') return 'denied'
  if (metadata?.KeySpec !== 'ECC_SECG_P256K1' || metadata.KeyUsage !== 'SIGN_VERIFY' || metadata.DeletionDate !== undefined) return null
  const enabled = metadata.Enabled === true
  const address = enabled ? await addressAt(kms, keyId).catch(orWhen({ denied: null, disabled: null, not_found: null })) : null
  return { ...identity(metadata), address, aliases, description: metadata.Description ?? '', enabled }
}

/** Keys change between the list and the look, and each has its own policy: those faults are answers here. */
function orWhen<T> (answers: Partial<Record<KmsFaultCode, T>>): (fault: unknown) => T {
  return (fault) => {
    const { code } = fault as KmsFault
    if (code in answers) return answers[code] as T
    throw fault
  }
}

async function aliasesByKey (kms: KmsCalls): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  let Marker: string | undefined
  do {
    const page: ListAliasesCommandOutput = await kms.call({ operation: 'ListAliases' }, (client, given) => client.send(new ListAliasesCommand({ Limit: 100, Marker }), given))
    for (const { AliasName, TargetKeyId } of page.Aliases ?? []) {
      if (AliasName !== undefined && TargetKeyId !== undefined) found.set(TargetKeyId, [...found.get(TargetKeyId) ?? [], AliasName])
    }
    Marker = page.NextMarker
  } while (Marker !== undefined)
  return found
}

function identity (metadata: KeyMetadata | undefined): { keyId: string, arn: string } {
  if (metadata?.KeyId === undefined || metadata.Arn === undefined) throw new KmsFault('unavailable', { operation: 'CreateKey', reason: 'answer without a key' })
  return { keyId: metadata.KeyId, arn: metadata.Arn }
}
