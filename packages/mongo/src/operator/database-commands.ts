/** `db …` for the cli.ts of any service with a database. */
import { stores, type ServiceName } from '@countersign/contracts'
import { exitCodes, newId, UsageFault, type CliCommand, type CommandContext } from '@countersign/runtime'
import type { Db } from 'mongodb'
import { ensureIndexes, verifyIndexes, type IndexSpec } from '../indexes.ts'
import { createLeases } from '../leases.ts'
import type { Migration } from '../migrations/migration.ts'
import { createMigrations, type Migrations } from '../migrations/migrations.ts'
import { verifyDatabase, type RowCheck } from './database-checks.ts'
import type { WithDb } from './database-of.ts'
import { profileDatabase } from './profile-database.ts'
import { withRights } from './rights.ts'

export interface DatabaseCommandsOptions {
  readonly service: ServiceName
  /** The service's database, for one command. */
  readonly withDb: WithDb
  readonly indexes: readonly IndexSpec[]
  readonly migrations?: readonly Migration[]
  readonly rowChecks?: readonly RowCheck[]
  /** What an operator of an earlier system will miss among the indexes, and why. */
  readonly indexNotes?: readonly string[]
}

export function databaseCommands (given: DatabaseCommandsOptions): CliCommand[] {
  const options: DatabaseCommandsOptions = { ...given, withDb: (work) => withRights(() => given.withDb(work)) }
  return [ensureCommand, verifyIndexesCommand, verifyCommand, migrateCommand, rollbackCommand, statusCommand, profileCommand].map((make) => make(options))
}

const ensureCommand = ({ service, withDb, indexes }: DatabaseCommandsOptions): CliCommand => ({
  name: 'db indexes ensure',
  description: 'Make the indexes that are missing; run again it changes nothing',
  run: ({ print, line }) => withDb(async (db) => {
    await ensureIndexes(db, indexes)
    print({ service, database: db.databaseName, indexes: indexes.length }, () => { line(`${db.databaseName}: ${indexes.length} indexes are in place`) })
  })
})

const verifyIndexesCommand = ({ withDb, indexes, indexNotes = [] }: DatabaseCommandsOptions): CliCommand => ({
  name: 'db indexes verify',
  description: 'Compare the indexes with what the service relies on; exit 1 when they differ',
  run: ({ print, table, line }) => withDb(async (db) => {
    const differences = await verifyIndexes(db, indexes)
    print(differences, () => {
      if (differences.length === 0) line(`${db.databaseName}: all ${indexes.length} indexes are as wanted`)
      else table(differences.map(({ collection, index, kind, detail }) => ({ collection, index, kind, detail })))
      for (const note of indexNotes) line(`  on purpose: ${note}`)
    })
    return differences.length === 0 ? exitCodes.ok : exitCodes.failed
  })
})

const verifyCommand = ({ service, withDb, indexes, migrations = [], rowChecks = [] }: DatabaseCommandsOptions): CliCommand => ({
  name: 'db verify',
  description: 'Check server, collections, indexes, migrations and rows; exit 1 when something does not hold',
  options: [['--full', 'have MongoDB read every document and index as well; needs an administrator\'s MONGODB_URI']],
  run: ({ options, print, table, line }) => withDb(async (db) => {
    const results = await verifyDatabase({ db, store: stores[service], indexes, migrations: of(db, migrations), rowChecks, full: options['full'] === true })
    const failed = results.filter(({ state }) => state === 'failed').length
    print({ service, database: db.databaseName, checks: results }, () => {
      table(results.map(({ check, state, detail }) => ({ check, state, detail })))
      line(failed === 0 ? `${db.databaseName}: all checks hold` : `${db.databaseName}: ${failed} of ${results.length} checks do not hold`)
    })
    return failed === 0 ? exitCodes.ok : exitCodes.failed
  })
})

const of = (db: Db, migrations: readonly Migration[]): Migrations => createMigrations({ db, leases: createLeases(db), migrations, holder: newId('prc') })
const dryRun = ['--dry-run', 'say what would be done, and do nothing'] as const

const migrateCommand = ({ service, withDb, migrations = [] }: DatabaseCommandsOptions): CliCommand => ({
  name: 'db migrate',
  description: 'Apply the migrations that are pending, in order',
  options: [dryRun],
  run: ({ options, print, line }) => withDb(async (db) => {
    const runner = of(db, migrations)
    const isDry = options['dryRun'] === true
    const ids = isDry ? (await runner.status()).filter(({ state }) => state === 'pending' || state === 'interrupted').map(({ id }) => id) : await runner.migrate()
    print({ service, database: db.databaseName, dry_run: isDry, applied: ids }, () => { told({ line }, db, ids, { done: isDry ? 'would be applied' : 'applied', none: noneOf(migrations, 'no migration is pending') }) })
  })
})

const rollbackCommand = ({ service, withDb, migrations = [] }: DatabaseCommandsOptions): CliCommand => ({
  name: 'db rollback',
  description: 'Take the newest migrations back',
  options: [['--steps <number>', 'how many', '1'], dryRun],
  run: ({ options, print, line }) => {
    const steps = Number(options['steps'])
    if (!Number.isInteger(steps) || steps < 1 || steps > 1_000) throw new UsageFault('--steps is a number from 1 on')
    return withDb(async (db) => {
      const runner = of(db, migrations)
      const isDry = options['dryRun'] === true
      const ids = isDry ? (await runner.status()).filter(({ state }) => state === 'applied' || state === 'interrupted').map(({ id }) => id).slice(-steps).reverse() : await runner.rollback(steps)
      print({ service, database: db.databaseName, dry_run: isDry, reverted: ids }, () => { told({ line }, db, ids, { done: isDry ? 'would be taken back' : 'taken back', none: noneOf(migrations, 'nothing to take back') }) })
    })
  }
})

const statusCommand = ({ service, withDb, migrations = [] }: DatabaseCommandsOptions): CliCommand => ({
  name: 'db status',
  description: 'Every migration and whether it was applied',
  run: ({ print, table, line }) => withDb(async (db) => {
    const all = await of(db, migrations).status()
    print({ service, database: db.databaseName, migrations: all.map(({ appliedAt, ...rest }) => ({ ...rest, applied_at: appliedAt?.toISOString() ?? null })) }, () => {
      if (all.length === 0) line(`${db.databaseName}: ${noneOf(migrations, '')}`)
      else table(all.map(({ id, state, appliedAt, description }) => ({ migration: id, state, applied: appliedAt?.toISOString(), description })))
    })
  })
})

const noneOf = (migrations: readonly Migration[], otherwise: string): string => migrations.length === 0 ? 'this service has no migrations' : otherwise

function told ({ line }: Pick<CommandContext, 'line'>, { databaseName }: Db, ids: readonly string[], { done, none }: { done: string, none: string }): void {
  if (ids.length === 0) line(`${databaseName}: ${none}`)
  for (const id of ids) line(`${databaseName}: ${id} ${done}`)
}

const profileCommand = ({ service, withDb }: DatabaseCommandsOptions): CliCommand => ({
  name: 'db profile',
  description: 'The slowest operations of a while, by MongoDB\'s profiler; needs an administrator\'s MONGODB_URI',
  options: [['--seconds <number>', 'how long to look, up to 300', '10'], ['--slow-ms <number>', 'operations that took at least so long', '100'], ['--top <number>', 'how many to show', '20']],
  run: ({ options, print, table, line }) => {
    const number = (name: string, least: number, most: number): number => {
      const given = Number(options[name])
      if (!Number.isInteger(given) || given < least || given > most) throw new UsageFault(`--${name.replace('Ms', '-ms')} is a number from ${least} to ${most}`)
      return given
    }
    const wanted = { seconds: number('seconds', 1, 300), slowMs: number('slowMs', 0, 600_000), top: number('top', 1, 1_000) }
    return withDb(async (db) => {
      const slow = await profileDatabase(db, wanted)
      print({ service, database: db.databaseName, ...wanted, operations: slow }, () => {
        if (slow.length === 0) line(`${db.databaseName}: nothing took ${wanted.slowMs} ms or more in ${wanted.seconds} s`)
        else table(slow.map((one) => ({ ...one })))
      })
    })
  }
})
