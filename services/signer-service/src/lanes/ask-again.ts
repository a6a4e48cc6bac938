/**
 * The decision, once more, in the transaction that gives a nonce: what was allowed when it was confirmed may be frozen by now, or may want
 * a proof, an approval, a delay or a window that nobody asked about then.
 */
import type { AuditFact } from '@countersign/mongo'
import type { FindApprovers } from '../approvals/find-approvers.ts'
import { missingOf } from '../approvals/missing.ts'
import type { RenewRoom } from '../policies/renew-room.ts'
import type { Principal } from '../principals/principal.ts'
import type { Admission } from '../transactions/admit-transfer.ts'
import type { Countersigned, Failure, MovingTransaction } from '../transactions/transaction.ts'
import type { Unit } from '../unit.ts'

export interface Refusal { readonly failure: Failure, readonly facts: Readonly<Record<string, AuditFact>> }

/** What is asked about again, whatever kind it is. */
export type Approved = Pick<Countersigned, 'id' | 'walletId' | 'proof' | 'createdAt' | 'reservation'>

export interface AskAgainDeps<Row> {
  /** With the room that it holds. */
  readonly admitApproved: (row: Row, unit: Unit) => Promise<Admission>
  readonly findApprovers: FindApprovers
  readonly renewRoom: RenewRoom
}

/** `waits`: its windows have no room at this moment. */
export type Answer = 'goes' | 'waits' | Refusal
/** In the order of the rows. */
export type AskAgain<Row = MovingTransaction> = (unit: Unit, rows: readonly Row[]) => Promise<readonly Answer[]>

export const createAskAgain = <Row extends Approved>({ admitApproved, findApprovers, renewRoom }: AskAgainDeps<Row>): AskAgain<Row> => async (unit, rows) => {
  const asked: { readonly row: Row, readonly admission: Admission }[] = []
  for (const row of rows) asked.push({ row, admission: await admitApproved(row, unit) })
  const approvers = await findApprovers(unit, asked.flatMap(({ row, admission }) => admission.admitted && admission.requirements.approvals.length > 0 ? [row] : []))
  const refusals = new Map(asked.map(({ row, admission }) => [row.id, refusalOf(row, admission, approvers.get(row.id) ?? [])]))
  const going = asked.flatMap(({ row, admission }) => admission.admitted && refusals.get(row.id) === undefined ? [{ row, wanted: admission.reservations, at: admission.held.at }] : [])
  const waiting = going[0] === undefined ? new Set() : await renewRoom(unit, going[0].at, going)
  return rows.map(({ id }) => refusals.get(id) ?? (waiting.has(id) ? 'waits' : 'goes'))
}

function refusalOf ({ proof, createdAt }: Approved, admission: Admission, approvers: readonly Principal[]): Refusal | undefined {
  if (!admission.admitted) {
    return refusal(admission.detail, { reason: admission.reason, policy_version: admission.policy?.version ?? 0, rule: admission.policy?.rule ?? 'default' })
  }
  const { requirements, principal, held, policy, rule, rules } = admission
  const missing = missingOf(requirements, { proof, approvers, initiator: principal, waitedMs: held.at.getTime() - createdAt.getTime() })
  if (missing.length === 0) return undefined
  return refusal(`What allows it, with ${quoted(rules)}, wants more by now than it was approved with: ${missing.join(', ')}.`, { reason: 'missing', missing, policy_version: policy.version, rule })
}

const refusal = (detail: string, facts: Refusal['facts']): Refusal => ({ failure: { code: 'policy_denied', detail }, facts })
const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(' and ')
