/**
 * The gateway says that an account is being deleted. Its word is enough to take rights away, never to give any: the principal is revoked and
 * what waits is cancelled. Transactions stay as the record of money, and those on their way are let through first. Safe to repeat.
 */
import { accountDeletedSigner, accountJobUsefulMs, type accountDeleteSigner, type PayloadOf } from '@countersign/contracts'
import { isDuplicateKey, type Audit, type Outbox, type OutboxDispatcher } from '@countersign/mongo'
import type { CountersignedRepository } from '../transactions/countersigned-repository.ts'
import type { RecordMove, RecordOne } from '../transactions/record-move.ts'
import type { Countersigned } from '../transactions/transaction.ts'
import type { TransactionRepository } from '../transactions/transaction-repository.ts'
import type { Transact } from '../unit.ts'
import type { PrincipalRepository } from './principal-repository.ts'

export interface EndAccountDeps {
  readonly principals: Pick<PrincipalRepository, 'revoke'>
  readonly transactions: Pick<TransactionRepository, 'unfinishedOf'>
  readonly recordMove: RecordMove
  readonly signatures: Pick<CountersignedRepository<Countersigned>, 'unfinishedOf'>
  readonly recordSignature: RecordOne<Countersigned>
  readonly outbox: Pick<Outbox, 'insert'>
  readonly dispatcher: Pick<OutboxDispatcher, 'dispatch'>
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
}

export type AccountEnd = PayloadOf<typeof accountDeleteSigner>

/** Transactions of the account are on their way; the job is tried again. */
export class StillInFlight extends Error {
  override readonly name = 'StillInFlight'
}

/** @throws StillInFlight: it is not acknowledged yet */
export type EndAccount = (account: AccountEnd) => Promise<void>

const failure = { code: 'account_deleted', detail: 'The account that asked for it is being deleted.' }

export const createEndAccount = ({ principals, transactions, recordMove, signatures, recordSignature, outbox, dispatcher, audit, transact }: EndAccountDeps): EndAccount => {
  const revoke = async ({ user_id: userId, deletion_id: deletion, request_id: requestId }: AccountEnd): Promise<void> => {
    await transact(async (unit) => {
      if (!await principals.revoke(userId, unit)) return
      await audit.append({ event: 'principal.revoked', subject: userId, requestId, facts: { reason: 'account_deleted', deletion } }, unit.session)
    })
  }

  const cancelWaiting = async ({ user_id: userId, deletion_id: deletion, request_id: requestId }: AccountEnd): Promise<void> => {
    for (const row of await transactions.unfinishedOf(userId, ['awaiting_confirmation', 'approved'])) {
      const { state: from } = row
      await transact(async (unit) => { await recordMove(unit, row, { from, to: 'cancelled', set: { failure } }, { requestId, facts: { deletion } }) })
    }
    for (const row of await signatures.unfinishedOf(userId, ['awaiting_confirmation', 'approved'])) {
      const { state: from } = row
      await transact(async (unit) => { await recordSignature(unit, row, { from, to: 'cancelled', set: { failure } }, { requestId, facts: { deletion } }) })
    }
  }

  const acknowledge = async (account: AccountEnd): Promise<void> => {
    const { user_id: userId, deletion_id: deletion, request_id: requestId } = account
    await transact(async (unit) => {
      await audit.append({ event: 'account.deletion_done', subject: userId, requestId, facts: { deletion } }, unit.session)
      const row = await outbox.insert({ queue: accountDeletedSigner.name, jobId: accountDeletedSigner.jobId(account), payload: account, usefulUntil: { inMs: accountJobUsefulMs } }, unit.session)
      unit.afterCommit(() => { void dispatcher.dispatch(row) })
    }).catch(unlessAcknowledged)
  }

  return async (account) => {
    await revoke(account)
    await cancelWaiting(account)
    // Also what was admitted before the principal was revoked, and what got its nonce before it was cancelled.
    if ((await transactions.unfinishedOf(account.user_id)).length > 0) throw new StillInFlight('transactions of this account are on their way')
    await acknowledge(account)
  }
}

function unlessAcknowledged (error: unknown): void {
  if (!isDuplicateKey(error, 'one_row_per_job')) throw error
}
