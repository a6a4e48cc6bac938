/** Admission: validated, decided by policy, stored once per (user, idempotency key). No chain is asked, but for whether a called contract is there. */
import { createHash } from 'node:crypto'
import { Problem, problems, type TransactionRequest, type TransactionView } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Advance } from '../approvals/advance.ts'
import type { ProvedIntent, ProveIntent } from '../intents/prove-intent.ts'
import { lifeMsOf } from '../policies/requirements.ts'
import type { InLine } from '../policies/window-line.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { Transact, Unit } from '../unit.ts'
import type { Admission, AdmitTransfer } from './admit-transfer.ts'
import type { Asking } from './asking.ts'
import { confirmationText, longestText, type Token } from './confirmation-text.ts'
import { intentOf } from './intent.ts'
import type { RefuseCodeless } from './refuse-codeless.ts'
import { isUnavailable, type RequestConfirmation } from './request-confirmation.ts'
import { shortConfirmationText } from './short-text.ts'
import type { Transaction } from './transaction.ts'
import { KeyTaken } from './countersigned-repository.ts'
import type { TransactionRepository } from './transaction-repository.ts'
import { transactionView, type CallsOf } from './transaction-view.ts'
import { fingerprintOf, normaliseRequest, refuseSenseless, type NormalisedTransaction, type NormaliseRules } from './normalise-request.ts'

export interface CreateDeps {
  readonly transactions: Pick<TransactionRepository, 'findByKey' | 'insert' | 'keepFirstAnswer'>
  readonly admit: AdmitTransfer
  readonly refuseCodeless: RefuseCodeless
  readonly advance: Advance
  readonly requestConfirmation: RequestConfirmation
  readonly proveIntent: ProveIntent
  readonly audit: Pick<Audit, 'append'>
  readonly transact: Transact
  readonly inLine: InLine
  readonly rules: NormaliseRules
  readonly digestOf: (intent: ReturnType<typeof intentOf>) => string
  readonly chain: (chainId: number) => { readonly symbol: string, readonly maxFeeTotal: string, readonly tokens: readonly Token[] } | undefined
  readonly deployment: string
  readonly callsOf: CallsOf
  /** keccak-256 of bytes, hex. */
  readonly hashOf: (data: string) => string
  readonly ttlMs: number
  readonly newTransactionId: () => string
  readonly newChallengeId: () => string
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
  const { transactions, admit, transact, rules } = deps

  return async ({ idempotencyKey, transfer: given, intent }: CreateGiven, asking: Asking): Promise<Created> => {
    const transfer = normaliseRequest(given, rules)
    const fingerprint = fingerprintOf(transfer)
    const earlier = await transactions.findByKey(asking.userId, idempotencyKey)
    if (earlier !== undefined) return await replay(deps, earlier, fingerprint, asking)

    await deps.crashPoint('create.read')
    const admission = await admit({ initiator: asking.userId, walletId: transfer.walletId, chainId: transfer.chainId, call: transfer.call, ...transfer.maxFee !== undefined && { maxFeeTotal: transfer.maxFee } })
    await deps.crashPoint('create.admitted')
    if (!admission.admitted) throw await refuse(deps, admission, transfer, asking)
    refuseSenseless(transfer, admission.wallet.address, rules)
    await deps.refuseCodeless(transfer, admission.wallet.address)
    const proved = await deps.proveIntent({ jws: intent, principal: admission.principal, idempotencyKey, request: given, at: admission.held.at, requestId: asking.requestId })
    const lacking = lackOfProgram(admission, proved)
    if (lacking !== undefined) throw await refuse(deps, lacking, transfer, asking)

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

interface Admitted {
  readonly transfer: NormalisedTransaction
  readonly fingerprint: string
  readonly idempotencyKey: string
  readonly admission: Extract<Admission, { admitted: true }>
  readonly proved: ProvedIntent | undefined
}

/** The row's end is stamped by the database, and the digest needs it: inserted first, completed in the same transaction. */
async function store (deps: CreateDeps, unit: Unit, admitted: Admitted, asking: Asking): Promise<Transaction | undefined> {
  const { transfer, fingerprint, idempotencyKey, admission, proved } = admitted
  const { wallet, policy, rule, calls } = admission
  const chain = deps.chain(transfer.chainId)
  if (chain === undefined) throw new Problem(problems.notPermitted)
  const lifeMs = lifeMsOf(admission.requirements, deps.ttlMs)
  const received = await deps.transactions.insert({
    id: deps.newTransactionId(),
    initiator: asking.userId,
    idempotencyKey,
    fingerprint,
    requestId: asking.requestId,
    walletId: wallet.id,
    chainId: transfer.chainId,
    from: wallet.address,
    kind: transfer.kind,
    to: transfer.call.to,
    value: transfer.call.value.toString(),
    data: transfer.call.data,
    errors: transfer.errors,
    dataHash: deps.hashOf(transfer.call.data),
    destinations: [...new Set([transfer.call.to, ...calls.flatMap(({ to, movement }) => [to, ...movement === null ? [] : [movement.destination]])])],
    speed: transfer.speed,
    priority: transfer.priority,
    metadata: transfer.metadata,
    maxFeeTotal: feeLimit(transfer.maxFee, admission.maxFeeTotal ?? BigInt(chain.maxFeeTotal)).toString(),
    policy: { id: policy.id, version: policy.version, rule },
    confirmation: { challengeId: deps.newChallengeId(), sessionId: asking.sessionId, factorKinds: admission.factorKinds, asked: null }
  }, transfer.validUntil ?? { ttlMs: lifeMs }, unit)
  refuseEnd(received, lifeMs)

  // Two requests with one intent: the unit is lost, and its index has decided.
  if (proved !== undefined && !await proved.use(received, unit)) throw new Problem(problems.proofRejected)
  const digest = deps.digestOf(intentOf(deps.deployment, received))
  const action = {
    txId: received.id,
    initiator: received.initiator,
    walletName: wallet.name,
    from: received.from,
    kind: received.kind,
    calls,
    methods: transfer.methods,
    chainId: received.chainId,
    symbol: chain.symbol,
    tokens: chain.tokens,
    maxFeeTotal: BigInt(received.maxFeeTotal),
    validUntil: received.validUntil,
    hashOf: deps.hashOf
  }
  const [text, shortText] = [confirmationText(action), shortConfirmationText(action) ?? null]
  if (text.length > longestText) throw fault('body/calls', 'would be too long a text to be confirmed by anybody: make more and smaller batches')
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

/** A program has no factors: what it cannot prove by its own signature, nobody ever proves. @returns why it is refused, or undefined. */
export function lackOfProgram ({ principal, requirements: { proof }, policy, rule }: Extract<Admission, { admitted: true }>, proved: ProvedIntent | undefined): Refusal | undefined {
  if (principal.kind !== 'service' || proof === undefined) return undefined
  const refusal = (reason: string, detail: string): Refusal => ({ admitted: false, reason, detail, policy: { version: policy.version, rule } })
  if (!proof.programs) return refusal('wants_factors', 'A rule that has a say here names the kinds of factors that confirm, and a program has none.')
  return proved === undefined ? refusal('no_intent', 'This program must sign its request: what it may do without a proof is over.') : undefined
}

const goesAtOnce = ({ requirements: { proof, approvals, delaySeconds } }: Admitted['admission'], proved: ProvedIntent | undefined): boolean =>
  (proof === undefined || proved !== undefined) && approvals.length === 0 && delaySeconds === 0

/** What may go at once takes its room in the windows with it, so that it is decided from what this very unit sees. */
async function inThisUnit ({ admit }: CreateDeps, unit: Unit, { transfer, admission, proved }: Admitted, { initiator, maxFeeTotal }: Transaction): Promise<Admitted['admission']> {
  if (!goesAtOnce(admission, proved)) return admission
  const again = await admit({ initiator, walletId: transfer.walletId, chainId: transfer.chainId, call: transfer.call, maxFeeTotal: BigInt(maxFeeTotal) }, unit)
  if (!again.admitted) throw new RefusedMeanwhile(again)
  return again
}

const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })

/** @throws Problem schemaViolation when more was asked for than the rule, or else the chain, allows. */
function feeLimit (asked: bigint | undefined, most: bigint): bigint {
  if (asked !== undefined && asked > most) throw fault('body/max_fee', `must not be more than ${most}`)
  return asked ?? most
}

/** By the database's clock, which stamped the row. @throws Problem schemaViolation */
function refuseEnd ({ createdAt, validUntil }: Transaction, longestMs: number): void {
  const lifeMs = validUntil.getTime() - createdAt.getTime()
  if (!(lifeMs > 0)) throw fault('body/valid_until', 'is over')
  if (lifeMs > longestMs) throw fault('body/valid_until', `is later than its rule allows: ${Math.floor(longestMs / 1_000)} seconds from now`)
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
    const kept = await deps.transactions.keepFirstAnswer(transaction.id, JSON.stringify(transactionView(asked, [], deps.callsOf(asked))))
    await deps.crashPoint('create.answered')
    return JSON.parse(kept) as TransactionView
  } catch (error) {
    // The row stays: a repeat of the key, a confirm or a request for a new code asks again.
    if (isUnavailable(error)) return transactionView(transaction, [], deps.callsOf(transaction))
    throw error
  }
}
