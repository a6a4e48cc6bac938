/** Accounts of an earlier system: an address, the hash of its password, and a name. */
import { EmailAddress, Username } from '@countersign/contracts'
import type { ClientSession } from 'mongodb'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { usernameOfAddress } from '../earlier/username-of-address.ts'
import type { PasswordRepository } from '../passwords/password-repository.ts'
import { readStoredHash } from '../passwords/stored-hash.ts'
import { emailIdentityId } from '../users/identity.ts'
import type { UserRepository } from '../users/user-repository.ts'

const ImportedUser = Type.Object({
  email: EmailAddress,
  /** bcrypt, or argon2id in the PHC string format. */
  password_hash: Type.String({ maxLength: 255 }),
  username: Type.Optional(Username),
  /** The earlier system proved the address. Absent: it is proved here, by whoever reads its mailbox. */
  verified: Type.Optional(Type.Boolean())
}, { additionalProperties: false })
export type ImportedUser = Static<typeof ImportedUser>

export interface LineFault {
  /** From 1. */
  readonly line: number
  /** Without the line's own words, which hold a hash. */
  readonly message: string
}

/** @param text JSON Lines; empty lines count for nothing */
export function readImport (text: string): { readonly users: readonly ImportedUser[], readonly faults: readonly LineFault[] } {
  const users: ImportedUser[] = []
  const faults: LineFault[] = []
  const lineOf = new Map<string, number>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const fault = (message: string): unknown => faults.push({ line: index + 1, message })
    const user = parsed(line)
    const [wrong] = user === undefined ? [] : [...Value.Errors(ImportedUser, user)]
    if (user === undefined) fault('is no JSON')
    else if (!Value.Check(ImportedUser, user)) fault(`${wrong?.instancePath.slice(1) ?? ''} ${wrong?.message ?? 'has another form'}`.trim())
    else if (readStoredHash(user.password_hash) === undefined) fault('password_hash is neither bcrypt (cost 4 to 14) nor argon2id of a bearable cost')
    else if (lineOf.has(emailIdentityId(user.email))) fault(`has the address of line ${lineOf.get(emailIdentityId(user.email)) ?? 0}`)
    else {
      lineOf.set(emailIdentityId(user.email), index + 1)
      users.push(user)
    }
  }
  return { users, faults }
}

function parsed (line: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch {
    return undefined
  }
}

export interface ImportDeps {
  readonly users: Pick<UserRepository, 'create'>
  readonly passwords: { readonly set: (password: Parameters<PasswordRepository['set']>[0], transaction: ClientSession) => Promise<void> }
  /** Lower-case letters and digits by chance. */
  readonly newSuffix: () => string
}

export interface Imported {
  readonly made: number
  /** Addresses that an account has already: nothing of it is changed. */
  readonly there: number
  /** Of those that were made: their name was another account's, and got letters behind it. */
  readonly renamed: number
}

/** Each account with its password in one transaction: what was interrupted is run again, and goes on. */
export const createImportUsers = ({ users, passwords, newSuffix }: ImportDeps) =>
  async (list: readonly ImportedUser[], requestId: string, onProgress: (done: number, total: number) => void): Promise<Imported> => {
    let [made, there, renamed] = [0, 0, 0]
    for (const [index, given] of list.entries()) {
      const outcome = await importOne(given, requestId)
      if (outcome === 'there') there++
      else made++
      if (outcome === 'renamed') renamed++
      onProgress(index + 1, list.length)
    }
    return { made, there, renamed }

    async function importOne ({ email, password_hash: hash, username: wanted, verified = false }: ImportedUser, request: string): Promise<'made' | 'renamed' | 'there'> {
      const identity = { id: emailIdentityId(email), kind: 'email' as const, address: email, verified }
      let username = wanted ?? usernameOfAddress(email, newSuffix())
      for (let tries = 0; tries < 5; tries++) {
        const user = await users.create({ identity, username, requestId: request }, async ({ id }, transaction) => {
          await passwords.set({ identityId: identity.id, userId: id, hash }, transaction)
        })
        if (user === 'identity taken') return 'there'
        if (user !== 'username taken') return username === wanted || wanted === undefined ? 'made' : 'renamed'
        username = `${(wanted ?? email.split('@')[0] ?? '').replace(/[^A-Za-z0-9_.-]/g, '').slice(0, 40)}_${newSuffix()}`
      }
      throw new Error('no free username was found in five tries')
    }
  }
