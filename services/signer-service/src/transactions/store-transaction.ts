/**
 * Puts admitted transactions into the database. One that may go at once, or was proved already, is inserted first, since its end is stamped there and
 * the digest needs it, and completed in the same unit. One that only waits is made whole from the database's time that it was judged at, and inserted.
 */
import { createHash } from 'node:crypto'
import { Problem, problems } from '@countersign/contracts'
import { firstWait, type Advance, type Step } from '../approvals/advance.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { ProvedIntent } from '../intents/prove-intent.ts'
import { lifeMsOf } from '../policies/requirements.ts'
import type { Unit } from '../unit.ts'
import type { Admission, AdmitTransfer } from './admit-transfer.ts'
import type { Asking } from './asking.ts'
import { confirmationText, longestText, type Token } from './confirmation-text.ts'
import type { NormalisedTransaction } from './normalise-request.ts'
import type { RecordMove } from './record-move.ts'
import { refuseEnd } from './requested-end.ts'
import { shortConfirmationText } from './short-text.ts'
import type { Transaction } from './transaction.ts'
import type { TransactionRepository } from './transaction-repository.ts'

export interface StoreDeps {
  readonly transactions: Pick<TransactionRepository, 'insert' | 'draft' | 'insertMoved'>
  readonly admit: AdmitTransfer
  readonly advance: Advance
  readonly recordMove: RecordMove
  /** Made anew from the row. */
  readonly digestOf: (row: Transaction) => string
  readonly chain: (chainId: number) => { readonly symbol: string, readonly maxFeeTotal: string, readonly tokens: readonly Token[] } | undefined
  /** keccak-256 of bytes, hex. */
  readonly hashOf: (data: string) => string
  readonly ttlMs: number
  readonly newTransactionId: () => string
  readonly newChallengeId: () => string
  readonly crashPoint: CrashPoint
}

export interface Admitted {
  readonly transfer: NormalisedTransaction
  readonly fingerprint: string
  readonly idempotencyKey: string
  readonly admission: Extract<Admission, { admitted: true }>
  readonly proved: ProvedIntent | undefined
  readonly asking: Asking
}

export type Refusal = Extract<Admission, { admitted: false }>

/** Its room in a window went to another one since the first look: nothing was stored. */
export class RefusedMeanwhile extends Error {
  readonly refusal: Refusal
  constructor (refusal: Refusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
}

/** A program has no factors: what it cannot prove by its own signature, nobody ever proves. @returns why it is refused, or undefined. */
export function lackOfProgram ({ principal, requirements: { proof }, policy, rule }: Extract<Admission, { admitted: true }>, proved: ProvedIntent | undefined): Refusal | undefined {
  if (principal.kind !== 'service' || proof === undefined) return undefined
  const refusal = (reason: string, detail: string): Refusal => ({ admitted: false, reason, detail, policy: { version: policy.version, rule } })
  if (!proof.programs) return refusal('wants_factors', 'A rule that has a say here names the kinds of factors that confirm, and a program has none.')
  return proved === undefined ? refusal('no_intent', 'This program must sign its request: what it may do without a proof is over.') : undefined
}

/** Nothing more is asked of it. */
export const goesAtOnce = ({ admission: { requirements: { proof, approvals, delaySeconds } }, proved }: Admitted): boolean =>
  (proof === undefined || proved !== undefined) && approvals.length === 0 && delaySeconds === 0

/** It waits for somebody or something whatever happens, and uses nothing up: such may be stored together. */
export const onlyWaits = (admitted: Admitted): boolean => admitted.proved === undefined && !goesAtOnce(admitted)

/**
 * @returns the row, waiting or approved; undefined when it is over already.
 * @throws RefusedMeanwhile, KeyTaken, Problem. The unit is lost then.
 */
export const createStoreTransaction = (deps: StoreDeps) => async (unit: Unit, admitted: Admitted): Promise<Transaction | undefined> => {
  const { proved } = admitted
  const received = await deps.transactions.insert(newRow(deps, admitted), unit)
  const step = completed(deps, admitted, received)
  // Two requests with one intent: the unit is lost, and its index has decided.
  if (proved !== undefined && !await proved.use(received, unit)) throw new Problem(problems.proofRejected)
  const row = await deps.advance(unit, received, await inThisUnit(deps, unit, admitted, received), {
    ...step, ...proved !== undefined && { proof: proved.proof }, record: { ...step.record, facts: { ...proved?.facts, ...step.record?.facts } }
  })
  await deps.crashPoint('create.storing')
  return row
}

/** Many that only wait, in as many round trips as one takes. @returns their rows, in their order. @throws as for one, for all of them. */
export const createStoreWaiting = (deps: StoreDeps) => async (unit: Unit, all: readonly Admitted[]): Promise<Transaction[]> => {
  const { transactions, recordMove, crashPoint } = deps
  const waits = all.map((admitted) => {
    const row = transactions.draft(newRow(deps, admitted), admitted.admission.held.at)
    const entry = firstWait(row, admitted.admission, completed(deps, admitted, row))
    return { row, entry, move: entry.move }
  })
  const rows = await transactions.insertMoved(waits, unit)
  await recordMove.inserted(unit, waits.map(({ entry }, index) => ({ entry, row: rows[index] as Transaction })))
  await crashPoint('create.storing')
  return rows
}

function newRow (deps: StoreDeps, { transfer, fingerprint, idempotencyKey, admission, asking }: Admitted) {
  const { wallet, policy, rule, calls } = admission
  const chain = deps.chain(transfer.chainId)
  if (chain === undefined) throw new Problem(problems.notPermitted)
  return {
    fields: {
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
    },
    end: transfer.validUntil ?? { ttlMs: lifeMsOf(admission.requirements, deps.ttlMs) }
  }
}

/** What only its row can tell: its end, its digest and the texts that show it. @throws Problem schemaViolation */
function completed (deps: StoreDeps, { transfer, admission }: Admitted, received: Transaction): Step {
  refuseEnd(received, lifeMsOf(admission.requirements, deps.ttlMs))
  const { wallet, calls } = admission
  const chain = deps.chain(received.chainId)
  if (chain === undefined) throw new Problem(problems.notPermitted)
  const digest = deps.digestOf(received)
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
  return {
    from: 'received',
    set: { digest, text, shortText },
    record: {
      actor: received.initiator,
      facts: { digest, text_sha256: createHash('sha256').update(text, 'utf8').digest('hex'), challenge: received.confirmation.challengeId, wallet: wallet.id }
    }
  }
}

/** What may go at once takes its room in the windows with it, so that it is decided from what this very unit sees. */
async function inThisUnit ({ admit }: StoreDeps, unit: Unit, admitted: Admitted, { initiator, maxFeeTotal }: Transaction): Promise<Admitted['admission']> {
  const { transfer, admission } = admitted
  if (!goesAtOnce(admitted)) return admission
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
