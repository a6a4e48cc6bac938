/** Admission of a signature: read to its last member, decided by policy, stored once per (user, idempotency key). */
import { createHash } from 'node:crypto'
import { Problem, problems, type SignatureRequest, type SignatureView } from '@countersign/contracts'
import type { Audit } from '@countersign/mongo'
import type { Advance } from '../approvals/advance.ts'
import type { ParsedCall } from '../calls/call.ts'
import { allowsEverybody } from '../calls/multicall3.ts'
import type { CrashPoint } from '../crash-points.ts'
import type { ProvedIntent, ProveIntent } from '../intents/prove-intent.ts'
import { lifeMsOf } from '../policies/requirements.ts'
import type { InLine } from '../policies/window-line.ts'
import type { Unit } from '../unit.ts'
import type { Admission, Admit } from '../transactions/admit-transfer.ts'
import type { Asking } from '../transactions/asking.ts'
import type { Token } from '../transactions/confirmation-text.ts'
import { KeyTaken } from '../transactions/countersigned-repository.ts'
import type { AnswerFirst } from '../transactions/first-answer.ts'
import { refuseEnd, wholeSecond } from '../transactions/requested-end.ts'
import { lackOfProgram, RefusedMeanwhile, type Refusal } from '../transactions/store-transaction.ts'
import { askedAbout, chainOf, messageDigest, payloadOf, readMessage, type Message } from './message.ts'
import type { Signature } from './signature.ts'
import type { SignatureRepository } from './signature-repository.ts'
import { signatureText } from './signature-text.ts'

export interface CreateSignatureDeps {
  readonly signatures: Pick<SignatureRepository, 'findByKey' | 'insert'>
  readonly admit: Admit
  readonly advance: Advance<Signature>
  /** Signs what needs nobody, or asks for the confirmation. */
  readonly answerFirst: AnswerFirst<Signature, SignatureView>
  readonly proveIntent: ProveIntent
  readonly audit: Pick<Audit, 'append'>
  readonly inLine: InLine
  /** Made anew from the row. */
  readonly digestOf: (row: Signature) => string
  readonly tokensOf: (chainId: number) => readonly Token[]
  /** EIP-55, of the chain's Multicall3. */
  readonly multicall3: (chainId: number) => string | undefined
  readonly ttlMs: number
  readonly newSignatureId: () => string
  readonly newChallengeId: () => string
  readonly crashPoint: CrashPoint
}

export interface CreateSignatureGiven {
  readonly idempotencyKey: string
  readonly request: SignatureRequest
  /** Of a program: its own signature of just this request. */
  readonly intent: string | undefined
}
export interface CreatedSignature { readonly signature: SignatureView, readonly replayed: boolean }

/** A wallet that confirms shows all of it in one message. */
const longestShown = 4_000

const fault = (path: string, message: string): Problem => new Problem(problems.schemaViolation, { faults: [{ path, message }] })

/** @throws Problem schemaViolation, notPermitted, policyDenied, proofRejected, idempotencyConflict; what otp-service refuses with */
export const createCreateSignature = (deps: CreateSignatureDeps) => async ({ idempotencyKey, request, intent }: CreateSignatureGiven, asking: Asking): Promise<CreatedSignature> => {
  const message = readMessage(request)
  const fingerprint = fingerprintOf(request, message)
  const earlier = await deps.signatures.findByKey(asking.userId, idempotencyKey)
  if (earlier !== undefined) return await replay(deps, earlier, fingerprint, asking)

  const asked = askedAbout(message, { initiator: asking.userId, walletId: request.wallet_id, chainId: chainOf(message) })
  const first = await deps.admit(asked)
  if (!first.admitted) throw await refuse(deps, first, request, fingerprint, asking)
  refuseForEverybody(deps, asked.chainId, first.calls)
  const proved = await deps.proveIntent({ jws: intent, principal: first.principal, idempotencyKey, request, at: first.held.at, requestId: asking.requestId })
  try {
    const stored = await deps.inLine(request.wallet_id, async (unit) => {
      // What may go at once takes its room in the windows with it, so that it is decided from what this very unit sees.
      const admission = await deps.admit(asked, unit)
      if (!admission.admitted) throw new RefusedMeanwhile(admission)
      const lacking = lackOfProgram(admission, proved)
      if (lacking !== undefined) throw new RefusedMeanwhile(lacking)
      return await store(deps, unit, { request, message, fingerprint, idempotencyKey, admission, proved }, asking)
    })
    if (stored === undefined) throw new Problem(problems.unavailable, { retry_after: 1 })
    await deps.crashPoint('signature.admitted')
    return { signature: await deps.answerFirst(stored, asking, { principal: first.principal }), replayed: false }
  } catch (error) {
    if (error instanceof RefusedMeanwhile) throw await refuse(deps, error.refusal, request, fingerprint, asking)
    if (!(error instanceof KeyTaken)) throw error
    // The same key raced this one and was first: the unique index decided.
    const winner = await deps.signatures.findByKey(asking.userId, idempotencyKey)
    if (winner === undefined) throw new Problem(problems.unavailable, { retry_after: 1 })
    return await replay(deps, winner, fingerprint, asking)
  }
}

/** As of transactions: an allowance for Multicall3 is one for everybody. @throws Problem schemaViolation */
function refuseForEverybody ({ multicall3 }: CreateSignatureDeps, chainId: number, calls: readonly ParsedCall[]): void {
  if (calls.some(({ movement }) => allowsEverybody(movement, multicall3(chainId)))) {
    throw fault('body/typed_data/message', 'allows a contract that does whatever anybody asks of it: an allowance for it is one for everybody')
  }
}

/** Of what is signed in its canonical form, so that the same request in another spelling is the same. */
const fingerprintOf = ({ wallet_id: walletId, valid_until: until, metadata = {} }: SignatureRequest, message: Message): string =>
  createHash('sha256').update(JSON.stringify(['signature/v1', walletId, payloadOf(message), until === undefined ? '' : new Date(until).toISOString(), Object.entries(metadata)])).digest('hex')

async function refuse ({ audit }: CreateSignatureDeps, { reason, detail, policy }: Refusal, { wallet_id: wallet }: SignatureRequest, fingerprint: string, { userId, requestId }: Asking): Promise<Problem> {
  await audit.append({
    event: 'signature.refused', subject: userId, actor: userId, requestId, facts: { reason, wallet, fingerprint, ...policy !== undefined && { policy_version: policy.version, rule: policy.rule } }
  })
  return new Problem(policy === undefined ? problems.notPermitted : problems.policyDenied, { detail })
}

interface Admitted {
  readonly request: SignatureRequest
  readonly message: Message
  readonly fingerprint: string
  readonly idempotencyKey: string
  readonly admission: Extract<Admission, { admitted: true }>
  readonly proved: ProvedIntent | undefined
}

/** The row's end is stamped by the database, and the digest needs it: inserted first, completed in the same transaction. */
async function store (deps: CreateSignatureDeps, unit: Unit, { request, message, fingerprint, idempotencyKey, admission, proved }: Admitted, asking: Asking): Promise<Signature | undefined> {
  const { wallet, policy, rule, calls } = admission
  const lifeMs = lifeMsOf(admission.requirements, deps.ttlMs)
  const fields = {
    id: deps.newSignatureId(),
    initiator: asking.userId,
    idempotencyKey,
    fingerprint,
    requestId: asking.requestId,
    walletId: wallet.id,
    chainId: chainOf(message),
    address: wallet.address,
    payload: payloadOf(message),
    metadata: request.metadata ?? {},
    policy: { id: policy.id, version: policy.version, rule },
    confirmation: { challengeId: deps.newChallengeId(), sessionId: asking.sessionId, factorKinds: admission.factorKinds, asked: null }
  }
  const received = await deps.signatures.insert({ fields, end: request.valid_until === undefined ? { ttlMs: lifeMs } : wholeSecond(Date.parse(request.valid_until)) }, unit)
  refuseEnd(received, lifeMs)
  // Two requests with one intent: the unit is lost, and its index has decided.
  if (proved !== undefined && !await proved.use(received, unit)) throw new Problem(problems.proofRejected)
  const [digest, signed] = [deps.digestOf(received), messageDigest(message)]
  const { id, initiator, address, validUntil } = received
  const text = signatureText({ id, initiator, walletName: wallet.name, address, message, digest: signed, calls, tokens: deps.tokensOf(received.chainId), validUntil })
  if (text.length > longestShown) throw fault('body', 'would be too long a text to be confirmed by anybody')
  const row = await deps.advance(unit, received, admission, {
    from: 'received',
    set: { digest, text, shortText: null },
    ...proved !== undefined && { proof: proved.proof },
    record: {
      actor: initiator,
      facts: { ...proved?.facts, digest, message_digest: signed, text_sha256: createHash('sha256').update(text, 'utf8').digest('hex'), challenge: received.confirmation.challengeId, wallet: wallet.id }
    }
  })
  await deps.crashPoint('signature.admitting')
  return row
}

async function replay (deps: CreateSignatureDeps, earlier: Signature, fingerprint: string, asking: Asking): Promise<CreatedSignature> {
  if (earlier.fingerprint !== fingerprint) throw new Problem(problems.idempotencyConflict)
  return { signature: await deps.answerFirst(earlier, asking), replayed: true }
}
