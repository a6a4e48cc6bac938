/** The data file: keys and aliases as JSON, readable by its owner only, replaced in one step so that a crash leaves the old or the new. */

import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export interface StoredKey {
  keyId: string
  privateKey: string
  description: string
  tags: { TagKey: string, TagValue: string }[]
  createdAt: string
  enabled: boolean
}

export interface StoredKeys {
  version: 1
  keys: StoredKey[]
  aliases: { name: string, keyId: string, createdAt: string }[]
}

/**
 * @returns what the file holds, or undefined when there is no file yet
 * @throws Error without any of the content when the file is no data file: starting empty would lose keys
 */
export function readKeyFile (path: string): StoredKeys | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  chmodSync(path, 0o600)
  const stored = parse(text)
  if (stored?.version !== 1 || !Array.isArray(stored.keys) || !Array.isArray(stored.aliases)) {
    throw new Error(`${path} is not a data file of the KMS emulator: move it away to start with new keys`)
  }
  return stored
}

export function writeKeyFile (path: string, stored: StoredKeys): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const next = `${path}.${process.pid}.next`
  const file = openSync(next, 'w', 0o600)
  try {
    writeFileSync(file, JSON.stringify(stored, null, 2))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(next, path)
}

function parse (text: string): StoredKeys | undefined {
  try {
    return JSON.parse(text) as StoredKeys
  } catch {
    return undefined
  }
}
