/**
 * What a passkey tells with each answer. A counter that does not grow means that the same key answers in two places (WebAuthn level 3 §6.1.1):
 * compared and kept in one update with the flag, so that of two answers with one count one is taken. Synced passkeys count nothing and say 0.
 */
import type { Audit } from '@countersign/mongo'
import type { Logger, Metrics } from '@countersign/runtime'
import type { Db } from 'mongodb'
import type { FactorDocument } from '../factors/factor-document.ts'
import type { PasskeyFactor } from '../factors/factor.ts'
import type { Transaction } from '../transaction.ts'
import type { PasskeyUse } from './relying-party.ts'

/** The transaction that throws one of these must not commit. */
export class CounterWentBack extends Error {
  readonly kept: number

  constructor (kept: number) {
    super('the counter of a passkey went back')
    this.name = 'CounterWentBack'
    this.kept = kept
  }
}

export class PasskeyGone extends Error {
  constructor () {
    super('the passkey was removed meanwhile')
    this.name = 'PasskeyGone'
  }
}

/** @throws CounterWentBack, PasskeyGone */
export type RecordUse = (factorId: string, use: PasskeyUse, transaction: Transaction) => Promise<void>

export const createRecordUse = (db: Db): RecordUse => {
  const factors = db.collection<FactorDocument>('factors')
  return async (factorId, { counter, backedUp }, transaction) => {
    const { modifiedCount } = await factors.updateOne(
      { _id: factorId, kind: 'passkey', counter: counter === 0 ? 0 : { $lt: counter } },
      [{ $set: { counter, backed_up: backedUp, last_used_at: '$$NOW', uses: { $add: ['$uses', 1] } } }],
      { session: transaction }
    )
    if (modifiedCount === 1) return
    const kept = await factors.findOne({ _id: factorId }, { session: transaction })
    throw kept?.kind === 'passkey' ? new CounterWentBack(kept.counter) : new PasskeyGone()
  }
}

export interface CounterReportDeps {
  readonly audit: Pick<Audit, 'append'>
  readonly log: Pick<Logger, 'warn'>
  readonly metrics: Pick<Metrics, 'counter'>
}

export interface CounterFault {
  readonly passkey: Pick<PasskeyFactor, 'id' | 'userId'>
  readonly kept: number
  readonly told: number
  readonly challengeId: string
  readonly requestId: string
}

/** Somebody may have copied a passkey: that is told to operators, whatever else becomes of the answer. */
export type ReportCounter = (fault: CounterFault) => Promise<void>

export const createReportCounter = ({ audit, log, metrics }: CounterReportDeps): ReportCounter => {
  const faults = metrics.counter({ name: 'otp_passkey_counter_faults_total', help: 'Answers of passkeys whose counter did not grow, which were refused' })
  faults.inc({}, 0)
  return async ({ passkey: { id, userId }, kept, told, challengeId, requestId }) => {
    faults.inc()
    log.warn({ requestId, userId, factorId: id, challengeId, kept, told }, 'passkey counter went back')
    await audit.append({ event: 'factor.counter_went_back', subject: userId, requestId, facts: { factor: id, challenge: challengeId, kept, told } })
  }
}
