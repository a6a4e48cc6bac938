/** `email suppressions`: addresses and numbers that get nothing because a mail server or a provider said that they do not exist. Shown masked, found by their hash. */
import { EmailAddress, maskAddress, PhoneNumber } from '@countersign/contracts'
import { createAudit, databaseOf } from '@countersign/mongo'
import { readEnvironment, UsageFault, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { Value } from 'typebox/value'
import { suppressionsEnvironment } from '../config.ts'
import { createAddressHash } from '../deliveries/address-hash.ts'
import { createSuppressionRepository, type Suppression } from '../deliveries/suppression-repository.ts'

const mostShown = 200

const shown = ({ masked, reason, deliveryId, since, dropped }: Suppression) => ({ address: masked, reason, since: since.toISOString(), dropped, delivery_id: deliveryId })

/** @param env `process.env`, read when a command runs */
export const suppressionCommands = (env: EnvironmentSource): CliCommand[] => [listCommand(env), liftCommand(env)]

const listCommand = (env: EnvironmentSource): CliCommand => ({
  name: 'email suppressions list',
  description: `Addresses that get no mails, masked, the latest ${mostShown}, with the number of mails dropped since`,
  run: async ({ print, table, line }) => {
    const { SECRET_KEY: secretKey } = readEnvironment(suppressionsEnvironment, env)
    await databaseOf('email-worker', env)(async (db) => {
      const rows = (await createSuppressionRepository(db, createAddressHash(secretKey)).list(mostShown)).map(shown)
      print(rows, () => { if (rows.length === 0) line('no address is suppressed'); else table(rows) })
    })
  }
})

const liftCommand = (env: EnvironmentSource): CliCommand => ({
  name: 'email suppressions lift',
  description: 'Send mails to an address again; exit 1 when it was not suppressed',
  args: [['<address>', 'the whole address']],
  options: [['--dry-run', 'say whether it is suppressed, and change nothing']],
  run: async ({ args: [address = ''], options, print, line }) => {
    if (!Value.Check(EmailAddress, address) && !Value.Check(PhoneNumber, address)) throw new UsageFault('the address must be one e-mail address, or one telephone number with + and its calling code')
    const { SECRET_KEY: secretKey } = readEnvironment(suppressionsEnvironment, env)
    await databaseOf('email-worker', env)(async (db) => {
      const suppressions = createSuppressionRepository(db, createAddressHash(secretKey))
      const found = await suppressions.find(address)
      if (found === undefined) throw new Error(`${maskAddress(address)} is not suppressed`)
      const { masked } = found
      const dryRun = options['dryRun'] === true
      if (!dryRun && await suppressions.lift(address)) await createAudit(db).append({ event: 'mail.suppression_lifted', subject: found.deliveryId, actor: 'operator' })
      print({ ...shown(found), dry_run: dryRun }, () => { line(dryRun ? `${masked} is suppressed (${found.reason}) and would be lifted` : `${masked} gets mails again; ${found.dropped} were dropped`) })
    })
  }
})
