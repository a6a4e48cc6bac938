import type { AgedAttempt, AttemptRepository } from '../attempts/attempt-repository.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { LaneRound, OpenWork } from './lane-round.ts'

export interface ReadOpenWorkDeps {
  readonly transactions: Pick<TransactionRepository, 'inFlightIn'>
  readonly attempts: Pick<AttemptRepository, 'atNonces' | 'openFillers'>
}

export type ReadOpenWork = (round: Pick<LaneRound, 'key' | 'latest'>) => Promise<OpenWork>

export const createReadOpenWork = ({ transactions, attempts }: ReadOpenWorkDeps): ReadOpenWork => async ({ key, latest }) => {
  const [rows, fillers] = await Promise.all([transactions.inFlightIn(key), attempts.openFillers(key)])
  const nonces = new Set([latest, ...fillers, ...rows.flatMap(({ nonce }) => nonce ?? [])])
  const byNonce = new Map<number, AgedAttempt[]>()
  const sequences = new Map<number, number>()
  for (const attempt of await attempts.atNonces(key, [...nonces])) {
    sequences.set(attempt.nonce, attempt.sequence)
    if (attempt.state !== 'dead') byNonce.set(attempt.nonce, [...byNonce.get(attempt.nonce) ?? [], attempt])
  }
  return { rows, attempts: byNonce, sequences }
}
