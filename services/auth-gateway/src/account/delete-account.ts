import { accountDeleteOtp, accountDeleteSigner, accountJobUsefulMs, Problem, problems, type MailContent, type PayloadOf } from '@countersign/contracts'
import type { Audit, Outbox, OutboxRow } from '@countersign/mongo'
import type { ClientSession } from 'mongodb'
import type { Revocations } from '../sessions/revoke-sessions.ts'
import type { SessionStates } from '../sessions/session-state.ts'
import type { Asker, StillOpen } from '../sign-in/link-wallet.ts'
import type { DeletionRepository } from './deletion-repository.ts'
import type { ProveWipe, WipeProof } from './prove-wipe.ts'

export interface DeleteDeps {
  readonly deletions: Pick<DeletionRepository, 'begin' | 'isLastAdmin'>
  readonly proveWipe: ProveWipe
  readonly stillOpen: StillOpen
  /** All of a user's, when no login is named. */
  readonly revokeKeys: (userId: string, madeBy: undefined, transaction: ClientSession) => Promise<void>
  readonly revocations: Pick<Revocations, 'begin' | 'finish'>
  readonly states: Pick<SessionStates, 'forget'>
  readonly outbox: Pick<Outbox, 'insert'>
  readonly writeMail: (mail: MailContent, requestId: string, transaction: ClientSession) => Promise<OutboxRow>
  readonly dispatch: (row: OutboxRow) => Promise<void>
  readonly audit: Audit
  readonly inTransaction: <T>(work: (transaction: ClientSession) => Promise<T>) => Promise<T>
  readonly now: () => Date
  readonly newId: () => string
}

export interface DeletionRequest {
  readonly username: string
  /** What the user typed to show that they mean it. */
  readonly confirm: string
  readonly proof?: WipeProof
}

export type DeleteAccount = (request: DeletionRequest, asker: Asker) => Promise<void>

const lastAdmin = (): Problem => new Problem(problems.stateConflict, { detail: 'The last administrator stays: make another one first.' })

/**
 * From the commit on the account is invisible: nobody signs in, its sessions and keys are dead, and the outbox tells the other services for
 * as long as it takes. What the gateway holds goes when they have all acknowledged.
 * @throws Problem schemaViolation, factorProofRequired, codeRejected, factorLocked, stateConflict, unauthorized
 */
export const createDeleteAccount = ({ deletions, proveWipe, stillOpen, revokeKeys, revocations, states, outbox, writeMail, dispatch, audit, inTransaction, now, newId }: DeleteDeps): DeleteAccount => {
  return async ({ username, confirm, proof }, asker) => {
    if (confirm !== username) throw new Problem(problems.schemaViolation, { faults: [{ path: 'body/confirm', message: 'is not the username of this account' }] })
    const { userId, sessionId, requestId } = asker
    // Before a code is spent on it; the transaction decides.
    if (await deletions.isLastAdmin(userId)) throw lastAdmin()
    const receipt = await proveWipe(asker, proof)

    const id = newId()
    const revocation = { userId, reason: 'account_deleted', requestId }
    const { epoch, rows } = await inTransaction(async (transaction) => {
      if (!await stillOpen(sessionId, transaction)) throw new Problem(problems.unauthorized)
      const before = await deletions.begin(userId, id, transaction)
      if (before === undefined) throw new Problem(problems.unauthorized)
      if (before === 'last admin') throw lastAdmin()
      await revokeKeys(userId, undefined, transaction)
      await audit.append({ event: 'user.deletion_begun', subject: userId, actor: userId, requestId, facts: { deletion: id, receipt } }, transaction)
      return {
        epoch: await revocations.begin(revocation, transaction),
        rows: [...await askServices({ deletion_id: id, user_id: userId, request_id: requestId }, transaction), ...await tell(before.email, requestId, transaction)]
      }
    })
    if (epoch !== undefined) await revocations.finish(revocation, epoch)
    await states.forget(userId)
    await Promise.all(rows.map(dispatch))
  }

  async function askServices (payload: PayloadOf<typeof accountDeleteOtp>, transaction: ClientSession): Promise<OutboxRow[]> {
    const rows: OutboxRow[] = []
    for (const { name, jobId } of [accountDeleteOtp, accountDeleteSigner]) {
      rows.push(await outbox.insert({ queue: name, jobId: jobId(payload), payload, usefulUntil: { inMs: accountJobUsefulMs } }, transaction))
    }
    return rows
  }

  async function tell (email: string | null, requestId: string, transaction: ClientSession): Promise<OutboxRow[]> {
    return email === null ? [] : [await writeMail({ template: 'account_deleting', to: email, parameters: { at: now().toISOString() } }, requestId, transaction)]
  }
}
