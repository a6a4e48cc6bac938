/**
 * A principal's word on a transaction: an EIP-712 signature of its own wallet. Whose it is, the signature says, and no session; it is kept
 * with the digest that was signed. An approval may be the last thing missing, a rejection ends the transaction: what was approved meanwhile is
 * cancelled.
 */
import { Problem, problems, type ApprovalsView, type SignableData } from '@countersign/contracts'
import type { NoteRefused } from '../audit/note-refused.ts'
import type { InLine } from '../policies/window-line.ts'
import type { LearnAccounts } from '../principals/learn-accounts.ts'
import { samePerson, type Principal } from '../principals/principal.ts'
import type { PrincipalRepository } from '../principals/principal-repository.ts'
import type { AdmitRow } from '../transactions/admit-transfer.ts'
import type { ExpireTransaction } from '../transactions/expire-transactions.ts'
import type { RecordOne } from '../transactions/record-move.ts'
import type { Stopping } from '../transactions/stop-transaction.ts'
import { isInFlight, type Countersigned, type Transaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import type { Advance } from './advance.ts'
import type { ApprovalRepository } from './approval-repository.ts'
import { createViewApprovals, dataToSign, type ReadApprovalsDeps } from './read-approvals.ts'

export interface GiveApprovalDeps<Row extends Countersigned = Transaction> extends Omit<ReadApprovalsDeps<Row>, 'principals' | 'approvals'> {
  readonly principals: Pick<PrincipalRepository, 'find' | 'ofKey'>
  readonly approvals: ApprovalRepository
  readonly signerOf: (data: SignableData, signature: string) => Promise<{ readonly digest: string, readonly key: string } | undefined>
  readonly admitRow: AdmitRow<Row>
  readonly advance: Advance<Row>
  readonly recordMove: RecordOne<Row>
  /** Undefined: it is too late. */
  readonly stop: (unit: Unit, row: Row, stopping: Stopping) => Promise<Row | undefined>
  readonly expire: ExpireTransaction
  readonly learnAccounts: LearnAccounts
  readonly noteRefused: NoteRefused
  readonly inLine: InLine
}

export interface ApprovalGiven { readonly id: string, readonly decision: 'approve' | 'reject', readonly signature: string }

interface Signed extends ApprovalGiven { readonly key: string, readonly digest: string, readonly userId: string, readonly requestId: string }

/** This principal has said so before. Thrown inside the unit, which the database has aborted. */
class SaidBefore extends Error {}

/** @throws Problem proofRejected, notPermitted, notFound, stateConflict */
export const createGiveApproval = <Row extends Countersigned>(deps: GiveApprovalDeps<Row>) => {
  const view = createViewApprovals(deps)
  const { transactions, inLine, noteRefused } = deps

  return async (given: ApprovalGiven, { userId, requestId }: { readonly userId: string, readonly requestId: string }): Promise<ApprovalsView> => {
    const row = await transactions.find(given.id)
    if (row === undefined) throw new Problem(problems.notFound)
    const signed = await deps.signerOf(dataToSign(deps, row, given.decision), given.signature)
    try {
      if (signed === undefined) throw new Problem(problems.proofRejected)
      if (await deps.expire(row)) throw over()
      await deps.learnAccounts([row.initiator, ...(await deps.principals.ofKey(signed.key)).map(({ id }) => id)], requestId)
      await inLine(row.walletId, async (unit) => { await give(deps, unit, { ...given, ...signed, userId, requestId }) })
    } catch (error) {
      if (error instanceof Problem) {
        await noteRefused({
          event: 'approval.refused', source: 'auth-gateway', reason: error.kind.slug, subject: row.id, walletId: row.walletId, requestId,
          facts: { claimed_user: userId, decision: given.decision, ...signed !== undefined && { key: signed.key } }
        })
      }
      if (!(error instanceof SaidBefore)) throw error
    }
    return await view(await transactions.find(given.id) ?? row)
  }
}

async function give<Row extends Countersigned> (deps: GiveApprovalDeps<Row>, unit: Unit, { id, decision, signature, key, digest, userId, requestId }: Signed): Promise<void> {
  const row = await deps.transactions.find(id, unit)
  if (row === undefined) throw new Problem(problems.notFound)
  const principal = await approverOf(deps, unit, row, key, userId)
  if ((await deps.approvals.ofTransaction(id, unit)).some((one) => one.principalId === principal.id && one.decision === decision)) throw new SaidBefore()
  const underWay = row.state === 'approved' || isInFlight(row)
  if (row.state !== 'awaiting_confirmation' && !(underWay && decision === 'reject')) throw over()
  const admission = await deps.admitRow(row, unit)
  if (admission.admitted && !admission.requirements.approvals.some(({ of }) => of.includes(principal.id))) {
    throw new Problem(problems.notPermitted, { detail: 'No rule that has a say here names this principal among its approvers.' })
  }
  if (!await deps.approvals.add({ txId: id, principalId: principal.id, decision, key, digest, signature }, unit)) throw new SaidBefore()

  const record = { requestId, actor: principal.id, facts: { approver: principal.id, key, approval_digest: digest } }
  if (underWay) {
    if (await deps.stop(unit, row, { by: principal.id, requestId, facts: record.facts }) === undefined) throw over()
    return
  }
  const moved = decision === 'approve' && admission.admitted
    ? await deps.advance(unit, row, admission, { from: 'awaiting_confirmation', event: 'approval_given', record })
    : await deps.recordMove(unit, row, { from: 'awaiting_confirmation', when: 'valid', to: 'rejected', set: { failure: admission.admitted || decision === 'reject' ? rejected : { code: 'policy_denied', detail: admission.detail } } }, record)
  if (moved === undefined) throw over()
}

const rejected = { code: 'rejected_by_approver', detail: 'An approver rejected it.' }
const over = (): Problem => new Problem(problems.stateConflict, { detail: 'The transaction does not wait for an approval any more.' })

/** Compared as persons: neither the initiator itself, nor whoever has a key or a factor in common with it. */
async function approverOf ({ principals }: Pick<GiveApprovalDeps, 'principals'>, unit: Unit, { initiator, walletId }: Countersigned, key: string, userId: string): Promise<Principal> {
  const holders = await principals.ofKey(key, unit)
  const able = holders.filter(({ may, wallets }) => may.includes('approve') && wallets.includes(walletId))
  const principal = able.find(({ id }) => id === userId) ?? able[0]
  if (principal === undefined) throw new Problem(problems.notPermitted, { detail: 'The signature is of no key that may approve for this wallet. An operator grants it with: countersign principals grant --may approve.' })
  const asker = await principals.find(initiator, unit)
  if (asker === undefined || holders.some((one) => samePerson(one, asker))) throw new Problem(problems.notPermitted, { detail: 'Whoever asked for a transaction never approves it, by whatever key.' })
  return principal
}
