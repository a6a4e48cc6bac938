/** `factors reset` and `factors cancel-reset`: for somebody who lost every factor. */
import { createAudit, createOutbox, inTransaction, type Mongo } from '@countersign/mongo'
import { newId, readEnvironment, type CliCommand, type EnvironmentSource } from '@countersign/runtime'
import { keyFromText } from '@countersign/secrets'
import { resetEnvironment } from './config.ts'
import { createAskFactorReset } from './factors/ask-factor-reset.ts'
import { maskAddress } from './factors/factor.ts'
import { createFactorRepository } from './factors/factor-repository.ts'
import { createFactorResetRepository, type FactorReset } from './factors/factor-reset-repository.ts'
import { createMailWriter } from './mail/mail-writer.ts'

type WithMongo = <T>(work: (mongo: Mongo) => Promise<T>) => Promise<T>

export const resetCommands = (withMongo: WithMongo, env: EnvironmentSource): CliCommand[] => [resetFactors(withMongo, env), cancelReset(withMongo)]

const user = ['<user>', 'user id, usr_…'] as const
const afterwards = 'The signer\'s principals keep the old factor root: once a new factor is proved, grant again with: countersign principals grant'

const resetFactors = (withMongo: WithMongo, env: EnvironmentSource): CliCommand => ({
  name: 'factors reset',
  description: 'Take away the lost factors of a user after FACTOR_RESET_DELAY_HOURS; every old address is told at once, and a proof of an old factor cancels it',
  args: [user],
  options: [['--dry-run', 'say what would be done, and do nothing']],
  run: async ({ args: [userId = ''], options, print, line }) => await withMongo(async (mongo) => {
    const { MAIL_SEAL_KEY: sealKey, FACTOR_RESET_DELAY_HOURS: hours } = readEnvironment(resetEnvironment, env)
    const resets = createFactorResetRepository(mongo.db)
    const [owner, before, addresses] = await Promise.all([createFactorRepository(mongo.db).ownerOf(userId), resets.pendingOf(userId), resets.addressesOf(userId)])
    if (owner === undefined) throw new Error(`${userId} has no factors`)
    const dryRun = options['dryRun'] === true
    const ask = createAskFactorReset({
      resets,
      mails: createMailWriter({ outbox: createOutbox(mongo.db), sealKey: keyFromText(sealKey), newDeliveryId: () => newId('dlv') }),
      audit: createAudit(mongo.db),
      transact: async (work) => await inTransaction(mongo, work),
      newResetId: () => newId('rst'),
      delaySeconds: hours * 3_600
    })
    const asked = dryRun ? undefined : await ask(userId, newId('req'))
    if (!dryRun && asked === undefined) throw new Error(`${userId} has no factors`)

    const told = addresses.map(maskAddress)
    const reset = asked?.reset ?? before
    print({ user_id: userId, dry_run: dryRun, state: reset === undefined ? 'none' : 'pending', fresh: asked?.fresh ?? false, delay_hours: hours, ...shown(reset), told, next: afterwards }, () => {
      if (reset !== undefined) line(`${asked?.fresh === true ? 'reset asked for' : 'a reset waits already'}: the factors of ${userId} go at ${reset.dueAt.toISOString()}`)
      else line(`the factors of ${userId} would go after ${hours} h`)
      line(`told: ${told.join(', ') || 'nobody, there is no address'}`)
      line(`until then: countersign factors cancel-reset ${userId}`)
      line(afterwards)
    })
  })
})

const cancelReset = (withMongo: WithMongo): CliCommand => ({
  name: 'factors cancel-reset',
  description: 'Keep the factors of a user whose reset waits',
  args: [user],
  run: async ({ args: [userId = ''], print, line }) => await withMongo(async (mongo) => {
    const cancelled = await inTransaction(mongo, async (transaction) => {
      const reset = await createFactorResetRepository(mongo.db).cancel(userId, transaction)
      if (reset !== undefined) await createAudit(mongo.db).append({ event: 'factor.reset_cancelled', subject: userId, actor: 'operator', facts: { reset: reset.id, by: 'operator' } }, transaction)
      return reset
    })
    if (cancelled === undefined) throw new Error(`no reset of ${userId} waits`)
    print({ user_id: userId, cancelled: true, ...shown(cancelled) }, () => { line(`cancelled: ${userId} keeps its factors`) })
  })
})

const shown = (reset: FactorReset | undefined) => ({ reset: reset?.id ?? null, asked_at: reset?.askedAt.toISOString() ?? null, due_at: reset?.dueAt.toISOString() ?? null })
