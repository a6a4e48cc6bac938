import { exactly, isDuplicateKey, literally, type IndexSpec } from '@countersign/mongo'
import type { Db } from 'mongodb'
import type { Unit } from '../unit.ts'
import { reconciliationId, type Alarm, type Finding, type Reconciliation } from './reconciliation.ts'

type ReconciliationRow = Reconciliation & { readonly _id: string }
type AlarmRow = Omit<Alarm, 'id'> & { readonly _id: string }
type LaneName = Pick<Reconciliation, 'chainId' | 'walletId'>

export const reconciliationIndexes: readonly IndexSpec[] = [
  { collection: 'reconciliation_alarms', name: 'open_alarms', key: { acknowledgedAt: 1, createdAt: 1 } }
]

export type ReconciliationRepository = ReturnType<typeof createReconciliationRepository>

export function createReconciliationRepository (db: Db) {
  const rows = db.collection<ReconciliationRow>('reconciliations')
  const alarms = db.collection<AlarmRow>('reconciliation_alarms')

  return {
    async find (lane: LaneName): Promise<Reconciliation | undefined> {
      return await rows.findOne({ _id: exactly(reconciliationId(lane)) }) ?? undefined
    },

    async list (): Promise<Reconciliation[]> {
      return await rows.find({}, { sort: { _id: 1 } }).toArray()
    },

    /** @param before height that was compared with. @returns false when another process went on from there. */
    async advance ({ chainId, walletId, height, nonce, balances, permits = {} }: Omit<Reconciliation, 'at'>, before: number | undefined, unit: Unit): Promise<boolean> {
      const id = reconciliationId({ chainId, walletId })
      const set = [{ $set: { ...literallyAll({ chainId, walletId, height, nonce, balances, permits }), at: '$$NOW' } }]
      try {
        const { matchedCount, upsertedCount } = before === undefined
          ? await rows.updateOne({ _id: exactly(id), height: { $exists: false } } as never, set, { upsert: true, session: unit.session })
          : await rows.updateOne({ _id: exactly(id), height: exactly(before) }, set, { session: unit.session })
        return matchedCount + upsertedCount === 1
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    },

    /** @returns whether it is new. */
    async raise ({ chainId, walletId }: LaneName, { kind, mark, hash, detail }: Finding, unit: Unit): Promise<boolean> {
      const { upsertedCount } = await alarms.updateOne(
        { _id: exactly(`${reconciliationId({ chainId, walletId })}:${kind}:${mark}`) },
        [{ $set: { createdAt: { $ifNull: ['$createdAt', '$$NOW'] }, acknowledgedAt: { $ifNull: ['$acknowledgedAt', null] }, ...literallyAll({ chainId, walletId, kind, mark, hash, detail }) } }],
        { upsert: true, session: unit.session })
      return upsertedCount === 1
    },

    async openAlarms (): Promise<Alarm[]> {
      return (await alarms.find({ acknowledgedAt: null }, { sort: { createdAt: 1 } }).toArray()).map(({ _id, ...rest }) => ({ id: _id, ...rest }))
    },

    countOpen: async (): Promise<number> => await alarms.countDocuments({ acknowledgedAt: null }),

    /** @returns undefined when there is no such open alarm. */
    async acknowledge (id: string, unit: Unit): Promise<Alarm | undefined> {
      const row = await alarms.findOneAndUpdate({ _id: exactly(id), acknowledgedAt: null }, [{ $set: { acknowledgedAt: '$$NOW' } }], { returnDocument: 'after', session: unit.session })
      if (row === null) return undefined
      const { _id, ...rest } = row
      return { id: _id, ...rest }
    }
  }
}

const literallyAll = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, literally(value)]))
