/**
 * Moves a transaction on when nothing is missing any more. The decision that is given was made in the same Mongo transaction, and the room
 * in its windows is reserved there: approved, reserved and recorded is one thing, or nothing.
 */
import type { Audit } from '@countersign/mongo'
import type { KeptRequirements, Requirements } from '../policies/requirements.ts'
import type { Principal } from '../principals/principal.ts'
import type { WindowRepository } from '../policies/window-repository.ts'
import type { Admission } from '../transactions/admit-transfer.ts'
import type { CountersignedRepository, MoveFields } from '../transactions/countersigned-repository.ts'
import type { MoveEntry, MoveRecord, Noun, RecordOne } from '../transactions/record-move.ts'
import type { Countersigned, Transaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'
import type { FindApprovers } from './find-approvers.ts'
import { missingOf, type GivenProof } from './missing.ts'

export interface AdvanceDeps<Row extends Countersigned> {
  readonly noun: Noun
  readonly findApprovers: FindApprovers
  readonly windows: Pick<WindowRepository, 'reserve'>
  readonly transactions: Pick<CountersignedRepository<Row>, 'keepWaiting'>
  readonly audit: Pick<Audit, 'append'>
  readonly recordMove: RecordOne<Row>
  /** It was approved. */
  readonly nudge: (row: Pick<Countersigned, 'chainId' | 'walletId'>) => void
}

export interface Step {
  readonly from: 'received' | 'awaiting_confirmation'
  /** Only while this challenge is the outstanding one. */
  readonly guard?: { readonly challengeId: string }
  readonly set?: MoveFields
  /** Given by this step. */
  readonly proof?: GivenProof
  /** Of a step after which it waits on. */
  readonly event?: 'proved' | 'approval_given'
  readonly record?: Omit<MoveRecord, 'event'>
}

type Admitted = Extract<Admission, { admitted: true }>

/** @returns the row, approved or waiting; undefined when it is over, or was moved by somebody else. */
export type Advance<Row extends Countersigned = Transaction> = (unit: Unit, row: Row, admission: Admitted, step: Step) => Promise<Row | undefined>

export const createAdvance = <Row extends Countersigned>({ noun, findApprovers, windows, transactions, audit, recordMove, nudge }: AdvanceDeps<Row>): Advance<Row> => async (unit, row, admission, step) => {
  const { requirements, held, reservations } = admission
  // Nobody has approved what was only just made.
  const approvers = step.from === 'received' || requirements.approvals.length === 0 ? [] : (await findApprovers(unit, [row])).get(row.id) ?? []
  const { proof, missing, notBefore, facts } = look(row, admission, step, approvers)
  if (missing.length > 0 && step.from === 'received') {
    const { transaction, move, record } = firstWait(row, admission, step)
    return await recordMove(unit, transaction, move, record)
  }
  if (missing.length > 0) {
    const waiting = await transactions.keepWaiting(row.id, { proof, missing, requirements: kept(requirements), notBefore }, step.guard?.challengeId, unit)
    if (waiting !== undefined) {
      await audit.append({ event: `${noun}.${step.event ?? 'waiting'}`, subject: row.id, walletId: row.walletId, requestId: row.requestId, ...step.record, facts: { ...facts, missing } }, unit.session)
    }
    return waiting
  }
  const entries = await windows.reserve(reservations, held, unit)
  const approved = await recordMove(unit, row, {
    ...step.guard, from: step.from, when: 'valid', to: 'approved',
    set: { ...step.set, proof, missing, requirements: kept(requirements), notBefore: null, ...proof !== null && { receiptId: proof.receiptId }, reservation: entries.length === 0 ? null : { state: 'held', entries } }
  }, { ...step.record, facts: { ...facts, ...entries.length > 0 && { windows: entries.map(({ key }) => key) } } })
  if (approved !== undefined) unit.afterCommit(() => { nudge({ chainId: row.chainId, walletId: row.walletId }) })
  return approved
}

/** The first move of a transaction that was only just made and waits for something. */
export function firstWait (row: Countersigned, admission: Admitted, step: Step): MoveEntry {
  const { proof, missing, notBefore, facts } = look(row, admission, step, [])
  return {
    transaction: row,
    move: { from: 'received', to: 'awaiting_confirmation', set: { ...step.set, proof, missing, requirements: kept(admission.requirements), notBefore } },
    record: { ...step.record, facts: { ...facts, missing } }
  }
}

function look (row: Countersigned, { requirements, held, principal, policy, rule }: Admitted, step: Step, approvers: readonly Principal[]) {
  const proof = step.proof ?? row.proof
  return {
    proof,
    missing: missingOf(requirements, { proof, approvers, initiator: principal, waitedMs: held.at.getTime() - row.createdAt.getTime() }),
    notBefore: requirements.delaySeconds === 0 ? null : new Date(row.createdAt.getTime() + requirements.delaySeconds * 1_000),
    facts: { ...step.record?.facts, policy_version: policy.version, rule }
  }
}

const kept = ({ proof, approvals, delaySeconds }: Requirements): KeptRequirements => ({ proof: proof ?? null, approvals, delaySeconds })
