/** `notify users`: a notice to everybody with a proved address, through the queue of mails. */
import { createHash } from 'node:crypto'
import { BroadcastMail, maskAddress } from '@countersign/contracts'
import { createAudit, createOutbox, inTransaction } from '@countersign/mongo'
import { newId, systemClock, UsageFault, type CliCommand } from '@countersign/runtime'
import { keyFromText } from '@countersign/secrets'
import { Value } from 'typebox/value'
import { createWriteMail } from '../mail/write-mail.ts'
import { createNoticeRepository } from './notice-repository.ts'
import { createNotifyUsers } from './notify-users.ts'
import type { WithMongo } from './with-mongo.ts'

const sampleSize = 5
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** @param now of the default id alone */
export const notifyCommands = (withMongo: WithMongo, now: () => Date = () => systemClock.now()): CliCommand[] => [{
  name: 'notify users',
  description: 'Mail a notice to every account with a proved address; one mail each, however often it is run with the same id',
  args: [['<message>', 'plain text, up to 2000 characters']],
  options: [
    ['--id <notice>', 'letters, digits, dots, dashes; a run that was interrupted goes on under it (default: the day and the message)'],
    ['--dry-run', 'say who would get it, and write nothing']
  ],
  run: ({ args: [message = ''], options, json, print, line, progress }) => {
    const id = typeof options['id'] === 'string' ? options['id'] : `${now().toISOString().slice(0, 10)}-${sha256(message).slice(0, 12)}`
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) throw new UsageFault('--id is up to 64 letters, digits, dots, dashes and underscores')
    if (!Value.Check(BroadcastMail.properties.parameters, { message })) throw new UsageFault('the message is 1 to 2000 characters of plain text')

    return withMongo(async (mongo, config) => {
      const notices = createNoticeRepository(mongo)
      if (options['dryRun'] === true) {
        const begun = await notices.find(id)
        const after = begun?.lastUserId ?? ''
        const [open, reachable, active, some] = await Promise.all([notices.countReachable(after), notices.countReachable(''), notices.countActive(), notices.reachableAfter(after, sampleSize)])
        const recipients = begun?.finishedAt ? 0 : open
        const sample = begun?.finishedAt ? [] : some.map(({ address }) => maskAddress(address))
        print({ id, dry_run: true, recipients, already: begun?.written ?? 0, without_address: active - reachable, sample }, () => {
          line(`${id}: ${recipients} accounts would get this notice${sample.length === 0 ? '' : `, such as ${sample.join(', ')}`}`)
          if (begun !== null) line(`${begun.written} got it before`)
          line(`${active - reachable} accounts have no proved address`)
        })
        return 0
      }

      const notify = createNotifyUsers({
        notices,
        audit: createAudit(mongo.db),
        writeMail: createWriteMail({ outbox: createOutbox(mongo.db), sealKey: keyFromText(config.mailSealKey), now: () => systemClock.now() }),
        inTransaction: (work) => inTransaction(mongo, work),
        hashOf: sha256
      })
      if (!json) line(`notice ${id}; if this is interrupted, run it again with --id ${id}`)
      const { written, before } = await notify({ id, message, requestId: newId('req') }, progress('mails'))
      print({ id, dry_run: false, written, already: before }, () => {
        line(`${written} mails are written, and on their way as soon as the gateway runs${before === 0 ? '' : `; ${before} were written before under this id`}`)
      })
      return 0
    })
  }
}]
