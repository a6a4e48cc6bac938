/** Admission: validated, decided by policy, stored once per (user, idempotency key). No chain is asked, but for whether a called contract is there. */
import { Problem, problems, type TransactionRequest, type TransactionView } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { ProveIntent } from '../intents/prove-intent.ts'
import type { InLine } from '../policies/window-line.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { Transact, Unit } from '../unit.ts'
import type { AdmitTransfer } from './admit-transfer.ts'
import type { Asking } from './asking.ts'
import type { AnswerFirst } from './first-answer.ts'
import type { RefuseCodeless } from './refuse-codeless.ts'
import { goesAtOnce, lackOfProgram, onlyWaits, RefusedMeanwhile, type Admitted, type Refusal } from './store-transaction.ts'
import type { Transaction } from './transaction.ts'
import { KeyTaken } from './countersigned-repository.ts'
import type { TransactionRepository } from './transaction-repository.ts'
import { fingerprintOf, normaliseRequest, refuseSenseless, type NormalisedTransaction, type NormaliseRules } from './normalise-request.ts'

export interface CreateDeps {
  readonly transactions: Pick<TransactionRepository, 'findByKey'>
  readonly admit: AdmitTransfer
  readonly refuseCodeless: RefuseCodeless
  readonly store: (unit: Unit, admitted: Admitted) => Promise<Transaction | undefined>
  /** For what only waits: stored in a unit that others may share. */
  readonly storeWaiting: (admitted: Admitted) => Promise<Transaction>
  readonly proveIntent: ProveIntent
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly inLine: InLine
  readonly rules: NormaliseRules
  readonly answerFirst: AnswerFirst<Transaction, TransactionView>
  readonly crashPoint: CrashPoint
}

export interface CreateGiven {
  readonly idempotencyKey: string
  readonly transfer: TransactionRequest
  /** Of a program: its own signature of just this. */
  readonly intent: string | undefined
}
export interface Created { readonly transaction: TransactionView, readonly replayed: boolean }

export const createCreateTransaction = (deps: CreateDeps) => {
  const { transactions, admit, rules } = deps

  return async ({ idempotencyKey, transfer: given, intent }: CreateGiven, asking: Asking): Promise<Created> => {
    const transfer = normaliseRequest(given, rules)
    const fingerprint = fingerprintOf(transfer)
    const [earlier, admission] = await Promise.all([
      transactions.findByKey(asking.userId, idempotencyKey),
      admit({ initiator: asking.userId, walletId: transfer.walletId, chainId: transfer.chainId, call: transfer.call, ...transfer.maxFee !== undefined && { maxFeeTotal: transfer.maxFee } })
    ])
    await deps.crashPoint('create.read')
    if (earlier !== undefined) return await replay(deps, earlier, fingerprint, asking)
    await deps.crashPoint('create.admitted')
    if (!admission.admitted) throw await refuse(deps, admission, transfer, asking)
    refuseSenseless(transfer, admission.wallet.address, rules)
    await deps.refuseCodeless(transfer, admission.calls)
    const proved = await deps.proveIntent({ jws: intent, principal: admission.principal, idempotencyKey, request: given, at: admission.held.at, requestId: asking.requestId })
    const lacking = lackOfProgram(admission, proved)
    if (lacking !== undefined) throw await refuse(deps, lacking, transfer, asking)

    const stored = await store(deps, { transfer, fingerprint, idempotencyKey, admission, proved, asking }).catch(orUndefinedWhenTaken)
    if (stored !== undefined && 'admitted' in stored) throw await refuse(deps, stored, transfer, asking)
    if (stored === undefined) {
      // The same key raced this one and was first: the unique index decided.
      const winner = await transactions.findByKey(asking.userId, idempotencyKey)
      if (winner === undefined) throw new Problem(problems.unavailable, { retry_after: 1 })
      return await replay(deps, winner, fingerprint, asking)
    }
    await deps.crashPoint('create.stored')
    return { transaction: await deps.answerFirst(stored, asking, { principal: admission.principal }), replayed: false }
  }
}

async function store (deps: CreateDeps, admitted: Admitted): Promise<Transaction | undefined> {
  if (onlyWaits(admitted)) return await deps.storeWaiting(admitted)
  const storing = async (unit: Unit): Promise<Transaction | undefined> => await deps.store(unit, admitted)
  return await (goesAtOnce(admitted) ? deps.inLine(admitted.transfer.walletId, storing) : deps.transact(storing))
}

const orUndefinedWhenTaken = (error: unknown): Refusal | undefined => {
  if (error instanceof RefusedMeanwhile) return error.refusal
  if (!(error instanceof KeyTaken)) throw error
  return undefined
}

async function refuse ({ audit }: CreateDeps, { reason, detail, policy }: Refusal, transfer: NormalisedTransaction, { userId, requestId }: Asking): Promise<Problem> {
  await audit.append({
    event: 'transaction.refused',
    subject: userId,
    actor: userId,
    requestId,
    facts: { reason, wallet: transfer.walletId, chain: transfer.chainId, fingerprint: fingerprintOf(transfer), ...policy !== undefined && { policy_version: policy.version, rule: policy.rule } }
  })
  return new Problem(policy === undefined ? problems.notPermitted : problems.policyDenied, { detail })
}

async function replay (deps: CreateDeps, earlier: Transaction, fingerprint: string, asking: Asking): Promise<Created> {
  if (earlier.fingerprint !== fingerprint) throw new Problem(problems.idempotencyConflict)
  return { transaction: await deps.answerFirst(earlier, asking), replayed: true }
}
