/** Keys that exist from the start, with fixed private keys: addresses stay the same on every machine. */

import { privateKeyFromHex } from './key-material.ts'

export interface Seed {
  keyId: string
  /** Alias name, `alias/…`. */
  alias?: string
  /** 64 hex digits, `0x` allowed. A seed is public knowledge: never fund it outside a local chain. */
  privateKey: string
}

/**
 * `test-key-id` signs as 0xAc971b40F74F65E8386A850F8d690a15f15Bc279, `audit-key-id` the checkpoints of the audit; each private key is SHA-256 of
 * `countersign/kms-emulator/` and the id.
 */
export const defaultSeeds: readonly Seed[] = [
  { keyId: 'test-key-id', alias: 'alias/countersign-test', privateKey: '88f65714d46f7708b2f6f40abe8b9122fc1455220c354200c98c13cfc04d0520' },
  { keyId: 'audit-key-id', alias: 'alias/countersign-audit', privateKey: '2ae82ba63e50abce1ba5179b15bc4114a3a0424270d38375f405fa0efa838d9a' }
]

/**
 * Reads seeds written as JSON: `[{ "key_id": "…", "alias": "alias/…", "private_key": "0x…" }]`.
 * @throws Error that names the entry and the field, never its value
 */
export function seedsFromJson (text: string): Seed[] {
  const entries = parseList(text)
  return entries.map((entry, index) => {
    const { key_id: keyId, alias, private_key: privateKey, ...rest } = entry
    const where = `KMS_SEEDS[${index}]`
    if (Object.keys(rest).length > 0) throw new Error(`${where} may hold key_id, alias and private_key only`)
    if (typeof keyId !== 'string') throw new Error(`${where}.key_id must be a text`)
    if (alias !== undefined && typeof alias !== 'string') throw new Error(`${where}.alias must be a text`)
    if (typeof privateKey !== 'string' || !isPrivateKey(privateKey)) throw new Error(`${where}.private_key must be a secp256k1 private key of 64 hex digits`)
    return alias === undefined ? { keyId, privateKey } : { keyId, alias, privateKey }
  })
}

function parseList (text: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value) && value.every((entry) => typeof entry === 'object' && entry !== null)) return value
  } catch {
    // The parser's message quotes the text, which holds private keys: it is dropped.
  }
  throw new Error('KMS_SEEDS must be a JSON list of objects')
}

function isPrivateKey (text: string): boolean {
  try {
    privateKeyFromHex(text)
    return true
  } catch {
    return false
  }
}
