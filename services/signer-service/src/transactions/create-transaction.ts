/** Admission: validated, decided by policy, stored once per (user, idempotency key). No chain is asked. */
import { createHash } from 'node:crypto'
import { Problem, problems, type TransactionView, type TransferRequest } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Advance } from '../approvals/advance.ts'
import type { ProvedIntent, ProveIntent } from '../intents/prove-intent.ts'
import { lifeMsOf } from '../policies/requirements.ts'
import type { InLine } from '../policies/window-line.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { Transact, Unit } from '../unit.ts'
import type { Admission, AdmitTransfer } from './admit-transfer.ts'
import type { Asking } from './asking.ts'
import { confirmationText } from './confirmation-text.ts'
import { intentOf } from './intent.ts'
import { isUnavailable, type RequestConfirmation } from './request-confirmation.ts'
import { shortConfirmationText } from './short-text.ts'
import type { Transaction } from './transaction.ts'
import { KeyTaken, type TransactionRepository } from './transaction-repository.ts'
import { transactionView } from './transaction-view.ts'
import { fingerprintOf, normaliseTransfer, refuseSelfTransfer, type AddressRules, type NormalisedTransfer } from './transfer-rules.ts'

export interface CreateDeps {
  readonly transactions: Pick<TransactionRepository, 'findByKey' | 'insert' | 'keepFirstAnswer'>
  readonly admit: AdmitTransfer
  readonly advance: Advance
  readonly requestConfirmation: RequestConfirmation
  readonly proveIntent: ProveIntent
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly inLine: InLine
  readonly addresses: AddressRules
  readonly digestOf: (intent: ReturnType<typeof intentOf>) => string
  readonly chain: (chainId: number) => { readonly symbol: string, readonly maxFeeTotal: string } | undefined
  readonly deployment: string
  readonly noDataHash: string
  readonly ttlMs: number
  readonly newTransactionId: () => string
  readonly newChallengeId: () => string
  readonly crashPoint: CrashPoint
}

export interface CreateGiven {
  readonly idempotencyKey: string
  readonly transfer: TransferRequest
  /** Of a program: its own signature of just this. */
  readonly intent: string | undefined
}
export interface Created { readonly transaction: TransactionView, readonly replayed: boolean }

export const createCreateTransaction = (deps: CreateDeps) => {
  const { transactions, admit, transact, addresses } = deps

  return async ({ idempotencyKey, transfer: given, intent }: CreateGiven, asking: Asking): Promise<Created> => {
    const transfer = normaliseTransfer(given, addresses)
    const fingerprint = fingerprintOf(transfer)
    const earlier = await transactions.findByKey(asking.userId, idempotencyKey)
    if (earlier !== undefined) return await replay(deps, earlier, fingerprint, asking)

    await deps.crashPoint('create.read')
    const admission = await admit({ initiator: asking.userId, ...transfer })
    await deps.crashPoint('create.admitted')
    if (!admission.admitted) throw await refuse(deps, admission, transfer, asking)
    refuseSelfTransfer(transfer.to, admission.wallet.address)
    const proved = await deps.proveIntent({ jws: intent, principal: admission.principal, idempotencyKey, request: given, at: admission.held.at, requestId: asking.requestId })
    if (proved === undefined && admission.principal.kind === 'service' && admission.requirements.proof !== undefined) {
      throw await refuse(deps, { admitted: false, reason: 'no_intent', detail: 'This program must sign its request: what it may do without a proof is over.', policy: { version: admission.policy.version, rule: admission.rule } }, transfer, asking)
    }

    const storing = async (unit: Unit) => {
      const row = await store(deps, unit, { transfer, fingerprint, idempotencyKey, admission, proved }, asking)
      await deps.crashPoint('create.storing')
      return row
    }
    const stored = await (goesAtOnce(admission, proved) ? deps.inLine(transfer.walletId, storing) : transact(storing)).catch(orUndefinedWhenTaken)
    if (stored !== undefined && 'admitted' in stored) throw await refuse(deps, stored, transfer, asking)
    if (stored === undefined) {
      // The same key raced this one and was first: the unique index decided.
      const winner = await transactions.findByKey(asking.userId, idempotencyKey)
      if (winner === undefined) throw new Problem(problems.unavailable, { retry_after: 1 })
      return await replay(deps, winner, fingerprint, asking)
    }
    await deps.crashPoint('create.stored')
    return { transaction: await answer(deps, stored, asking), replayed: false }
  }
}

/** Its room in a window went to another one since the first look: nothing was stored. */
class RefusedMeanwhile extends Error {
  readonly refusal: Refusal
  constructor (refusal: Refusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
}

const orUndefinedWhenTaken = (error: unknown): Refusal | undefined => {
  if (error instanceof RefusedMeanwhile) return error.refusal
  if (!(error instanceof KeyTaken)) throw error
  return undefined
}

type Refusal = Extract<Admission, { admitted: false }>

async function refuse ({ audit }: CreateDeps, { reason, detail, policy }: Refusal, transfer: NormalisedTransfer, { userId, requestId }: Asking): Promise<Problem> {
  await audit.append({
    event: 'transaction.refused',
    subject: userId,
    actor: userId,
    requestId,
    facts: { reason, wallet: transfer.walletId, chain: transfer.chainId, fingerprint: fingerprintOf(transfer), ...policy !== undefined && { policy_version: policy.version, rule: policy.rule } }
  })
  return new Problem(policy === undefined ? problems.notPermitted : problems.policyDenied, { detail })
}

interface Admitted {
  readonly transfer: NormalisedTransfer
  readonly fingerprint: string
  readonly idempotencyKey: string
  readonly admission: Extract<Admission, { admitted: true }>
  readonly proved: ProvedIntent | undefined
}

/** The row's end is stamped by the database, and the digest needs it: inserted first, completed in the same transaction. */
async function store (deps: CreateDeps, unit: Unit, admitted: Admitted, asking: Asking): Promise<Transaction | undefined> {
  const { transfer, fingerprint, idempotencyKey, admission, proved } = admitted
  const { wallet, policy, rule } = admission
  const chain = deps.chain(transfer.chainId)
  if (chain === undefined) throw new Problem(problems.notPermitted)
  const received = await deps.transactions.insert({
    id: deps.newTransactionId(),
    initiator: asking.userId,
    idempotencyKey,
    fingerprint,
    requestId: asking.requestId,
    walletId: wallet.id,
    chainId: transfer.chainId,
    from: wallet.address,
    to: transfer.to,
    value: transfer.value.toString(),
    dataHash: deps.noDataHash,
    maxFeeTotal: (admission.maxFeeTotal ?? BigInt(chain.maxFeeTotal)).toString(),
    policy: { id: policy.id, version: policy.version, rule },
    confirmation: { challengeId: deps.newChallengeId(), sessionId: asking.sessionId, factorKinds: admission.factorKinds, asked: null }
  }, lifeMsOf(admission.requirements, deps.ttlMs), unit)

  // Two requests with one intent: the unit is lost, and its index has decided.
  if (proved !== undefined && !await proved.use(received, unit)) throw new Problem(problems.proofRejected)
  const digest = deps.digestOf(intentOf(deps.deployment, received))
  const action = {
    txId: received.id,
    initiator: received.initiator,
    walletName: wallet.name,
    from: received.from,
    to: received.to,
    value: transfer.value,
    chainId: received.chainId,
    symbol: chain.symbol,
    maxFeeTotal: BigInt(received.maxFeeTotal),
    validUntil: received.validUntil
  }
  const [text, shortText] = [confirmationText(action), shortConfirmationText(action) ?? null]
  return await deps.advance(unit, received, await inThisUnit(deps, unit, admitted, received), {
    from: 'received',
    set: { digest, text, shortText },
    ...proved !== undefined && { proof: proved.proof },
    record: {
      actor: received.initiator,
      facts: { ...proved?.facts, digest, text_sha256: createHash('sha256').update(text, 'utf8').digest('hex'), challenge: received.confirmation.challengeId, wallet: wallet.id }
    }
  })
}

const goesAtOnce = ({ requirements: { proof, approvals, delaySeconds } }: Admitted['admission'], proved: ProvedIntent | undefined): boolean =>
  (proof === undefined || proved !== undefined) && approvals.length === 0 && delaySeconds === 0

/** What may go at once takes its room in the windows with it, so that it is decided from what this very unit sees. */
async function inThisUnit ({ admit }: CreateDeps, unit: Unit, { transfer, admission, proved }: Admitted, { initiator, maxFeeTotal }: Transaction): Promise<Admitted['admission']> {
  if (!goesAtOnce(admission, proved)) return admission
  const again = await admit({ initiator, ...transfer, maxFeeTotal: BigInt(maxFeeTotal) }, unit)
  if (!again.admitted) throw new RefusedMeanwhile(again)
  return again
}

async function replay (deps: CreateDeps, earlier: Transaction, fingerprint: string, asking: Asking): Promise<Created> {
  if (earlier.fingerprint !== fingerprint) throw new Problem(problems.idempotencyConflict)
  return { transaction: await answer(deps, earlier, asking), replayed: true }
}

/** Asks for the confirmation when that has not been done, and keeps what is answered first for every repeat of the key. */
async function answer (deps: CreateDeps, transaction: Transaction, asking: Asking): Promise<TransactionView> {
  if (transaction.firstAnswer !== null) return JSON.parse(transaction.firstAnswer) as TransactionView
  try {
    const asked = await deps.requestConfirmation(transaction, asking)
    await deps.crashPoint('create.challenged')
    const kept = await deps.transactions.keepFirstAnswer(transaction.id, JSON.stringify(transactionView(asked, [])))
    await deps.crashPoint('create.answered')
    return JSON.parse(kept) as TransactionView
  } catch (error) {
    // The row stays: a repeat of the key, a confirm or a request for a new code asks again.
    if (isUnavailable(error)) return transactionView(transaction, [])
    throw error
  }
}
