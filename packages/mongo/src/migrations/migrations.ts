/** Runs a service's migrations, one process at a time, and remembers which have run. */
import type { Db } from 'mongodb'
import { exactly } from '../exactly.ts'
import type { Leases } from '../leases.ts'
import { holdLease } from './hold-lease.ts'
import { assertMigrations, MigrationFault, type Migration, type MigrationRow, type MigrationStatus } from './migration.ts'

export interface MigrationsOptions {
  readonly db: Db
  readonly leases: Leases
  readonly migrations: readonly Migration[]
  /** This process. */
  readonly holder: string
}

export interface Migrations {
  /** In order; those of a later version come last. */
  status (): Promise<MigrationStatus[]>
  /** Applies what is pending, in order. @returns their ids @throws MigrationFault, LeaseLost, and what a migration throws: those before it stay applied */
  migrate (): Promise<string[]>
  /** Takes the newest ones back, newest first. @returns their ids @throws as `migrate`; MigrationFault when one has no way back, before anything is done */
  rollback (steps: number): Promise<string[]>
}

const lease = 'migrations'

/** @throws TypeError for a list that has no one order */
export function createMigrations ({ db, leases, migrations, holder }: MigrationsOptions): Migrations {
  assertMigrations(migrations)
  const rows = db.collection<MigrationRow>('migrations')

  async function status (): Promise<MigrationStatus[]> {
    const known = new Map((await rows.find().sort({ _id: 1 }).toArray()).map((row) => [row._id, row]))
    const listed = migrations.map(({ id, description }): MigrationStatus => {
      const row = known.get(id)
      known.delete(id)
      return { id, description, state: row === undefined ? 'pending' : row.state === 'applied' ? 'applied' : 'interrupted', appliedAt: row?.appliedAt ?? null }
    })
    return [...listed, ...[...known.values()].map((row): MigrationStatus => ({ id: row._id, description: 'of a later version', state: 'unknown', appliedAt: row.appliedAt }))]
  }

  async function alone<T> (work: (all: readonly MigrationStatus[], signal: AbortSignal) => Promise<T>): Promise<T> {
    const done = await holdLease({ leases, name: lease, holder }, async (signal) => {
      const all = await status()
      const foreign = all.filter(({ state }) => state === 'unknown').map(({ id }) => id)
      if (foreign.length > 0) throw new MigrationFault(`a later version of this service migrated this database (${foreign.join(', ')}): use that version`)
      return await work(all, signal)
    })
    if (done === undefined) throw new MigrationFault('another process is migrating this database: wait for it, and look with: countersign db status')
    return done.value
  }

  const begin = (id: string) => rows.updateOne({ _id: exactly(id) }, [{ $set: { state: 'under way', startedAt: '$$NOW', appliedAt: null } }], { upsert: true })

  return {
    status,

    migrate: () => alone(async (all, signal) => {
      const applied: string[] = []
      for (const { id, up } of migrations) {
        if (all.some((one) => one.id === id && one.state === 'applied')) continue
        await begin(id)
        await up(db, signal)
        signal.throwIfAborted()
        await rows.updateOne({ _id: exactly(id) }, [{ $set: { state: 'applied', appliedAt: '$$NOW' } }])
        applied.push(id)
      }
      return applied
    }),

    rollback: (steps) => alone(async (all, signal) => {
      const newest = migrations.filter(({ id }) => all.some((one) => one.id === id && one.state !== 'pending')).slice(-steps).reverse()
      const stuck = newest.find(({ down }) => down === undefined)
      if (stuck !== undefined) throw new MigrationFault(`${stuck.id} has no way back: restore a backup from before it`)
      for (const { id, down } of newest) {
        await begin(id)
        await down?.(db, signal)
        signal.throwIfAborted()
        await rows.deleteOne({ _id: exactly(id) })
      }
      return newest.map(({ id }) => id)
    })
  }
}
