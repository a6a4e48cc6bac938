/** `users import`: the accounts of an earlier system. */
import { readFile } from 'node:fs/promises'
import { createAudit } from '@countersign/mongo'
import { newId, systemClock, UsageFault, type CliCommand } from '@countersign/runtime'
import { randomHex } from '@countersign/secrets'
import { createPasswordRepository } from '../passwords/password-repository.ts'
import { createUserRepository } from '../users/user-repository.ts'
import { createImportUsers, readImport } from './import-users.ts'
import type { WithMongo } from './with-mongo.ts'

const shownFaults = 20

export const importCommands = (withMongo: WithMongo): CliCommand[] => [{
  name: 'users import',
  description: 'Make accounts from a file of addresses and password hashes, one JSON object per line; those that are there stay as they are',
  args: [['<file>', '{"email", "password_hash": bcrypt or argon2id, "username"?, "verified"?}']],
  options: [['--dry-run', 'check every line, and write nothing']],
  async run ({ args: [file = ''], options, json, print, line, progress }) {
    const { users: accounts, faults } = readImport(await readFile(file, 'utf8').catch(() => { throw new UsageFault(`the file ${file} cannot be read`) }))
    if (faults.length > 0) {
      print({ imported: 0, faults }, () => {
        for (const fault of faults.slice(0, shownFaults)) line(`line ${fault.line}: ${fault.message}`)
        if (faults.length > shownFaults) line(`and ${faults.length - shownFaults} more`)
        line('nothing was written')
      })
      return 1
    }
    if (options['dryRun'] === true) {
      print({ dry_run: true, accounts: accounts.length }, () => { line(`${accounts.length} accounts are fit to be made`) })
      return 0
    }
    return await withMongo(async (mongo) => {
      const users = createUserRepository({ mongo, audit: createAudit(mongo.db), newId: () => newId('usr'), now: () => systemClock.now() })
      const importUsers = createImportUsers({ users, passwords: createPasswordRepository(mongo), newSuffix: () => randomHex(4) })
      if (!json) line('if this is interrupted, run it again: accounts that are there stay as they are')
      const { made, there, renamed } = await importUsers(accounts, newId('req'), progress('accounts'))
      print({ dry_run: false, imported: made, already: there, renamed }, () => {
        line(`${made} accounts were made${renamed > 0 ? `, ${renamed} of them under another name, since theirs was taken` : ''}; ${there} were there already`)
      })
      return 0
    })
  }
}]
