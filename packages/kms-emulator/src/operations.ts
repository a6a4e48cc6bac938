/** The operations of TrentService (the name KMS has on the wire), one function each. */

import { randomBytes } from 'node:crypto'
import type { Faults } from './faults.ts'
import { bytes, optionalText, page, tagList, text, type Request } from './fields.ts'
import { digestOf, randomPrivateKey, signDer } from './key-material.ts'
import { accountId, type Key, type KeyStore } from './key-store.ts'
import { KmsError } from './kms-error.ts'

type Operation = (request: Request, context: { store: KeyStore, faults: Faults }) => object

const keySpec = 'ECC_SECG_P256K1'
const signingAlgorithms = ['ECDSA_SHA_256']
const seconds = (time: Date): number => time.getTime() / 1000
const keyReference = (request: Request): string => text(request, 'KeyId', 2048)

function metadata (key: Key): object {
  return {
    AWSAccountId: accountId,
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: seconds(key.createdAt),
    Enabled: key.enabled,
    Description: key.description,
    KeyUsage: 'SIGN_VERIFY',
    KeyState: key.enabled ? 'Enabled' : 'Disabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: keySpec,
    KeySpec: keySpec,
    SigningAlgorithms: signingAlgorithms,
    MultiRegion: false
  }
}

function enabledKey (request: Request, store: KeyStore): Key {
  const key = store.find(keyReference(request))
  if (!key.enabled) throw new KmsError('DisabledException', `${key.arn} is disabled.`)
  return key
}

const createKey: Operation = (request, { store }) => {
  if ((request['KeySpec'] ?? request['CustomerMasterKeySpec']) !== keySpec) throw new KmsError('UnsupportedOperationException', `KeySpec must be ${keySpec} here`)
  if (request['KeyUsage'] !== 'SIGN_VERIFY') throw new KmsError('ValidationException', `KeyUsage must be SIGN_VERIFY for KeySpec ${keySpec}`)
  const key = store.create({ description: optionalText(request, 'Description', 8192), tags: tagList(request) })
  return { KeyMetadata: metadata(key) }
}

const createAlias: Operation = (request, { store }) => {
  const name = text(request, 'AliasName', 256)
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) throw new KmsError('ValidationException', 'Alias must start with the prefix "alias/" and hold letters, digits, "/", "_" and "-"')
  if (name.startsWith('alias/aws/')) throw new KmsError('InvalidAliasNameException', 'Alias names that start with "alias/aws/" are reserved')
  store.createAlias(name, store.findByIdOrArn(text(request, 'TargetKeyId', 2048)).keyId)
  return {}
}

const listAliases: Operation = (request, { store }) => {
  const keyId = request['KeyId'] === undefined ? undefined : store.findByIdOrArn(keyReference(request)).keyId
  const matching = store.aliases().filter((alias) => keyId === undefined || alias.keyId === keyId)
  const { items, ...rest } = page(request, matching, { limit: 50, maxLimit: 100 })
  return {
    Aliases: items.map((alias) => ({ AliasName: alias.name, AliasArn: alias.arn, TargetKeyId: alias.keyId, CreationDate: seconds(alias.createdAt), LastUpdatedDate: seconds(alias.createdAt) })),
    ...rest
  }
}

const listKeys: Operation = (request, { store }) => {
  const { items, ...rest } = page(request, store.keys(), { limit: 100, maxLimit: 1000 })
  return { Keys: items.map((key) => ({ KeyId: key.keyId, KeyArn: key.arn })), ...rest }
}

const listResourceTags: Operation = (request, { store }) => {
  const { items, ...rest } = page(request, store.findByIdOrArn(keyReference(request)).tags, { limit: 50, maxLimit: 50 })
  return { Tags: items, ...rest }
}

const getPublicKey: Operation = (request, { store }) => {
  const key = enabledKey(request, store)
  return { KeyId: key.arn, PublicKey: key.publicKey.toString('base64'), CustomerMasterKeySpec: keySpec, KeySpec: keySpec, KeyUsage: 'SIGN_VERIFY', SigningAlgorithms: signingAlgorithms }
}

const sign: Operation = (request, { store, faults }) => {
  const key = enabledKey(request, store)
  const algorithm = text(request, 'SigningAlgorithm', 64)
  if (!signingAlgorithms.includes(algorithm)) throw new KmsError('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${keySpec}.`)
  const digest = digestToSign(request)
  const der = faults.garbageDer
    ? Buffer.concat([Buffer.of(0x42), randomBytes(70)])
    : signDer(faults.wrongKey ? randomPrivateKey() : key.privateKey, digest, { highS: faults.forceHighS })
  return { KeyId: key.arn, Signature: Buffer.from(der).toString('base64'), SigningAlgorithm: algorithm }
}

/** A DIGEST is signed as it is. (An emulator that hashes it again gives signatures that recover to nobody's address.) */
function digestToSign (request: Request): Uint8Array {
  const message = bytes(request, 'Message', 4096)
  const type = request['MessageType'] ?? 'RAW'
  if (type === 'RAW') return digestOf(message)
  if (type !== 'DIGEST') throw new KmsError('ValidationException', "1 validation error detected: Value at 'messageType' failed to satisfy constraint: Member must satisfy enum value set: [RAW, DIGEST]")
  if (message.length !== 32) throw new KmsError('ValidationException', 'Digest is invalid length for algorithm ECDSA_SHA_256.')
  return message
}

const setEnabled = (enabled: boolean): Operation => (request, { store }) => {
  store.setEnabled(store.findByIdOrArn(keyReference(request)), enabled)
  return {}
}

/** By the name after `TrentService.` in `x-amz-target`. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['CreateAlias', createAlias],
  ['CreateKey', createKey],
  ['DescribeKey', (request, { store }) => ({ KeyMetadata: metadata(store.find(keyReference(request))) })],
  ['DisableKey', setEnabled(false)],
  ['EnableKey', setEnabled(true)],
  ['GetPublicKey', getPublicKey],
  ['ListAliases', listAliases],
  ['ListKeys', listKeys],
  ['ListResourceTags', listResourceTags],
  ['Sign', sign]
])
