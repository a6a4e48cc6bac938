/** Keys and aliases, found by id, ARN, alias name or alias ARN. */

import { randomUUID } from 'node:crypto'
import { readKeyFile, writeKeyFile, type StoredKeys } from './key-file.ts'
import { privateKeyFromHex, randomPrivateKey, spkiOf } from './key-material.ts'
import { KmsError } from './kms-error.ts'
import type { Seed } from './seeds.ts'

export interface Tag { TagKey: string, TagValue: string }

export interface Key {
  keyId: string
  arn: string
  privateKey: Uint8Array
  publicKey: Buffer
  description: string
  tags: Tag[]
  createdAt: Date
  enabled: boolean
}

export interface Alias { name: string, arn: string, keyId: string, createdAt: Date }

export interface KeyStore {
  create (given: { description: string, tags: Tag[] }): Key
  createAlias (name: string, keyId: string): void
  setEnabled (key: Key, enabled: boolean): void
  /** @throws KmsError NotFoundException */
  find (reference: string): Key
  /** As `find`, for the operations that AWS refuses to serve by alias. */
  findByIdOrArn (reference: string): Key
  keys (): Key[]
  aliases (): Alias[]
}

export const accountId = '000000000000'

/** @throws Error when the data file is unreadable or a seed contradicts it */
export function createKeyStore (given: { region: string, seeds: readonly Seed[], dataFile?: string }): KeyStore {
  const arnPrefix = `arn:aws:kms:${given.region}:${accountId}:`
  const keys = new Map<string, Key>()
  const aliases = new Map<string, Alias>()

  const addKey = (key: Omit<Key, 'arn' | 'publicKey'>): Key => {
    const added = { ...key, arn: `${arnPrefix}key/${key.keyId}`, publicKey: spkiOf(key.privateKey) }
    keys.set(key.keyId, added)
    return added
  }
  const addAlias = (name: string, keyId: string, createdAt: Date): void => {
    aliases.set(name, { name, arn: `${arnPrefix}${name}`, keyId, createdAt })
  }
  const save = (): void => {
    if (given.dataFile !== undefined) writeKeyFile(given.dataFile, toStored(keys, aliases))
  }

  const stored = given.dataFile === undefined ? undefined : readKeyFile(given.dataFile)
  for (const key of stored?.keys ?? []) addKey({ ...key, privateKey: privateKeyFromHex(key.privateKey), createdAt: new Date(key.createdAt) })
  for (const alias of stored?.aliases ?? []) addAlias(alias.name, alias.keyId, new Date(alias.createdAt))
  for (const seed of given.seeds) {
    const privateKey = privateKeyFromHex(seed.privateKey)
    const known = keys.get(seed.keyId)
    if (known !== undefined && !spkiOf(privateKey).equals(known.publicKey)) throw new Error(`the data file holds another key under the seeded id ${seed.keyId}`)
    if (known === undefined) addKey({ keyId: seed.keyId, privateKey, description: 'seeded', tags: [], createdAt: new Date(), enabled: true })
    if (seed.alias === undefined) continue
    const taken = aliases.get(seed.alias)
    if (taken !== undefined && taken.keyId !== seed.keyId) throw new Error(`the seeded alias ${seed.alias} belongs to another key`)
    if (taken === undefined) addAlias(seed.alias, seed.keyId, new Date())
  }
  save()

  const findByIdOrArn = (reference: string): Key => {
    const key = keys.get(reference.startsWith(`${arnPrefix}key/`) ? reference.slice(arnPrefix.length + 4) : reference)
    if (key !== undefined) return key
    throw new KmsError('NotFoundException', `Key '${reference.startsWith('arn:') ? reference : `${arnPrefix}key/${reference}`}' does not exist`)
  }

  return {
    create: ({ description, tags }) => {
      const key = addKey({ keyId: randomUUID(), privateKey: randomPrivateKey(), description, tags, createdAt: new Date(), enabled: true })
      save()
      return key
    },
    createAlias: (name, keyId) => {
      if (aliases.has(name)) throw new KmsError('AlreadyExistsException', `An alias with the name ${arnPrefix}${name} already exists`)
      addAlias(name, keyId, new Date())
      save()
    },
    setEnabled: (key, enabled) => {
      key.enabled = enabled
      save()
    },
    find: (reference) => {
      const name = reference.startsWith(`${arnPrefix}alias/`) ? reference.slice(arnPrefix.length) : reference
      if (!name.startsWith('alias/')) return findByIdOrArn(reference)
      const alias = aliases.get(name)
      if (alias === undefined) throw new KmsError('NotFoundException', `Alias ${arnPrefix}${name} is not found.`)
      return findByIdOrArn(alias.keyId)
    },
    findByIdOrArn,
    keys: () => [...keys.values()],
    aliases: () => [...aliases.values()]
  }
}

function toStored (keys: Map<string, Key>, aliases: Map<string, Alias>): StoredKeys {
  return {
    version: 1,
    keys: [...keys.values()].map(({ keyId, privateKey, description, tags, createdAt, enabled }) =>
      ({ keyId, privateKey: Buffer.from(privateKey).toString('hex'), description, tags, createdAt: createdAt.toISOString(), enabled })),
    aliases: [...aliases.values()].map(({ name, keyId, createdAt }) => ({ name, keyId, createdAt: createdAt.toISOString() }))
  }
}
