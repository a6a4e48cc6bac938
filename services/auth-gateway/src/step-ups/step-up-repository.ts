/** Step-ups of this gateway's own actions. Whether one still opens its route is decided by the database's clock, in the update that uses it up. */
import { stepUpSeconds, type FactorKind, type StepUpAction } from '@countersign/contracts'
import { databaseTime, eachOf, gather, givenTo, inTurns, isDuplicateKey, type Mongo } from '@countersign/mongo'

interface StepUpDocument {
  /** The challenge of otp-service. */
  _id: string
  userId: string
  sessionId: string
  type: StepUpAction['type']
  resourceId: string
  createdAt: Date
  verifiedAt: Date | null
  factorKind: FactorKind | null
  receiptId: string | null
  usedAt: Date | null
}

export interface StepUp {
  readonly id: string
  readonly userId: string
  readonly sessionId: string
  readonly action: StepUpAction
}

export interface StepUpReceipt {
  readonly factorKind: FactorKind
  readonly receiptId: string
  /** By otp-service's database. */
  readonly answeredAt: Date
}

export interface VerifiedStepUp {
  readonly factorKind: FactorKind
  readonly verifiedAt: Date
}

export const stepUpIndexes = [
  { collection: 'step_ups', name: 'expiry', key: { createdAt: 1 }, expireAfterSeconds: 86_400 },
  { collection: 'step_ups', name: 'one_per_receipt', key: { receiptId: 1 }, unique: true, partialFilterExpression: { receiptId: { $type: 'string' } } },
  { collection: 'step_ups', name: 'by_user', key: { userId: 1 } }
] as const

export type StepUpRepository = ReturnType<typeof createStepUpRepository>

export function createStepUpRepository (mongo: Pick<Mongo, 'db'>) {
  const stepUps = mongo.db.collection<StepUpDocument>('step_ups')
  const begin = gather(async (all: readonly StepUp[]) => {
    const createdAt = await databaseTime(mongo.db)
    await stepUps.insertMany(all.map(({ id, userId, sessionId, action }) => (
      { _id: id, userId, sessionId, type: action.type, resourceId: action.resource_id, createdAt, verifiedAt: null, factorKind: null, receiptId: null, usedAt: null })), { ordered: false })
    return all.map(() => undefined)
  })
  const find = gather(async (wanted: readonly Omit<StepUp, 'action'>[]) => {
    const found = await stepUps.find({ _id: { $in: wanted.map(({ id }) => id) } }).toArray()
    return wanted.map(({ id, userId, sessionId }): StepUp | undefined => {
      const own = found.find((one) => one._id === id && one.userId === userId && one.sessionId === sessionId)
      return own && { id, userId, sessionId, action: { type: own.type, resource_id: own.resourceId } }
    })
  })
  const verify = gather(async (all: readonly { readonly id: string, readonly receipt: StepUpReceipt }[]) => {
    await stepUps.bulkWrite(inTurns(all, ({ id }) => id).map((turn) => ({
      updateMany: {
        filter: { _id: { $in: [...turn.keys()] }, $expr: { $in: ['$receiptId', [null, givenTo(eachOf(turn, ({ receipt }) => receipt.receiptId))]] } },
        update: [
          { $set: { given: givenTo(eachOf(turn, ({ receipt }) => receipt)) } },
          { $set: { verifiedAt: { $ifNull: ['$verifiedAt', { $min: ['$$NOW', '$given.answeredAt'] }] }, factorKind: '$given.factorKind', receiptId: '$given.receiptId' } },
          { $unset: 'given' }
        ]
      }
    })))
    const found = await stepUps.find({ _id: { $in: all.map(({ id }) => id) } }).toArray()
    return all.map(({ id, receipt: { factorKind, receiptId } }): VerifiedStepUp | undefined => {
      const own = found.find((one) => one._id === id && one.receiptId === receiptId)
      return own === undefined || own.verifiedAt === null ? undefined : { factorKind, verifiedAt: own.verifiedAt }
    })
  })

  return {
    /** Again changes nothing. */
    begin: (stepUp: StepUp): Promise<void> => begin(stepUp).catch((error: unknown) => {
      if (!isDuplicateKey(error, '_id_')) throw error
    }),

    find: (id: string, { userId, sessionId }: Pick<StepUp, 'userId' | 'sessionId'>): Promise<StepUp | undefined> => find({ id, userId, sessionId }),

    /**
     * The same receipt again changes nothing. It counts from the answer on, whenever that is learnt.
     * @returns undefined when it was answered by another receipt, or the receipt answered another one.
     */
    verify: (id: string, receipt: StepUpReceipt): Promise<VerifiedStepUp | undefined> => verify({ id, receipt }).catch((error: unknown) => {
      // The receipt answered another one.
      if (isDuplicateKey(error, 'one_per_receipt')) return undefined
      throw error
    }),

    /** True for exactly one request. */
    async use (id: string, { userId, sessionId, action }: Omit<StepUp, 'id'>): Promise<boolean> {
      const { modifiedCount } = await stepUps.updateOne({
        _id: id, userId, sessionId, type: action.type, resourceId: action.resource_id, usedAt: null,
        $expr: { $gt: ['$verifiedAt', { $subtract: ['$$NOW', stepUpSeconds * 1_000] }] }
      }, [{ $set: { usedAt: '$$NOW' } }])
      return modifiedCount === 1
    }
  }
}
